//! Sealing to one recipient: HPKE (RFC 9180) in base mode, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305.
//!
//! Who sealed something it does not say: that is for a signature over it to prove.

use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{CryptoRng, RngCore};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Secret;

type Recipient = X25519HkdfSha256;

/// Bytes that sealing adds: the ephemeral key, and the tag.
pub const SEALING_OVERHEAD: usize = 32 + 16;

/// The public half of a prekey: what others seal to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Prekey(pub [u8; 32]);

/// Names a prekey: the first bytes of its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PrekeyId(pub [u8; 8]);

impl Prekey {
    /// Its name.
    pub fn id(&self) -> PrekeyId {
        let hash: [u8; 32] = Sha256::digest(self.0).into();
        PrekeyId(std::array::from_fn(|index| hash[index]))
    }
}

/// What only the holder of one prekey's secret half can open.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedBox {
    /// The encapsulated key.
    pub ephemeral: [u8; 32],
    /// The ciphertext and its tag.
    pub ciphertext: Box<[u8]>,
}

impl fmt::Debug for SealedBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBox({} bytes)", self.ciphertext.len())
    }
}

/// Why something was not sealed or opened.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealError {
    /// The public key is none, or one that gives everybody the same secret.
    #[error("the prekey is not a key that can be sealed to")]
    BadPrekey,
    /// It was not sealed to this key, or for another purpose, or was altered.
    #[error("it was not sealed to this key for this purpose, or was altered")]
    NotOpened,
}

/// A key pair made of 32 random bytes.
pub fn prekey_pair(random: &[u8; 32]) -> (Secret, Prekey) {
    let (secret, public) = Recipient::derive_keypair(random);
    (Secret(secret.to_bytes().into()), Prekey(public.to_bytes().into()))
}

/// Seals `plaintext` to whoever holds the secret half of `to`. `purpose` and `context` must be the same for opening. `random` is used for
/// this one seal and for nothing else.
///
/// # Errors
/// The prekey is unsound.
pub fn seal(to: &Prekey, purpose: &[u8], context: &[u8], plaintext: &[u8], random: &[u8; 32]) -> Result<SealedBox, SealError> {
    let to = <Recipient as Kem>::PublicKey::from_bytes(&to.0).map_err(|_| SealError::BadPrekey)?;
    let mut random = OneKey(Secret(*random));
    let (ephemeral, ciphertext) =
        single_shot_seal::<ChaCha20Poly1305, HkdfSha256, Recipient, _>(&OpModeS::Base, &to, purpose, plaintext, context, &mut random)
            .map_err(|_| SealError::BadPrekey)?;
    Ok(SealedBox { ephemeral: ephemeral.to_bytes().into(), ciphertext: ciphertext.into() })
}

/// Opens what was sealed to the public half of `secret`.
///
/// # Errors
/// It was not, or something was altered.
pub fn open(secret: &Secret, purpose: &[u8], context: &[u8], sealed: &SealedBox) -> Result<Vec<u8>, SealError> {
    let secret = <Recipient as Kem>::PrivateKey::from_bytes(&secret.0).map_err(|_| SealError::NotOpened)?;
    let ephemeral = <Recipient as Kem>::EncappedKey::from_bytes(&sealed.ephemeral).map_err(|_| SealError::NotOpened)?;
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, Recipient>(&OpModeR::Base, &secret, &ephemeral, purpose, &sealed.ciphertext, context)
        .map_err(|_| SealError::NotOpened)
}

/// Hands out one key's worth of random bytes, again and again: HPKE draws the input of its ephemeral key from it, once.
struct OneKey(Secret);

impl RngCore for OneKey {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|index| self.0.0[index]))
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|index| self.0.0[index]))
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().zip(self.0.0.iter().cycle()).for_each(|(byte, random)| *byte = *random);
    }
}

impl CryptoRng for OneKey {}

#[cfg(test)]
mod tests;
