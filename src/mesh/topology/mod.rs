//! Topology: a connected graph in which every node has few links.
//!
//! A node with fewer links than its minimum looks for one: it asks members, one after the other, over sessions that it dials. A node
//! with as many as its maximum sends askers on, and in the end puts them into one of its links (see [`negotiate`]). The audit
//! gives up links to the dead, confirms the others, closes sessions that serve nobody, and looks for what is missing.
//!
//! No islands: whom no heartbeat reaches is suspected, discovery dials one of the suspected now and then, and a session with such a
//! one becomes a *bridge*, a link that is granted even beyond the maximum. What is then too much goes, but only links round which
//! a probe has found another way.

mod actions;
mod components;
mod config;
mod negotiate;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppTickExt, AppTimerExt, Node, ProtocolSystems, Tick};
use crate::mesh::leave::MemberLeft;

pub use components::Links;
pub use config::TopologyConfig;

/// Adds the degree-constrained overlay.
#[derive(Debug, Clone, Default)]
pub struct TopologyPlugin(pub TopologyConfig);

impl Plugin for TopologyPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_tick_message::<MemberLeft>()
            .add_timer::<systems::Audit>()
            .add_timer::<actions::Repair>()
            .add_systems(
                Tick,
                (
                    systems::start,
                    systems::follow_closed,
                    systems::follow_left,
                    systems::follow_opened,
                    negotiate::receive,
                    systems::repair,
                    systems::audit,
                )
                    .chain()
                    .in_set(ProtocolSystems::Topology),
            );
        app.world_mut().register_required_components::<Node, Links>();
    }
}
