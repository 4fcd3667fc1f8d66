//! Messages of Scuttlebutt anti-entropy (van Renesse, Dumitriu, Gough, Thomas 2008).
//!
//! One exchange: [`Syn`](MembershipMessage::Syn) says what the sender has of a part of the members,
//! [`SynAck`](MembershipMessage::SynAck) brings what it lacks and asks for what it has newer,
//! [`Ack`](MembershipMessage::Ack) brings that. Each message stands for itself: any may be lost, repeated or late.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::NodeId;
use crate::crypto::Signature;

/// Anti-entropy between two neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MembershipMessage {
    /// What I have.
    Syn(Digest),
    /// What you lack, and what I have of those members of which you have more.
    SynAck {
        /// What the digest showed to be missing.
        delta: Delta,
        /// What the sender wants: its own summaries of these members, all zero for one it does not know.
        requests: Vec<Summary>,
    },
    /// What you asked for.
    Ack(Delta),
}

/// What the sender has of all members in one arc of the ring of prefixes. A member in the arc that is not listed is not known
/// to the sender.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// First prefix of the arc.
    pub from: Prefix,
    /// Last prefix of the arc; below `from` if the arc passes zero.
    pub to: Prefix,
    /// In the order of the arc.
    pub summaries: Vec<Summary>,
}

/// The first bytes of a node's id stand for it in digests, which would be three times as long otherwise. Two ids that share
/// them may hide each other's news; to make a key that hides a given member takes 2^64 attempts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Prefix(pub [u8; 8]);

impl From<&NodeId> for Prefix {
    fn from(id: &NodeId) -> Self {
        Self(std::array::from_fn(|index| id.0[index]))
    }
}

/// How much is known of one member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Which member.
    pub member: Prefix,
    /// Its incarnation.
    pub incarnation: u64,
    /// Its newest known heartbeat.
    pub heartbeat: u32,
    /// All its entries up to this version are known.
    pub version: u32,
    /// Its tombstones up to this version are no longer kept.
    pub collected: u32,
    /// It is suspected: news of it are welcome, but the sender spreads none.
    pub suspected: bool,
}

/// News of several members.
pub type Delta = Vec<News>;

/// News of one member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// Whose.
    pub owner: NodeId,
    /// Of which incarnation.
    pub incarnation: u64,
    /// A newer heartbeat, if there is one.
    pub heartbeat: Option<SignedHeartbeat>,
    /// Version that the entries follow without a gap; to somebody who knows less of the namespace they say nothing.
    pub after: u32,
    /// Entries in the order of their versions.
    pub entries: Vec<Arc<Entry>>,
}

/// "I live", signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHeartbeat {
    /// The how-manieth of this incarnation, from 1.
    pub count: u32,
    /// Tombstones up to this version are no longer kept: who knows less of the namespace must read it anew.
    pub collected: u32,
    /// By the owner.
    pub signature: Signature,
}

/// A key and its value, signed; a tombstone if it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// The value; empty for a tombstone.
    pub value: Box<[u8]>,
    /// Grows with every change that the owner makes in its namespace; from 1.
    pub version: u32,
    /// Whether the key was deleted.
    pub deleted: bool,
    /// By the owner.
    pub signature: Signature,
}

/// Encoded size of a variable-length integer in bytes.
const fn varint(value: u64) -> usize {
    match value {
        0..=250 => 1,
        251..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

impl Summary {
    /// Its size in a message, in bytes.
    pub const fn size(&self) -> usize {
        8 + varint(self.incarnation) + varint(self.heartbeat as u64) + varint(self.version as u64) + varint(self.collected as u64) + 1
    }
}

impl SignedHeartbeat {
    /// Its size in a message, in bytes.
    pub const fn size(&self) -> usize {
        varint(self.count as u64) + varint(self.collected as u64) + 64
    }
}

impl Entry {
    /// Its size in a message, in bytes.
    pub const fn size(&self) -> usize {
        let (key, value) = (self.key.len(), self.value.len());
        varint(key as u64) + key + varint(value as u64) + value + varint(self.version as u64) + 1 + 64
    }
}

impl News {
    /// Size of news that hold nothing yet, in bytes. Each heartbeat and entry adds its own; more than 250 entries add 2.
    pub const fn base_size(incarnation: u64, after: u32) -> usize {
        32 + varint(incarnation) + 1 + varint(after as u64) + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::encoded_len;

    proptest! {
        #[test]
        fn sizes_are_those_of_the_encoding(
            incarnation: u64, count: u32, version: u32, key in "[a-z]{0,64}", value in prop::collection::vec(any::<u8>(), 0..1024),
        ) {
            let signature = Signature([7; 64]);
            let empty = encoded_len(&MembershipMessage::Ack(vec![]).into());
            let mut news = News { owner: NodeId([1; 32]), incarnation, heartbeat: None, after: version, entries: vec![] };
            let size = |news: &News| encoded_len(&MembershipMessage::Ack(vec![news.clone()]).into()) - empty;
            prop_assert_eq!(size(&news), News::base_size(incarnation, version));
            let heartbeat = SignedHeartbeat { count, collected: version, signature };
            news.heartbeat = Some(heartbeat);
            prop_assert_eq!(size(&news), News::base_size(incarnation, version) + heartbeat.size());
            let entry = Entry { key: key.into(), value: value.into(), version, deleted: false, signature };
            news.entries.push(Arc::new(entry.clone()));
            prop_assert_eq!(size(&news), News::base_size(incarnation, version) + heartbeat.size() + entry.size());
            let summary = Summary { incarnation, heartbeat: count, version, ..Summary::default() };
            let digest = |summaries| encoded_len(&MembershipMessage::Syn(Digest { summaries, ..Digest::default() }).into());
            prop_assert_eq!(digest(vec![summary]) - digest(vec![]), summary.size());
        }
    }
}
