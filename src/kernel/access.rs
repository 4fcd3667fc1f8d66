//! Who may be a member. Shared on purpose: admission writes it, handshake and membership hold to it.

use bevy_ecs::prelude::*;
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::wire::admission::{Belonging, PastRule};
use crate::wire::{CloseReason, NodeId};

/// Who may be a member, as far as the node knows. Everybody, unless admission says otherwise.
#[derive(Component, Default, Clone, Debug)]
pub struct AccessList {
    /// Those who were admitted; `None` in a network that is open to everybody.
    pub admitted: Option<IndexSet<NodeId, FxBuildHasher>>,
    /// Those who were removed for good.
    pub revoked: IndexSet<NodeId, FxBuildHasher>,
    /// What newcomers may read of what was said before they came.
    pub past: PastRule,
    /// The node does not know yet who is a member: it has sessions with anybody, to find out, but holds nobody for a member.
    pub unsettled: bool,
    /// The network that the node is in.
    pub belonging: Belonging,
}

impl AccessList {
    /// Why `id` may not have a session, if it may not.
    pub fn refusal(&self, id: &NodeId) -> Option<CloseReason> {
        if self.revoked.contains(id) {
            Some(CloseReason::Revoked)
        } else if self.admitted.as_ref().is_some_and(|admitted| !admitted.contains(id)) {
            Some(CloseReason::NotInvited)
        } else {
            None
        }
    }

    /// Whether `id` may have a session.
    pub fn admits(&self, id: &NodeId) -> bool {
        self.refusal(id).is_none()
    }

    /// Whether `id` may be a member.
    pub fn is_member(&self, id: &NodeId) -> bool {
        !self.unsettled && self.admits(id)
    }
}
