//! What nodes would have on their disks: the simulator keeps no rows.

use std::collections::BTreeMap;

use bevy_app::App;
use bevy_ecs::prelude::*;
use murmuration::kernel::{Instant, Node, Persist, Restored, Tick, TickSystems};

use super::harness::node;

type Rows = BTreeMap<(u32, Vec<u8>), Vec<u8>>;

/// The rows of all nodes, and a backup of them.
#[derive(Resource, Default)]
struct Disks {
    rows: Rows,
    backup: Rows,
}

/// Lets nodes keep their rows.
pub fn attach(app: &mut App) {
    app.insert_resource(Disks::default()).add_systems(Tick, write.in_set(TickSystems::Observe));
}

fn write(mut persisted: MessageReader<Persist>, nodes: Query<&Node>, mut disks: ResMut<Disks>) {
    for Persist { node, row, value } in persisted.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        let name = (node.ordinal, row.clone());
        match value {
            Some(value) => disks.rows.insert(name, value.to_vec()),
            None => disks.rows.remove(&name),
        };
    }
}

/// Makes a backup of all.
pub fn back_up(world: &mut World, _: Instant) {
    let mut disks = world.resource_mut::<Disks>();
    disks.backup = disks.rows.clone();
}

fn mount(world: &mut World, at: Instant, ordinal: u32, rows: Rows) {
    let node = node(world, ordinal);
    for ((_, row), value) in rows.into_iter().filter(|((owner, _), _)| *owner == ordinal) {
        world.write_message(Restored { node, row, value: value.into(), at });
    }
}

/// The node, which starts just now with nothing, finds its rows.
pub fn restore(world: &mut World, at: Instant, ordinal: u32) {
    let rows = world.resource::<Disks>().rows.clone();
    mount(world, at, ordinal, rows);
}

/// The node, which starts just now with nothing, finds what stood on its disk when the backup was made, and nothing else.
pub fn restore_backup(world: &mut World, at: Instant, ordinal: u32) {
    let mut disks = world.resource_mut::<Disks>();
    let backup = disks.backup.clone();
    disks.rows.retain(|(owner, _), _| *owner != ordinal);
    disks.rows.extend(backup.clone().into_iter().filter(|((owner, _), _)| *owner == ordinal));
    mount(world, at, ordinal, backup);
}
