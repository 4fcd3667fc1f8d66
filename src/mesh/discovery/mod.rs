//! Discovery: hellos on the local segment, seeds with exponential back-off, and those who were lost.
//!
//! It only asks for sessions (`Connect`): while the node has none, it tries its seeds and whoever it knows, ever more slowly; and
//! always, now and then, one of those whom the failure detector holds for dead, so that the halves of a healed partition find each
//! other. What becomes of a session is the overlay's decision.

mod backoff;
mod components;
mod config;
mod messages;
mod systems;
mod traffic;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems};

pub use backoff::delay;
pub use components::{Discovery, KnownPeers, Seeds};
pub use config::DiscoveryConfig;
pub use messages::{WentOffline, WentOnline};

/// Adds discovery. Nodes may have [`Seeds`], [`KnownPeers`] and a [`NetworkTag`](crate::kernel::NetworkTag).
#[derive(Debug, Clone, Default)]
pub struct DiscoveryPlugin(pub DiscoveryConfig);

impl Plugin for DiscoveryPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_tick_message::<WentOffline>()
            .add_tick_message::<WentOnline>()
            .add_timer::<systems::HelloTimer>()
            .add_timer::<systems::Attempt>()
            .add_timer::<systems::Probation>()
            .add_timer::<systems::LostTimer>()
            .add_message_systems(
                (
                    systems::start,
                    systems::say_hello,
                    systems::hear_hello,
                    systems::follow_sessions,
                    systems::end_probation,
                    systems::attempt,
                    systems::seek_lost,
                    traffic::count_hellos,
                )
                    .chain()
                    .in_set(ProtocolSystems::Discovery),
            );
        app.world_mut().register_required_components::<Node, Discovery>();
        app.world_mut().register_required_components::<Node, Seeds>();
        app.world_mut().register_required_components::<Node, KnownPeers>();
    }
}
