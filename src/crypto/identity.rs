//! A node is its Ed25519 key.

use std::fmt;
use std::hash::{Hash, Hasher};

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

use super::Secret;

/// A node's name: its Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub [u8; 32]);

/// A public key is as random as a hash already: its first eight bytes stand for it.
impl Hash for NodeId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// The first eight hex digits, for people.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// All 64 hex digits.
impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature(pub [u8; 64]);

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(64)?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Signature;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("64 bytes")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Signature, A::Error> {
                let mut bytes = [0; 64];
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(index, &self))?;
                }
                Ok(Signature(bytes))
            }
        }
        deserializer.deserialize_tuple(64, Bytes)
    }
}

/// A signature does not belong to its message and signer.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
#[error("the signature was not made by {0} over this message")]
pub struct BadSignature(pub NodeId);

/// Whether cryptography is computed or only accounted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum CryptoMode {
    /// As on a real link, byte for byte.
    #[default]
    Real,
    /// Same messages, same sizes, same verdicts on honest peers and on forgers that lack the key, no arithmetic. For simulators only.
    Modelled,
}

/// A node's key pair, and how it signs. The secret is erased when dropped, and `Debug` shows the public half only.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    mode: CryptoMode,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.id()).finish()
    }
}

impl Identity {
    /// The identity of a 32-byte secret seed (RFC 8032).
    pub fn from_seed(seed: [u8; 32], mode: CryptoMode) -> Self {
        Self { key: SigningKey::from_bytes(&seed), mode }
    }

    /// Its public half. The same in both modes.
    pub fn id(&self) -> NodeId {
        NodeId(self.key.verifying_key().to_bytes())
    }

    /// Whether its signatures are computed.
    pub const fn mode(&self) -> CryptoMode {
        self.mode
    }

    /// A key that follows from the secret, for `purpose` only.
    pub fn derive(&self, purpose: &[u8]) -> Secret {
        let mut key = Secret([0; 32]);
        // HKDF gives up to 8,160 bytes; 32 cannot fail.
        let _ = Hkdf::<Sha256>::new(None, self.key.as_bytes()).expand(purpose, &mut key.0);
        key
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> Signature {
        match self.mode {
            CryptoMode::Real => Signature(self.key.sign(message).to_bytes()),
            CryptoMode::Modelled => modelled_signature(&self.id(), message),
        }
    }
}

impl NodeId {
    /// Whether a node can have this name: it is a point of the curve in the one way in which it is written, and not one of the few of small
    /// order, for which anybody can sign.
    pub fn is_key(&self) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().0 == self.0)
    }

    /// Checks that this node signed `message`, strictly: no small-order keys, no malleable signatures.
    ///
    /// # Errors
    /// [`BadSignature`] if it did not.
    pub fn verify(&self, message: &[u8], signature: &Signature, mode: CryptoMode) -> Result<(), BadSignature> {
        let holds = match mode {
            CryptoMode::Real => VerifyingKey::from_bytes(&self.0)
                .is_ok_and(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()),
            CryptoMode::Modelled => *signature == modelled_signature(self, message),
        };
        holds.then_some(()).ok_or(BadSignature(*self))
    }
}

/// Stands for a signature: names the signer and a checksum of the message. Whoever alters the message or claims another's
/// name without computing this on purpose is found out, as with a real one.
fn modelled_signature(id: &NodeId, message: &[u8]) -> Signature {
    use std::hash::Hasher;
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(message);
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&id.0);
    bytes[32..40].copy_from_slice(&hasher.finish().to_le_bytes());
    Signature(bytes)
}
