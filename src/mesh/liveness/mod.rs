//! Liveness: encrypted pings, round-trip times, time-outs.
//!
//! Every open session is pinged; one whose ping goes unanswered for too long is closed. [`RoundTrip`] on the session tells how far
//! away the other side is.

mod components;
mod config;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppRestExt, AppTimerExt, ProtocolSystems, Session};

pub use components::RoundTrip;
pub use config::LivenessConfig;

/// Adds pings.
#[derive(Debug, Clone, Default)]
pub struct LivenessPlugin(pub LivenessConfig);

impl Plugin for LivenessPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_timer::<systems::PingTimer>()
            .add_message_systems((systems::begin, systems::answer, systems::ping).chain().in_set(ProtocolSystems::Liveness));
        app.world_mut().register_required_components::<Session, RoundTrip>();
        app.world_mut().register_required_components::<Session, components::Pings>();
    }
}
