//! Routing: messages from one member to any other, over as many links as it takes.
//!
//! Each member publishes its links in its namespace; all that is published is the [`LinkState`] of a node, and each who holds a datagram
//! passes it to the next on a shortest path. A datagram is sealed to its target and signed by its source: those who pass it on learn who
//! talks to whom and how much, and can lose it, but neither read nor alter it.
//!
//! Reads [`SendTo`], the overlay's `NeighborUp` and `NeighborDown`, membership's news and its own wire messages. Tells
//! [`DatagramReceived`] and [`SendFailed`]. What holds:
//! - only the target reads a datagram, once, and knows who sent it;
//! - whoever holds a datagram and knows no way keeps it for a while, looks again when the links change, and tells the source if it gives up;
//! - no datagram goes on for ever, whatever those who pass it on believe.
//!
//! What does not: that everything arrives. A datagram that is under way over a link that dies unnoticed is lost and nobody is told; there is
//! no acknowledgement. A target that has restarted has forgotten which datagrams it had, so it opens none that were sealed to an earlier
//! life; it says so, and they are sealed anew. Of one source, a datagram that was overtaken by 1,024 later ones counts as a replay.

mod components;
mod config;
mod effects;
mod forwarding;
mod heard;
mod messages;
mod outstanding;
mod systems;
#[cfg(test)]
mod testbed;
#[cfg(test)]
mod tests;
mod waiting;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

pub use components::{Routing, RoutingCounts};
pub use config::RoutingConfig;
pub use messages::{DatagramReceived, SendFailed, SendTo};

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, LinkState, Node, ProtocolSystems};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{KeyChanged, MemberForgotten, MemberJoined, SetKey};

/// The key of a namespace that holds its owner's links: eight bytes for each, in order.
pub const LINKS: &str = "links";

/// Adds routing. Needs prekeys.
#[derive(Clone, Debug, Default)]
pub struct RoutingPlugin(pub RoutingConfig);

impl Plugin for RoutingPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .init_resource::<RoutingCounts>()
            .init_resource::<systems::Stirred>()
            .add_timer::<systems::RoutingTimer>()
            .add_waiting_message::<SendTo>()
            .add_waiting_message::<SetKey>()
            .add_tick_message::<DatagramReceived>()
            .add_tick_message::<SendFailed>()
            .add_tick_message::<MemberLeft>()
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<KeyChanged>()
            .add_message_systems(
                (
                    systems::start,
                    systems::learn,
                    systems::follow_neighbors,
                    systems::act,
                    systems::send,
                    systems::receive,
                    systems::look_again,
                )
                    .chain()
                    .in_set(ProtocolSystems::Routing),
            );
        let world = app.world_mut();
        world.register_required_components::<Node, LinkState>();
        world.register_required_components::<Node, Routing>();
    }
}
