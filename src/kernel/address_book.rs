//! Who else there is, where, and how each stands: the one table that several protocols share on purpose.
//!
//! Discovery adds what it hears, membership adds members and removes the forgotten, detection sets how they stand, overlays
//! pick candidates. An overlay thus needs no membership protocol, and discovery knows whom to try again.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use indexmap::IndexMap;
use rand::{Rng, RngExt};
use rustc_hash::FxBuildHasher;

use super::node::Node;
use super::time::Instant;
use crate::wire::{Address, NodeId};

/// Most peers in a node's address book. Beyond it those that are not members make room, oldest first.
pub const MAX_PEERS: usize = 16_384;

/// What a node knows of where others are. It never holds the node itself.
///
/// It iterates in an order that depends only on what was done with it.
#[derive(Component, Default, Clone, Debug)]
pub struct AddressBook {
    peers: IndexMap<NodeId, Peer, FxBuildHasher>,
}

/// One peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Where it is reached.
    pub address: Address,
    /// How it stands.
    pub standing: Standing,
    /// The latest of its lives that is known; 0 if none is.
    pub incarnation: u64,
}

/// How a peer stands with this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Heard of, on the local segment or through a session, but not known as a member.
    Heard,
    /// A member whose heartbeats arrive.
    Alive,
    /// A member that the failure detector suspects.
    Suspected {
        /// Since when, in this node's view.
        since: Instant,
    },
    /// It was a member, was suspected too long and has been forgotten; worth another try now and then.
    Lost,
}

impl AddressBook {
    /// The entry of `id`.
    pub fn get(&self, id: &NodeId) -> Option<&Peer> {
        self.peers.get(id)
    }

    /// Sets the entry of `id`. Returns false if the book is full of members and had to refuse it.
    pub fn insert(&mut self, id: NodeId, peer: Peer) -> bool {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&id) {
            let dispensable = |peer: &Peer| matches!(peer.standing, Standing::Heard | Standing::Lost);
            let Some(index) = self.peers.values().position(dispensable) else { return false };
            self.peers.shift_remove_index(index);
        }
        self.peers.insert(id, peer);
        true
    }

    /// Notes where `id` is reached and leaves how it stands; a new one is [`Standing::Heard`].
    pub fn hear(&mut self, id: NodeId, address: Address) {
        match self.peers.get_mut(&id) {
            Some(peer) => peer.address = address,
            None => {
                self.insert(id, Peer { address, standing: Standing::Heard, incarnation: 0 });
            }
        }
    }

    /// Changes how `id` stands, if it is in the book.
    pub fn set_standing(&mut self, id: &NodeId, standing: Standing) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.standing = standing;
        }
    }

    /// Removes the entry of `id`.
    pub fn remove(&mut self, id: &NodeId) -> Option<Peer> {
        self.peers.swap_remove(id)
    }

    /// Removes the entries that `wanted` does not accept.
    pub fn retain(&mut self, mut wanted: impl FnMut(&NodeId) -> bool) {
        self.peers.retain(|id, _| wanted(id));
    }

    /// All entries.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&NodeId, &Peer)> {
        self.peers.iter()
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// A random entry among those that `wanted` accepts, each with the same chance. Costs one pass.
    pub fn pick(&self, rng: &mut impl Rng, mut wanted: impl FnMut(&NodeId, &Peer) -> bool) -> Option<(NodeId, Peer)> {
        // Reservoir sampling: the k-th match replaces the choice with probability 1/k.
        let mut chosen = None;
        let mut matches = 0_u32;
        for (id, peer) in &self.peers {
            if wanted(id, peer) {
                matches += 1;
                if rng.random_range(0..matches) == 0 {
                    chosen = Some((*id, *peer));
                }
            }
        }
        chosen
    }
}

/// Gives every node an address book.
pub(super) struct AddressBookPlugin;

impl Plugin for AddressBookPlugin {
    fn build(&self, app: &mut App) {
        app.world_mut().register_required_components::<Node, AddressBook>();
    }
}
