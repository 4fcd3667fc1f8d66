//! Messages of Plumtree (Leitão, Pereira, Rodrigues 2007), and of the repair of gaps after a partition.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NodeId;
use super::codec::varint_len;
use super::limits::MAX_PAYLOAD;

/// Highest number a broadcast may have; nobody lives to say as many. What is above is refused.
pub const MAX_SEQUENCE: u64 = 1 << 48;
/// Most messages announced in one frame.
pub const MAX_ANNOUNCED: u64 = 1024;
/// Most marks in a summary.
pub const MAX_MARKS: usize = 512;
/// Most stretches in a request, and in its answer.
pub const MAX_STRETCHES: usize = 32;

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

/// A broadcast: its name and what it says. Made once and shared by all who pass it on or keep it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rumor {
    /// Its name.
    pub id: MessageId,
    /// Its duplicates prune the tree. An origin does not say so of messages that are under way together: which link is one too
    /// many differs from one to the next, and between them they would cut both.
    pub shapes: bool,
    /// What it says.
    pub payload: Payload,
}

/// How far somebody is in what one origin's life has said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Whose messages.
    pub origin: NodeId,
    /// Of which life.
    pub life: u64,
    /// It has all numbers up to this one, or they are no longer to be had.
    pub upto: u64,
    /// The highest number that it has. What died with its origin nobody has, and what follows must not wait for it.
    pub highest: u64,
}

/// Consecutive messages of one origin's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stretch {
    /// Whose messages.
    pub origin: NodeId,
    /// Of which life.
    pub life: u64,
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
}

/// Messages that somebody has, and their hops from the origin to whoever would get them from there. Stretches instead of single
/// names: an origin's messages come one after the other over the same branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// Which messages.
    pub stretch: Stretch,
    /// How many hops.
    pub round: u16,
}

/// Plumtree between two neighbours. Lists are no longer than the constants of this file say; a receiver refuses longer ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BroadcastMessage {
    /// Eager push: the message itself.
    Gossip {
        /// Hops from the origin to the receiver.
        round: u16,
        /// The message.
        rumor: Arc<Rumor>,
    },
    /// Lazy push: what the sender has, to be asked for if it does not come by itself.
    IHave(Arc<[Announcement]>),
    /// Make the link eager, and send the message if one is named.
    Graft(Option<Box<MessageId>>),
    /// Make the link lazy.
    Prune,
    /// How far the sender is, as many lives as fit. Who lacks something fetches it, who has more says so with a
    /// [`Supplement`](Self::Supplement).
    Summary(Arc<[Mark]>),
    /// What the sender has beyond a summary it was sent.
    Supplement(Arc<[Mark]>),
    /// A hash of all marks that the sender has: who has another answers with a summary.
    SummaryHash(u64),
    /// Send these again.
    Fetch(Arc<[Stretch]>),
    /// A message that was fetched, or comes from somebody who fetched it. It says nothing about the tree.
    Repair {
        /// Hops from the origin to the receiver.
        round: u16,
        /// The message.
        rumor: Arc<Rumor>,
    },
    /// These were asked for and are no longer kept.
    Gone(Arc<[Stretch]>),
}

impl MessageId {
    /// Whether its number is one that can be.
    pub const fn is_sound(&self) -> bool {
        1 <= self.sequence && self.sequence <= MAX_SEQUENCE
    }

    fn encoded_len(&self) -> usize {
        32 + varint_len(self.life) + varint_len(self.sequence)
    }
}

impl Stretch {
    /// Whether its numbers are such as can be.
    pub const fn is_sound(&self) -> bool {
        1 <= self.first && self.first <= self.last && self.last <= MAX_SEQUENCE
    }

    /// Whether it holds `id`.
    pub fn holds(&self, id: &MessageId) -> bool {
        (self.first..=self.last).contains(&id.sequence) && self.life == id.life && self.origin == id.origin
    }

    /// How many messages it holds; it must be sound.
    pub const fn count(&self) -> u64 {
        self.last - self.first + 1
    }
}

impl BroadcastMessage {
    /// Whether it is an announcement or a comparison, which come again.
    pub const fn is_lazy(&self) -> bool {
        matches!(self, Self::IHave(_) | Self::Summary(_) | Self::Supplement(_) | Self::SummaryHash(_))
    }

