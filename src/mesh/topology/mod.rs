//! Topology: a connected graph in which every node has few links.
//!
//! A node with fewer links than its minimum asks members for one, over sessions that it dials. A full node sends askers on to
//! neighbours with room, or puts them *into* one of its links (`negotiate.rs`), so nobody is left outside. An audit gives up links to
//! the dead, confirms the others so that both sides agree on them, and closes sessions that serve nobody. Links that fall silent are
//! replaced before anybody is held for dead (`silence.rs`).
//!
//! No islands: whom no heartbeat reaches is suspected; discovery dials one of the suspected now and then; and a session with such a
//! one becomes a *bridge* (`bridge.rs`), a link that is granted even beyond the maximum. So does a session that no link needs, instead of
//! being closed, if no published link leads to its other side. What is then too much is shed in ways that cannot cut the mesh (`shed.rs`).
//!
//! Guaranteed, once members answer and nothing fails any more: links are mutual, all members that know of each other are connected,
//! and every degree is within its bounds wherever that is possible; then no link changes. Not guaranteed: bounds while links are being
//! handed over and parts join (one or two more for some seconds), nor while some are silent (`Neighbors` holds those too), nor that a mesh
//! with as many links as it may have (`min_degree` = `max_degree`) finds them all.

mod bridge;
mod components;
mod config;
#[cfg(test)]
mod model;
mod negotiate;
mod probes;
mod rules;
mod shed;
mod silence;
mod systems;
#[cfg(test)]
mod tests;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems};
use crate::mesh::leave::MemberLeft;

pub use components::Topology;
pub use config::TopologyConfig;

/// Adds the degree-constrained overlay.
#[derive(Debug, Clone, Default)]
pub struct TopologyPlugin(pub TopologyConfig);

impl Plugin for TopologyPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_tick_message::<MemberLeft>()
            .add_timer::<systems::Audit>()
            .add_timer::<systems::Wake>()
            .add_timer::<systems::Listen>()
            .add_message_systems(
                (
                    systems::start,
                    systems::follow_closed,
                    systems::follow_left,
                    systems::follow_opened,
                    systems::receive,
                    systems::listen,
                    systems::wake,
                    systems::audit,
                )
                    .chain()
                    .in_set(ProtocolSystems::Topology),
            );
        app.world_mut().register_required_components::<Node, Topology>();
    }
}
