//! Detection: phi accrual over the heartbeats that membership brings.
//!
//! Reads `Heartbeat` and who joins or goes; tells [`Suspected`] and [`Trusted`], and sets how a member stands in the address book.

mod components;
mod config;
mod messages;
pub mod phi;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppTickExt, AppTimerExt, Node, ProtocolSystems, Tick};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{Heartbeat, MemberForgotten, MemberJoined};

pub use components::Detector;
pub use config::DetectionConfig;
pub use messages::{Suspected, Trusted};

/// At how many standard deviations the configured threshold lies: phi is inverted once, and each look is a comparison.
#[derive(Resource, Clone, Copy, Debug)]
struct SuspicionDistance(f64);

/// Adds failure detection. Needs membership, which tells of heartbeats.
#[derive(Debug, Clone, Default)]
pub struct DetectionPlugin(pub DetectionConfig);

impl Plugin for DetectionPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .insert_resource(SuspicionDistance(phi::distance(self.0.threshold)))
            .add_tick_message::<Suspected>()
            .add_tick_message::<Trusted>()
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<Heartbeat>()
            .add_tick_message::<MemberLeft>()
            .add_timer::<systems::Look>()
            .add_systems(
                Tick,
                (systems::start, systems::drop_departed, systems::listen, systems::look).chain().in_set(ProtocolSystems::Detection),
            );
        app.world_mut().register_required_components::<Node, Detector>();
    }
}
