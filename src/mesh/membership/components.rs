//! What membership knows of a node's mesh.

use bevy_ecs::prelude::*;

use super::exchange::Fresh;
use super::state::State;
use crate::crypto::NodeId;

/// The members that a node holds, and their namespaces. How each stands is in the node's
/// [`AddressBook`](crate::kernel::AddressBook).
#[derive(Component, Default, Debug)]
pub struct Membership {
    pub(super) state: State,
    /// Who has just become known and is to be passed on without waiting for a round, at most `MAX_MEMBERS`; a timer is
    /// set unless it is empty.
    pub(super) fresh: Vec<Fresh>,
    /// Counts rounds, to take neighbours in turn.
    pub(super) turn: usize,
}

impl Membership {
    /// The members, by id, suspected ones included; the node itself is not among them.
    pub fn members(&self) -> impl Iterator<Item = &NodeId> {
        let ids = self.state.known.iter().map(|known| &self.state.members[usize::from(known.slot)].id);
        ids.filter(|id| self.state.own != Some(**id))
    }

    /// How many members there are besides the node itself.
    pub fn len(&self) -> usize {
        self.state.known.len() - usize::from(self.state.own.is_some())
    }

    /// Whether the node knows of nobody but itself.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `id` is a member or the node itself.
    pub fn contains(&self, id: &NodeId) -> bool {
        self.state.find(id).is_ok()
    }

    /// The value of `key` in the namespace of `id`, which may be the node itself.
    pub fn get(&self, id: &NodeId, key: &str) -> Option<&[u8]> {
        let (_, member) = self.state.member(id)?;
        member.entries.iter().find(|entry| &*entry.key == key && !entry.deleted).map(|entry| &*entry.value)
    }

    /// The keys and values of `id`'s namespace, in the order in which they were written.
    pub fn namespace(&self, id: &NodeId) -> impl Iterator<Item = (&str, &[u8])> {
        let entries = self.state.member(id).into_iter().flat_map(|(_, member)| &member.entries);
        entries.filter(|entry| !entry.deleted).map(|entry| (&*entry.key, &*entry.value))
    }

    /// Incarnation and heartbeat count of `id` as far as they are known here.
    pub fn heartbeat(&self, id: &NodeId) -> Option<(u64, u32)> {
        self.state.member(id).map(|(known, _)| (known.incarnation, known.heartbeat))
    }
}
