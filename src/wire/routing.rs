//! Messages from one member to any other, over as many hops as it takes.

use serde::{Deserialize, Serialize};

use super::chat::SyncMessage;
use super::{NodeId, Payload};
use crate::crypto::{PrekeyId, SealedBox, Signature};

/// Most hops of a datagram.
pub const MAX_HOPS: u8 = 32;

/// Routing between two neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RoutingMessage {
    /// On its way to its target.
    Datagram(Box<Datagram>),
    /// On its way back to the source of a datagram that did not arrive.
    Undeliverable(Box<Undeliverable>),
}

/// A message to one member: sealed to it, signed by its source. What changes on the way is not signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Datagram {
    /// Who says it.
    pub source: NodeId,
    /// To whom.
    pub target: NodeId,
    /// In which life of the source.
    pub life: u64,
    /// The how-manieth datagram of that life to anybody, from 1.
    pub number: u64,
    /// How many more members may pass it on.
    pub hops_left: u8,
    /// To which prekey of the target it is sealed.
    pub prekey: PrekeyId,
    /// An encoded [`DatagramBody`], sealed.
    pub sealed: SealedBox,
    /// By the source, over everything but `hops_left`.
    pub signature: Signature,
}

/// What a datagram holds for its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DatagramBody {
    /// What the owner of a node sends to another.
    Raw(Payload),
    /// Chat: what one of two members lacks.
    Sync(SyncMessage),
}

/// A datagram did not arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undeliverable {
    /// Whose datagram: where this goes.
    pub source: NodeId,
    /// Of which life.
    pub life: u64,
    /// Its number.
    pub number: u64,
    /// Whom it was for.
    pub target: NodeId,
    /// How many more members may pass this on.
    pub hops_left: u8,
    /// Why.
    pub reason: RoutingFailure,
}

/// Why a datagram does not arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum RoutingFailure {
    /// Nobody who holds it knows a way.
    NoRoute,
    /// It went over too many hops.
    TooManyHops,
    /// The source knows no key of the target, or the target no longer has the one it was sealed to.
    NoKey,
}
