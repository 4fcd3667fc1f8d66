//! What a node holds and knows no way for.

use std::collections::VecDeque;

use crate::crypto::NodeId;
use crate::kernel::Instant;
use crate::wire::routing::{Datagram, DatagramBody};

/// Most datagrams that wait at a node.
pub const MAX_WAITING: usize = 256;
/// Most bytes of them.
pub const MAX_WAITING_BYTES: usize = 1 << 20;

/// What a node holds.
#[derive(Debug)]
pub enum Parcel {
    /// Its own, to be sealed when there is a way.
    Own(Own),
    /// Somebody else's.
    Passing {
        /// It has been counted down already.
        datagram: Box<Datagram>,
        /// The neighbour that it comes from.
        from: NodeId,
    },
}

/// What the node itself sends.
#[derive(Clone, Debug)]
pub struct Own {
    /// To whom.
    pub to: NodeId,
    /// What.
    pub body: DatagramBody,
    /// Its length when encoded, in bytes.
    pub size: usize,
    /// The number under which it has been sent before, if it is to be sent for the second time.
    pub again: Option<u64>,
}

impl Parcel {
    fn size(&self) -> usize {
        match self {
            Self::Own(own) => own.size,
            Self::Passing { datagram, .. } => datagram.sealed.ciphertext.len(),
        }
    }
}

/// A parcel that waits.
#[derive(Debug)]
pub struct Item {
    /// It.
    pub parcel: Parcel,
    /// From then on it may go back to where it comes from.
    pub turn: Instant,
    /// When it is given up.
    pub until: Instant,
}

/// All that wait at a node, in the order in which they came.
#[derive(Default, Debug)]
pub struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
}

impl Waiting {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether there is room for `parcel`.
    pub fn has_room(&self, parcel: &Parcel) -> bool {
        self.items.len() < MAX_WAITING && self.bytes + parcel.size() <= MAX_WAITING_BYTES
    }

    /// Keeps `item`, for which there is room.
    pub fn keep(&mut self, item: Item) {
        self.bytes += item.parcel.size();
        self.items.push_back(item);
    }

    /// Hands out all.
    pub fn take(&mut self) -> VecDeque<Item> {
        std::mem::take(self).items
    }

    /// When the next of them may be turned back or is given up, after `at`.
    pub fn next_due(&self, at: Instant) -> Instant {
        let due = |item: &Item| if item.turn > at { item.turn } else { item.until };
        self.items.iter().map(due).min().unwrap_or(Instant::NEVER)
    }
}
