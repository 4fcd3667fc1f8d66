//! Messages of Scuttlebutt anti-entropy (van Renesse, Dumitriu, Gough, Thomas 2008).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::NodeId;
use super::codec::varint_len;
use crate::crypto::Signature;

/// How much of one member's namespace somebody has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DigestEntry {
    /// Whose namespace.
    pub owner: NodeId,
    /// Of which life.
    pub incarnation: u64,
    /// The latest heartbeat.
    pub heartbeat: u64,
    /// All entries up to this version.
    pub version: u64,
}

/// A key in a member's namespace, as its owner wrote and signed it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Grows with each entry that the owner writes in one life.
    pub version: u64,
    /// By the owner, over all of it and the owner's incarnation.
    pub signature: Signature,
}

/// What is new of one member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Update {
    /// Whose namespace.
    pub owner: NodeId,
    /// Of which life.
    pub incarnation: u64,
    /// The latest heartbeat.
    pub heartbeat: u64,
    /// By the owner, over heartbeat and incarnation.
    pub signature: Signature,
    /// Entries by ascending version, with none left out below the last.
    pub entries: Vec<Arc<Entry>>,
}

/// Anti-entropy between two neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MembershipMessage {
    /// What I have.
    Syn(Digest),
    /// What you lack of that, and what I lack.
    SynAck {
        /// What you lack.
        delta: Box<[Update]>,
        /// What I have of what you have more of.
        wants: Box<[DigestEntry]>,
    },
    /// What you lack.
    Ack(Box<[Update]>),
}

/// What somebody has, of the members whose ids lie on a stretch of the ring of all ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    /// Members by ascending id, going round from the first. A member between the first and `end` that is not among them is unknown
    /// or held for dead.
    pub entries: Box<[DigestEntry]>,
    /// Where the stretch ends: before this id. `None`: it is the whole ring.
    pub end: Option<NodeId>,
}

impl DigestEntry {
    /// Its length when encoded.
    pub const fn encoded_len(&self) -> usize {
        32 + varint_len(self.incarnation) + varint_len(self.heartbeat) + varint_len(self.version)
    }
}

impl Entry {
    /// Its length when encoded.
    pub fn encoded_len(&self) -> usize {
        let bytes = |length: usize| varint_len(length as u64) + length;
        bytes(self.key.len()) + 1 + self.value.as_ref().map_or(0, |value| bytes(value.len())) + varint_len(self.version) + 64
    }
}

impl Update {
    /// Its length when encoded, without its entries.
    pub fn head_len(&self) -> usize {
        32 + varint_len(self.incarnation) + varint_len(self.heartbeat) + 64 + varint_len(self.entries.len() as u64)
    }

    fn encoded_len(&self) -> usize {
        self.head_len() + self.entries.iter().map(|entry| entry.encoded_len()).sum::<usize>()
    }
}

impl MembershipMessage {
    /// Its length when encoded, without the number of its protocol.
    pub(super) fn encoded_len(&self) -> usize {
        let digest =
            |entries: &[DigestEntry]| varint_len(entries.len() as u64) + entries.iter().map(DigestEntry::encoded_len).sum::<usize>();
        let delta = |updates: &[Update]| varint_len(updates.len() as u64) + updates.iter().map(Update::encoded_len).sum::<usize>();
        1 + match self {
            Self::Syn(Digest { entries, end }) => digest(entries) + if end.is_some() { 33 } else { 1 },
            Self::SynAck { delta: updates, wants } => delta(updates) + digest(wants),
            Self::Ack(updates) => delta(updates),
        }
    }
}
