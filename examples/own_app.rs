//! The plugins, one by one, in an App of one's own: `cargo run --example own_app`.
//!
//! `MeshNode::start` and `install` put a node together as most want it. Here the program does it itself: it chooses the protocols, adds
//! [`MeshPlugins`] and whatever else to its App, and moves what passes the gate over sockets. Two nodes live in one world and find each other.

use std::sync::mpsc;
use std::time::Duration;

use bevy_app::{App, AppExit, ScheduleRunnerPlugin, Update};
use bevy_ecs::prelude::*;
use murmuration::crypto::{CryptoMode, Identity, Secret};
use murmuration::gate::{Command, GatePlugin, Input, NICK, NodeSpec, spawn_node};
use murmuration::kernel::{Contact, KernelPlugin};
use murmuration::live::engine::{self, Ended};
use murmuration::live::sockets::{self, Names, Sockets};
use murmuration::live::{DEFAULT_NETWORK, Engine, EventsPlugin, WallClock, network_key, network_tag};
use murmuration::mesh::membership::Membership;
use murmuration::mesh::{MeshPlugins, Protocols};
use murmuration::wire::Address;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Sockets: one listener for each node. Within a process a node is dialled by its number.
    let (events, inbox) = mpsc::channel();
    let clock = WallClock::unix();
    let listeners = [(); 2].map(|()| sockets::bind(([127, 0, 0, 1], 0).into()));
    let listeners = listeners.into_iter().collect::<Result<Vec<_>, _>>()?;
    let addresses = listeners.iter().map(|listener| listener.local_addr()).collect::<Result<Vec<_>, _>>()?;
    let mut sockets = Sockets::new(events, clock, Names::of_nodes(addresses), Duration::from_secs(5))?;
    for (number, listener) in listeners.into_iter().enumerate() {
        sockets.listen(number as u32, listener)?;
    }

    // The kernel, the protocols that are wanted, the gate through which everything enters and leaves, and what tells of it.
    let mut app = App::new();
    app.add_plugins((KernelPlugin::default(), MeshPlugins(Protocols::default()), GatePlugin, EventsPlugin));
    app.init_resource::<Ended>().insert_resource(Engine::new(clock, sockets, inbox));

    let world = app.world_mut();
    for ordinal in 0..2 {
        // A program would take these from the system's randomness.
        let seed = [ordinal as u8 + 1; 32];
        let spec = NodeSpec {
            ordinal,
            identity: Identity::from_seed(seed, CryptoMode::Real),
            network_key: network_key(DEFAULT_NETWORK, None),
            network_tag: network_tag(DEFAULT_NETWORK, None),
            address: Address::Memory(ordinal),
            seeds: (ordinal > 0).then_some(Address::Memory(0)).into_iter().collect(),
            known: Vec::new(),
            incarnation: 0,
            random: u64::from(ordinal),
            key_random: Secret(seed),
        };
        let now = world.resource::<Engine>().now();
        spawn_node(world, spec, now);
        // What enters makes the first tick due.
        let nick = Command::SetKey { key: NICK.to_owned(), value: Some(format!("node-{ordinal}").into_bytes()) };
        world.resource_mut::<Engine>().enter(Input::Command { node: ordinal, command: nick });
    }

    app.add_plugins(ScheduleRunnerPlugin::run_loop(Duration::from_millis(5)));
    app.add_systems(Update, (move_mesh, look).chain());
    app.run();
    Ok(())
}

/// The mesh does what is due, once a frame.
fn move_mesh(world: &mut World) {
    engine::turn(world);
}

/// An ordinary system that looks at the mesh.
fn look(nodes: Query<(&Contact, &Membership)>, mut exit: MessageWriter<AppExit>) {
    if nodes.iter().all(|(_, members)| members.len() == 1) {
        for (me, members) in &nodes {
            println!("{} knows {} member", me.id, members.len());
        }
        exit.write(AppExit::Success);
    }
}
