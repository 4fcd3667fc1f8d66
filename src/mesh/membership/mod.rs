//! Membership: Scuttlebutt anti-entropy over signed namespaces.
//!
//! Every member owns a namespace of versioned keys, tombstones and a heartbeat, all signed by it. Once a round a node compares
//! digests with a random neighbour, and both send what the other lacks. Tells [`MemberJoined`], [`Heartbeat`] and
//! [`MemberForgotten`], and keeps the address book: who joins is alive in it, who has been suspected for the grace period is lost.
//! What is told of the forgotten counts only if it is later than what was known at the end.

mod components;
mod config;
mod messages;
mod namespace;
mod scuttlebutt;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppTickExt, AppTimerExt, Node, ProtocolSystems, Tick};
use crate::mesh::leave::MemberLeft;

pub use components::Membership;
pub use config::MembershipConfig;
pub use messages::{Heartbeat, MemberForgotten, MemberJoined, SetKey};
pub use namespace::{MAX_KEY, MAX_KEYS, MAX_VALUE, Namespace};
pub use scuttlebutt::{Forged, MAX_MEMBERS, News, Scuttlebutt};

/// The key under which a member says where it is reached.
pub const ADDRESS: &str = "address";

/// Adds membership.
#[derive(Debug, Clone, Default)]
pub struct MembershipPlugin(pub MembershipConfig);

impl Plugin for MembershipPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<Heartbeat>()
            .add_tick_message::<SetKey>()
            .add_tick_message::<MemberLeft>()
            .add_timer::<systems::Round>()
            .add_timer::<systems::Beat>()
            .add_systems(
                Tick,
                (systems::start, systems::write_keys, systems::beat, systems::let_go, systems::receive, systems::gossip)
                    .chain()
                    .in_set(ProtocolSystems::Membership),
            )
            // After the overlay, which tells of new neighbours.
            .add_systems(Tick, systems::greet.in_set(ProtocolSystems::Greeting));
        app.world_mut().register_required_components::<Node, Membership>();
    }
}
