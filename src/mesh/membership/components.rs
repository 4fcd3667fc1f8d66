//! What a node knows of the members.

use bevy_ecs::prelude::*;

use super::namespace::Namespace;
use super::scuttlebutt::Scuttlebutt;
use crate::crypto::NodeId;

/// The members, with their namespaces: empty until the node starts. And which neighbour's turn it is.
#[derive(Component, Default, Debug)]
pub struct Membership(pub(super) Option<Scuttlebutt>, pub(super) usize);

impl Membership {
    /// All members, the node itself included, by id; those that are suspected too (see the address book).
    pub fn members(&self) -> impl Iterator<Item = (&NodeId, &Namespace)> {
        self.0.iter().flat_map(Scuttlebutt::members)
    }

    /// What `id` has written under `key`.
    pub fn get(&self, id: &NodeId, key: &str) -> Option<&[u8]> {
        self.0.as_ref()?.get(id)?.get(key)
    }
}
