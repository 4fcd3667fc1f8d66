//! Messages of Scuttlebutt anti-entropy (van Renesse, Dumitriu, Gough, Thomas 2008).
//!
//! One exchange: [`Syn`](MembershipMessage::Syn) says what the sender has of a part of the members,
//! [`SynAck`](MembershipMessage::SynAck) brings what it lacks and asks for what it has newer,
//! [`Ack`](MembershipMessage::Ack) brings that. Besides, [`News`](MembershipMessage::News) of joins run ahead. Each message stands for itself: any may be lost, repeated or late.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::NodeId;
use super::codec::varint_len;
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
    /// Who has just become known to the sender; comes unasked.
    News(Delta),
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

impl MembershipMessage {
    /// Its length when encoded, in bytes, without going through every byte.
    pub fn encoded_len(&self) -> usize {
        let all = |summaries: &[Summary]| varint_len(summaries.len() as u64) + summaries.iter().map(Summary::size).sum::<usize>();
        let news = |delta: &Delta| varint_len(delta.len() as u64) + delta.iter().map(News::size).sum::<usize>();
        1 + match self {
            Self::Syn(digest) => 8 + 8 + all(&digest.summaries),
            Self::SynAck { delta, requests } => news(delta) + all(requests),
            Self::Ack(delta) | Self::News(delta) => news(delta),
        }
    }
}

impl Summary {
    /// Its size in a message, in bytes.
    pub const fn size(&self) -> usize {
        8 + varint_len(self.incarnation)
            + varint_len(self.heartbeat as u64)
            + varint_len(self.version as u64)
            + varint_len(self.collected as u64)
            + 1
    }
}

impl SignedHeartbeat {
    /// Its size in a message, in bytes.
    pub const fn size(&self) -> usize {
        varint_len(self.count as u64) + varint_len(self.collected as u64) + 64
    }
}

impl Entry {
    /// Its size in a message, in bytes.
    pub const fn size(&self) -> usize {
        let (key, value) = (self.key.len(), self.value.len());
        varint_len(key as u64) + key + varint_len(value as u64) + value + varint_len(self.version as u64) + 1 + 64
    }
}

impl News {
    /// Its size in a message, in bytes.
    pub fn size(&self) -> usize {
        let entries = &self.entries;
        let more_for_length = varint_len(entries.len() as u64) - 1;
        Self::base_size(self.incarnation, self.after)
            + more_for_length
            + self.heartbeat.map_or(0, |heartbeat| heartbeat.size())
            + entries.iter().map(|entry| entry.size()).sum::<usize>()
    }

    /// Size of news that hold nothing yet, in bytes. Each heartbeat and entry adds its own; more than 250 entries add 2.
    pub const fn base_size(incarnation: u64, after: u32) -> usize {
        32 + varint_len(incarnation) + 1 + varint_len(after as u64) + 1
    }
}

#[cfg(test)]
mod tests {
    use bincode::config::standard;
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Vec<Arc<Entry>>> {
        let entry = ("[a-z]{0,64}", prop::collection::vec(any::<u8>(), 0..1024), any::<u32>(), any::<bool>());
        let entry = entry.prop_map(|(key, value, version, deleted)| {
            Arc::new(Entry { key: key.into(), value: value.into(), version, deleted, signature: Signature([7; 64]) })
        });
        prop::collection::vec(entry, 0..4)
    }

    fn delta() -> impl Strategy<Value = Delta> {
        let heartbeat = prop::option::of((any::<u32>(), 0_u32..300));
        let news = (any::<u64>(), any::<u32>(), heartbeat, entries()).prop_map(|(incarnation, after, heartbeat, entries)| {
            let heartbeat = heartbeat.map(|(count, collected)| SignedHeartbeat { count, collected, signature: Signature([9; 64]) });
            News { owner: NodeId([1; 32]), incarnation, heartbeat, after, entries }
        });
        prop::collection::vec(news, 0..4)
    }

    fn summaries() -> impl Strategy<Value = Vec<Summary>> {
        let summary = (any::<[u8; 8]>(), 0_u64..1 << 40, any::<u32>(), 0_u32..300, 0_u32..300, any::<bool>());
        let summary = summary.prop_map(|(member, incarnation, heartbeat, version, collected, suspected)| Summary {
            member: Prefix(member),
            incarnation,
            heartbeat,
            version,
            collected,
            suspected,
        });
        prop::collection::vec(summary, 0..300)
    }

    proptest! {
        #[test]
        fn lengths_are_those_of_the_encoding_and_decoding_gives_the_message_back(summaries in summaries(), delta in delta()) {
            let digest = Digest { from: Prefix([3; 8]), to: Prefix([4; 8]), summaries: summaries.clone() };
            for message in [
                MembershipMessage::Syn(digest),
                MembershipMessage::SynAck { delta: delta.clone(), requests: summaries },
                MembershipMessage::Ack(delta.clone()),
                MembershipMessage::News(delta),
            ] {
                let bytes = bincode::serde::encode_to_vec(&message, standard()).unwrap();
                prop_assert_eq!(bytes.len(), message.encoded_len());
                let (back, _): (MembershipMessage, usize) = bincode::serde::decode_from_slice(&bytes, standard()).unwrap();
                prop_assert_eq!(back, message);
            }
        }
    }
}