    /// Its length when encoded, without the number of its protocol; what bincode would count, much sooner.
    #[inline]
    pub(super) fn encoded_len(&self) -> usize {
        fn list<T>(all: &[T], each: impl Fn(&T) -> usize) -> usize {
            varint_len(all.len() as u64) + all.iter().map(each).sum::<usize>()
        }
        let mark = |mark: &Mark| 32 + varint_len(mark.life) + varint_len(mark.upto) + varint_len(mark.highest);
        let stretch = |one: &Stretch| 32 + varint_len(one.life) + varint_len(one.first) + varint_len(one.last);
        1 + match self {
            Self::Gossip { round, rumor } | Self::Repair { round, rumor } => {
                let length = rumor.payload.0.len();
                varint_len(u64::from(*round)) + rumor.id.encoded_len() + 1 + varint_len(length as u64) + length
            }
            Self::IHave(all) => list(all, |one| stretch(&one.stretch) + varint_len(u64::from(one.round))),
            Self::Graft(None) => 1,
            Self::Graft(Some(id)) => 1 + id.encoded_len(),
            Self::Prune => 0,
            Self::Summary(marks) | Self::Supplement(marks) => list(marks, mark),
            Self::SummaryHash(hash) => varint_len(*hash),
            Self::Fetch(all) | Self::Gone(all) => list(all, stretch),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::{WireMessage, codec};
    use super::*;

    fn number() -> impl Strategy<Value = u64> {
        // All lengths of the variable-length encoding, and their edges.
        prop_oneof![0..300_u64, 65_000..66_000_u64, 0xffff_fff0..0x1_0000_0010_u64, any::<u64>()]
    }

    prop_compose! {
        fn id()(origin in any::<[u8; 32]>(), life in number(), sequence in number()) -> MessageId {
            MessageId { origin: NodeId(origin), life, sequence }
        }
    }

    prop_compose! {
        fn rumor()(id in id(), shapes in any::<bool>(), payload in vec(any::<u8>(), 0..400)) -> Arc<Rumor> {
            Arc::new(Rumor { id, shapes, payload: Payload(payload.into()) })
        }
    }

    fn marks() -> impl Strategy<Value = Arc<[Mark]>> {
        vec(id(), 0..300).prop_map(|ids| {
            ids.iter().map(|id| Mark { origin: id.origin, life: id.life, upto: id.sequence / 2, highest: id.sequence }).collect()
        })
    }

    fn stretches() -> impl Strategy<Value = Arc<[Stretch]>> {
        let stretch = |(id, last): (MessageId, u64)| Stretch { origin: id.origin, life: id.life, first: id.sequence, last };
        vec((id(), number()), 0..40).prop_map(move |all| all.into_iter().map(stretch).collect())
    }

    fn message() -> impl Strategy<Value = BroadcastMessage> {
        use BroadcastMessage as M;
        prop_oneof![
            (any::<u16>(), rumor()).prop_map(|(round, rumor)| M::Gossip { round, rumor }),
            (stretches(), any::<u16>())
                .prop_map(|(all, round)| M::IHave(all.iter().map(|stretch| Announcement { stretch: *stretch, round }).collect())),
            proptest::option::of(id()).prop_map(|id| M::Graft(id.map(Box::new))),
            Just(M::Prune),
            marks().prop_map(M::Summary),
            marks().prop_map(M::Supplement),
            number().prop_map(M::SummaryHash),
            stretches().prop_map(M::Fetch),
            (any::<u16>(), rumor()).prop_map(|(round, rumor)| M::Repair { round, rumor }),
            stretches().prop_map(M::Gone),
        ]
    }

    proptest! {
        #[test]
        fn the_length_that_is_counted_is_the_length_that_is_encoded_and_decoding_gives_the_message_back(message in message()) {
            let message = WireMessage::from(message);
            let bytes = codec::encode(&message).unwrap();
            prop_assert_eq!(codec::encoded_len(&message), bytes.len());
            prop_assert_eq!(codec::decode(&bytes).unwrap(), message);
        }
    }

    #[test]
    fn messages_that_are_many_are_small() {
        assert!(size_of::<BroadcastMessage>() <= 24, "{}", size_of::<BroadcastMessage>());
        assert!(size_of::<WireMessage>() <= 32, "{}", size_of::<WireMessage>());
    }
}
