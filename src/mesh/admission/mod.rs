//! Admission: who may be a member of a network that is by invitation.
//!
//! The network is a set of signed [`Record`](crate::wire::admission::Record)s that only grows: the one that founds it, invitations,
//! revocations. Every member holds all of them ([`Ledger`]) and derives from them, by the same function, who is a member ([`Roll`]).
//! They do not lie in the namespaces of membership, because those go with their owners, and what somebody has said about others must
//! outlive it. So they are spread by a comparison of their own, between all open sessions: when one opens, and every few seconds with one
//! chosen at random; what is new is passed on at once.
//!
//! What holds:
//! - who is a member depends on the set only, not on the order in which its records came;
//! - whoever was revoked has no power any more: what it signs is void, unless its revokers had known it when they revoked;
//! - of two who revoke each other without knowing, the one nearer to the founder stays, of two that are as near the lower key;
//! - somebody whose sponsor was revoked stays, if the revokers knew of the invitation. If they did not, another member must invite it.
//!
//! What does not:
//! - a member can invite as many as a network has room for, itself under other keys too, so a quorum is no defence against many keys;
//! - by [`RevocationRule::Sponsors`] whoever is nearer to the founder becomes somebody's sponsor by inviting it too;
//! - of two who revoked each other the junior becomes the senior if somebody nearer to the founder invites it again;
//! - two who each found a network and invite each other stay apart.
//!
//! Writes the [`AccessList`](crate::kernel::AccessList), which handshake and membership hold to. A node that founded a network and is
//! alone in it is *provisional*, one that has been invited nowhere *waits*: both talk to anybody who might have invited them, and adopt the
//! first network that has. From then on they hold to it.

mod components;
mod config;
mod exchange;
mod ledger;
mod messages;
mod outlets;
mod roll;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

pub use components::{Admission, AdmissionCounts, AdmissionState};
pub use config::{AdmissionConfig, AdmissionSettings};
pub use ledger::{Ledger, MAX_PENDING, MAX_PER_SIGNER, Rejection};
pub use messages::{Accused, AdmissionChanged, AdmissionError, AdmissionRefused, Admitted, Invite, Revoke, Revoked};
pub use roll::{Place, Roll};

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems};
#[cfg(doc)]
use crate::wire::admission::RevocationRule;

/// Adds admission to every node. Needs the handshake and membership. Nodes may have [`AdmissionSettings`].
#[derive(Clone, Debug, Default)]
pub struct AdmissionPlugin(pub AdmissionConfig);

impl Plugin for AdmissionPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_timer::<systems::Round>()
            .add_timer::<outlets::Parting>()
            .add_waiting_message::<Invite>()
            .add_waiting_message::<Revoke>()
            .add_tick_message::<AdmissionRefused>()
            .add_tick_message::<Admitted>()
            .add_tick_message::<Revoked>()
            .add_tick_message::<Accused>()
            .add_tick_message::<AdmissionChanged>()
            .add_message_systems(
                (
                    systems::start,
                    systems::note_strangers,
                    systems::show_revoked,
                    systems::greet,
                    systems::receive,
                    systems::invite,
                    systems::revoke,
                    systems::compare,
                    systems::part,
                )
                    .chain()
                    .in_set(ProtocolSystems::Admission),
            );
        app.world_mut().register_required_components::<Node, Admission>();
    }
}

#[cfg(test)]
mod tests;
