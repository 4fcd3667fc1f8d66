//! Broadcast: Plumtree, and the repair of gaps.
//!
//! Reads [`Publish`], the overlay's `NeighborUp` and `NeighborDown`, and its own wire messages. Tells [`Published`], [`Delivered`] and
//! [`Redundant`]. Every message reaches every node that has a path to its origin, now or within the time for which messages are
//! kept, and is delivered to it once.

mod components;
mod messages;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems};

pub use super::plumtree::BroadcastConfig;
pub use components::Broadcast;
pub use messages::{Delivered, Publish, Published, Redundant};

/// Adds Plumtree.
#[derive(Debug, Clone, Default)]
pub struct BroadcastPlugin(pub BroadcastConfig);

impl Plugin for BroadcastPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_tick_message::<Publish>()
            .add_tick_message::<Published>()
            .add_tick_message::<Delivered>()
            .add_tick_message::<Redundant>()
            .add_timer::<systems::TreeTimer>()
            .add_timer::<systems::SummaryTimer>()
            .add_message_systems(
                (
                    systems::start,
                    systems::follow_neighbors,
                    systems::publish,
                    systems::receive,
                    systems::tree_timers,
                    systems::compare_notes,
                )
                    .chain()
                    .in_set(ProtocolSystems::Broadcast),
            );
        app.world_mut().register_required_components::<Node, Broadcast>();
    }
}
