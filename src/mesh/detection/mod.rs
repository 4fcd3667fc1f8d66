//! Detection: phi accrual (Hayashibara, Défago, Yared, Katayama 2004) over heartbeats.
//!
//! It watches every member that membership announces, and measures on the node's own clock how its heartbeats come in:
//! directly or through others, whichever is first. [`phi`] has the formula. A look at all members compares instants only:
//! the one at which a member's suspicion reaches the threshold is known as soon as its heartbeat is in.
//!
//! A node that was stopped itself, as by SIGSTOP, suspects nobody when it resumes: what it missed is not their silence.

mod components;
mod config;
mod messages;
mod phi;
mod systems;
#[cfg(test)]
mod tests;
mod window;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

pub use components::Detector;
pub use config::DetectionConfig;
pub use messages::{Suspected, Trusted};
pub use phi::phi;

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{Heartbeat, MemberForgotten, MemberJoined};

/// Adds detection to every node. Needs membership.
#[derive(Clone, Debug, Default)]
pub struct DetectionPlugin(pub DetectionConfig);

impl Plugin for DetectionPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(components::Limits::new(self.0.clone()))
            .add_timer::<systems::Look>()
            .add_tick_message::<Suspected>()
            .add_tick_message::<Trusted>()
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<Heartbeat>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<MemberLeft>()
            .add_message_systems(
                (systems::start, systems::excuse_absence, systems::follow_members, systems::hear, systems::look)
                    .chain()
                    .in_set(ProtocolSystems::Detection),
            );
        app.world_mut().register_required_components::<Node, Detector>();
    }
}
