//! Messages from one member to any other, over as many hops as it takes.

use serde::{Deserialize, Serialize};

use super::chat::SyncMessage;
use super::codec::{self, CodecError, varint_len};
use super::limits::MAX_PAYLOAD;
use super::{NodeId, Payload};
use crate::crypto::{BadSignature, CryptoMode, Identity, PrekeyId, SEALING_OVERHEAD, SealedBox, Signature};

/// Most members that pass a datagram on.
pub const MAX_HOPS: u8 = 32;
/// Longest encoded [`DatagramBody`] in bytes: the longest payload, and what says that and how long it is. With all that is around it, it
/// fits into a frame.
pub const MAX_BODY: usize = MAX_PAYLOAD + 4;
/// Highest number a datagram may have; nobody lives to send as many.
pub const MAX_NUMBER: u64 = 1 << 48;
/// What datagrams are sealed for.
pub const PURPOSE: &[u8] = b"murmuration datagram 1";

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
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum RoutingFailure {
    /// Nobody who holds it knows a way.
    #[error("nobody knows a way to it")]
    NoRoute,
    /// It went over too many hops.
    #[error("the way to it is longer than {MAX_HOPS} hops")]
    TooManyHops,
    /// The source knows no key of the target, or the target no longer has the one it was sealed to.
    #[error("no key of it is known, or it no longer has the one that is")]
    NoKey,
    /// Its body is longer than [`MAX_BODY`]. Only the source says so.
    #[error("it is longer than {MAX_BODY} bytes")]
    TooLong,
}

impl Datagram {
    /// A datagram signed by its source.
    pub fn sign(identity: &Identity, network: &[u8; 8], mut datagram: Self) -> Self {
        datagram.signature = identity.sign(&datagram.signed_bytes(network));
        datagram
    }

    /// Checks that its source signed it, for this network.
    ///
    /// # Errors
    /// It did not.
    pub fn verify(&self, network: &[u8; 8], mode: CryptoMode) -> Result<(), BadSignature> {
        self.source.verify(&self.signed_bytes(network), &self.signature, mode)
    }

    /// Whether its numbers and lengths are such as can be.
    pub fn is_sound(&self) -> bool {
        self.hops_left <= MAX_HOPS
            && (1..=MAX_NUMBER).contains(&self.number)
            && self.source != self.target
            && self.sealed.ciphertext.len() + self.sealed.ephemeral.len() <= MAX_BODY + SEALING_OVERHEAD
    }

    /// How many links it has come over, as far as those who passed it on are honest.
    pub fn hops(&self) -> u8 {
        MAX_HOPS.saturating_sub(self.hops_left) + 1
    }

    /// What it is sealed with besides the key, so that it opens as nothing else.
    pub fn context(network: &[u8; 8], source: &NodeId, target: &NodeId, life: u64, number: u64) -> Vec<u8> {
        [network.as_slice(), &source.0, &target.0, &life.to_le_bytes(), &number.to_le_bytes()].concat()
    }

    /// Laid out by hand, so that it does not depend on the encoding of messages: a tag, the context, then the rest; what is of no fixed
    /// length comes last.
    fn signed_bytes(&self, network: &[u8; 8]) -> Vec<u8> {
        [
            PURPOSE,
            &Self::context(network, &self.source, &self.target, self.life, self.number),
            &self.prekey.0,
            &self.sealed.ephemeral,
            &self.sealed.ciphertext,
        ]
        .concat()
    }
}

impl DatagramBody {
    /// Encodes it.
    ///
    /// # Errors
    /// It is longer than [`MAX_BODY`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode_value_within(self, MAX_BODY)
    }

    /// Decodes it from all of `bytes`.
    ///
    /// # Errors
    /// The bytes are too many, or not a body; nothing larger than the limits has been allocated.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        if bytes.len() > MAX_BODY {
            return Err(CodecError::TooLong { length: bytes.len(), limit: MAX_BODY });
        }
        codec::decode_value(bytes)
    }
}

impl RoutingMessage {
    /// Its length when encoded, without the number of its protocol; what bincode would count, much sooner.
    pub(super) fn encoded_len(&self) -> usize {
        let named = |life: u64, number: u64| 32 + 32 + varint_len(life) + varint_len(number) + 1;
        1 + match self {
            Self::Datagram(it) => {
                let length = it.sealed.ciphertext.len();
                named(it.life, it.number) + 8 + 32 + varint_len(length as u64) + length + 64
            }
            Self::Undeliverable(it) => named(it.life, it.number) + 1,
        }
    }
}

#[cfg(test)]
mod tests;
