//! Membership: Scuttlebutt anti-entropy over signed namespaces.
//!
//! After R. van Renesse, D. Dumitriu, V. Gough, C. Thomas, *Efficient Reconciliation and Flow Control for Anti-Entropy
//! Protocols* (LADIS 2008). Every member owns a namespace of versioned keys and a heartbeat counter. In every round a node
//! exchanges with one neighbour, each in its turn, what either lacks ([`MembershipMessage`]); with a new neighbour it does so at once, and
//! what changes the view it passes on without waiting for a round.
//!
//! What holds:
//! - nobody can write into another's namespace, nor make another's heart beat: both are signed by their owner;
//! - what a node knows of a namespace is all of it up to some version, as far as its neighbours are honest;
//! - a member that was forgotten or left is brought back by nothing but a newer heartbeat or a later incarnation;
//! - a restarted node overrules what others hold of its earlier lives, also when its clock runs behind.
//!
//! What does not: a neighbour may withhold what it knows, an admitted node may invent members, and without detection nobody
//! is ever forgotten.

mod apply;
mod components;
mod config;
mod exchange;
mod messages;
mod signing;
mod state;
mod systems;
#[cfg(test)]
pub(crate) mod testbed;
#[cfg(test)]
mod tests;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

pub use components::Membership;
pub use config::MembershipConfig;
pub use messages::{Heartbeat, KeyChanged, MemberForgotten, MemberJoined, SetKey};
pub use state::{ADDRESS, MAX_ENTRIES, MAX_KEY, MAX_MEMBERS, MAX_VALUE, NICK};

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems, Tick};
#[cfg(doc)]
use crate::wire::MembershipMessage;

/// Adds membership to every node.
#[derive(Clone, Debug, Default)]
pub struct MembershipPlugin(pub MembershipConfig);

impl Plugin for MembershipPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .init_resource::<systems::Bench>()
            .add_timer::<systems::MembershipTimer>()
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<Heartbeat>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<KeyChanged>()
            .add_waiting_message::<SetKey>()
            .add_tick_message::<crate::mesh::leave::MemberLeft>()
            .add_tick_message::<crate::mesh::admission::AdmissionChanged>()
            .add_message_systems(
                (systems::start, systems::remove_left, systems::remove_refused, systems::write_own, systems::receive, systems::act)
                    .chain()
                    .in_set(ProtocolSystems::Membership),
            )
            // Overlays come after membership, but what they link shall not wait for a round.
            .add_systems(Tick, systems::greet_neighbors.in_set(ProtocolSystems::Greeting));
        app.world_mut().register_required_components::<Node, Membership>();
    }
}
