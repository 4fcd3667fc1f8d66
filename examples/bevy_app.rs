//! A mesh node inside a Bevy program of one's own: `cargo run --example bevy_app`.
//!
//! The program has its own schedule and its own systems; the node's plugins live in the same world, and its entities can be queried
//! like any others.

use std::time::Duration;

use bevy_app::{App, AppExit, ScheduleRunnerPlugin, Update};
use bevy_ecs::prelude::*;
use murmuration::kernel::{Contact, Neighbors};
use murmuration::live::{MeshConfig, MeshNode, engine, install};
use murmuration::mesh::membership::Membership;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let any_port = || MeshConfig { bind_addr: "127.0.0.1:0".parse().expect("an address"), lan: false, ..MeshConfig::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let other = runtime.block_on(MeshNode::start(any_port()))?;

    let mut app = App::new();
    let _node = install(&mut app, MeshConfig { seeds: vec![other.local_addr().to_string()], ..any_port() })?;
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
fn look(nodes: Query<(&Contact, &Membership, &Neighbors)>, mut exit: MessageWriter<AppExit>) {
    for (me, members, neighbors) in &nodes {
        if !members.is_empty() && !neighbors.is_empty() {
            println!("{} knows {} member and has {} link", me.id, members.len(), neighbors.len());
            exit.write(AppExit::Success);
        }
    }
}
