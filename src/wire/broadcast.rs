//! Messages of Plumtree (Leitão, Pereira, Rodrigues 2007), and of the repair of gaps after a partition.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NodeId;
use super::codec::varint_len;
use super::limits::MAX_PAYLOAD;

/// Names one broadcast: who says it, in which of its lives, and the how-manieth of that life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct MessageId {
    /// Who says it.
    pub origin: NodeId,
    /// Incarnation of the origin: it numbers anew when it starts with nothing.
    pub life: u64,
    /// Its number, from 1.
    pub sequence: u64,
}

/// What is broadcast, at most [`MAX_PAYLOAD`] bytes. Shared, not copied, between the queues of one world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payload(pub Arc<[u8]>);

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Payload;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                write!(f, "at most {MAX_PAYLOAD} bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Payload, E> {
                if bytes.len() > MAX_PAYLOAD {
                    return Err(E::invalid_length(bytes.len(), &self));
                }
                Ok(Payload(bytes.into()))
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Payload, E> {
                self.visit_bytes(&bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// A message that somebody has, and its hops from the origin to whoever would get it from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// Which message.
    pub id: MessageId,
    /// How many hops.
    pub round: u16,
}

/// How far somebody has everything of one origin's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Whose messages.
    pub origin: NodeId,
    /// Of which life.
    pub life: u64,
    /// It has all numbers up to this one.
    pub upto: u64,
}

/// Plumtree between two neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BroadcastMessage {
    /// Eager push: the message itself.
    Gossip {
        /// Which message.
        id: MessageId,
        /// Hops from the origin to the receiver.
        round: u16,
        /// The message.
        payload: Payload,
    },
    /// Lazy push: what the sender has, to be asked for if it does not come by itself.
    IHave(Arc<[Announcement]>),
    /// Make the link eager, and send the message if one is named.
    Graft(Option<MessageId>),
    /// Make the link lazy.
    Prune,
    /// How far the sender has everything; a receiver that lacks something fetches it, one that has more answers in kind.
    Summary {
        /// By origin, as many as fit.
        marks: Arc<[Mark]>,
        /// It is itself an answer, and wants none.
        answer: bool,
    },
    /// A hash of what a summary would say: who has another answers with a summary.
    SummaryHash(u64),
    /// Send these messages of one origin's life again.
    Fetch {
        /// First of them.
        from: MessageId,
        /// Number of the last.
        upto: u64,
    },
    /// A message that was fetched. It says nothing about the tree.
    Repair {
        /// Which message.
        id: MessageId,
        /// Hops from the origin to the receiver.
        round: u16,
        /// The message.
        payload: Payload,
    },
    /// Messages of this origin's life up to this number are no longer kept.
    Gone(MessageId),
}

impl BroadcastMessage {
    /// Its length when encoded, without the number of its protocol; what bincode would count, much sooner.
    pub(super) fn encoded_len(&self) -> usize {
        let id = |id: &MessageId| 32 + varint_len(id.life) + varint_len(id.sequence);
        1 + match self {
            Self::Gossip { id: name, round, payload } | Self::Repair { id: name, round, payload } => {
                id(name) + varint_len(u64::from(*round)) + varint_len(payload.0.len() as u64) + payload.0.len()
            }
            Self::IHave(all) => {
                let each = all.iter().map(|one| id(&one.id) + varint_len(u64::from(one.round)));
                varint_len(all.len() as u64) + each.sum::<usize>()
            }
            Self::Graft(None) => 1,
            Self::Graft(Some(name)) => 1 + id(name),
            Self::Prune => 0,
            Self::Summary { marks, .. } => {
                let each = marks.iter().map(|mark| 32 + varint_len(mark.life) + varint_len(mark.upto));
                varint_len(marks.len() as u64) + each.sum::<usize>() + 1
            }
            Self::SummaryHash(hash) => varint_len(*hash),
            Self::Fetch { from, upto } => id(from) + varint_len(*upto),
            Self::Gone(name) => id(name),
        }
    }
}
