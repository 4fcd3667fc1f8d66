//! The hash ratchet of a sender key: each message has a key of its own, and none leads back to an earlier one.
//!
//! A chain key gives the key of one message and the next chain key, both by HKDF-SHA256, and is erased. Whoever is given a chain key
//! reads what follows, and nothing before. (The construction of Signal's sender keys; here every chain is one epoch of one author.)

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Secret;

/// Bytes that encryption adds to a message.
pub const MESSAGE_OVERHEAD: usize = 16;

/// Most keys that are derived to reach a later message; what lies further ahead is not believed. An epoch holds no more texts.
pub const MAX_LEAP: u64 = 1_000;

/// How far a chain has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    /// The message whose key is next, from 0.
    pub index: u64,
    key: Secret,
}

/// The key of one message. Erased when dropped.
pub struct MessageKey {
    key: Secret,
    /// What opens the message's commitment.
    pub opening: Opening,
}

/// Opens the commitment to a text: with it, whoever has the text can show that it is the one that was signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Opening(pub [u8; 32]);

/// What stands in a message for its text: it can be compared with it, but tells nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Commitment(pub [u8; 32]);

/// The message was not encrypted with this key, or was altered.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
#[error("the message was not encrypted with this key, or was altered")]
pub struct NotDecrypted;

impl Chain {
    /// A chain that begins with `key`, of which `index` messages lie behind it.
    pub fn new(key: Secret, index: u64) -> Self {
        Self { index, key }
    }

    /// What another needs to follow from here on.
    pub fn key(&self) -> &Secret {
        &self.key
    }

    /// The key of the next message; what it was made from is erased.
    pub fn advance(&mut self) -> MessageKey {
        let hkdf = Hkdf::<Sha256>::new(None, &self.key.0);
        // In place: what is moved leaves a copy on the stack. HKDF gives up to 8,160 bytes; 32 cannot fail.
        let derive = |purpose: &[u8], into: &mut [u8; 32]| {
            let _ = hkdf.expand(purpose, into);
        };
        let mut message = MessageKey { key: Secret([0; 32]), opening: Opening([0; 32]) };
        derive(b"murmuration message 1", &mut message.key.0);
        derive(b"murmuration opening 1", &mut message.opening.0);
        derive(b"murmuration chain 1", &mut self.key.0);
        self.index += 1;
        message
    }

    /// The key of message `index`; those before it are passed over and can never be made again. `None`: it lies behind, or too far ahead.
    pub fn advance_to(&mut self, index: u64) -> Option<MessageKey> {
        if index < self.index || index - self.index > MAX_LEAP {
            return None;
        }
        while self.index < index {
            self.advance();
        }
        Some(self.advance())
    }
}

impl MessageKey {
    /// Encrypts the one message that this key is for. `context` is not encrypted, but must be the same for decryption.
    pub fn encrypt(&self, context: &[u8], text: &[u8]) -> Box<[u8]> {
        let cipher = ChaCha20Poly1305::new((&self.key.0).into());
        // A key is used once, so its nonce may always be the same.
        let sealed = cipher.encrypt(&Nonce::default(), Payload { msg: text, aad: context });
        // It fails for texts of 256 GiB.
        sealed.unwrap_or_default().into()
    }

    /// Decrypts a message.
    ///
    /// # Errors
    /// It is not the one that this key is for.
    pub fn decrypt(&self, context: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, NotDecrypted> {
        let cipher = ChaCha20Poly1305::new((&self.key.0).into());
        cipher.decrypt(&Nonce::default(), Payload { msg: ciphertext, aad: context }).map_err(|_| NotDecrypted)
    }
}

impl Opening {
    /// The commitment to `text` that this opens.
    pub fn commit(&self, text: &[u8]) -> Commitment {
        let mut hash = Sha256::new();
        hash.update(b"murmuration commitment 1");
        hash.update(self.0);
        hash.update(text);
        Commitment(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_follows_a_chain_reads_what_comes_and_nothing_before() {
        let mut author = Chain::new(Secret([1; 32]), 0);
        let first = author.advance().encrypt(b"", b"first");
        let mut late = author.clone();
        let second = author.advance().encrypt(b"", b"second");
        assert_eq!(late.advance_to(1).unwrap().decrypt(b"", &second).unwrap(), b"second");
        assert!(late.advance_to(0).is_none());
        assert!(late.advance().decrypt(b"", &first).is_err());
    }

    proptest! {
        #[test]
        fn readers_that_leap_have_the_keys_of_those_that_step(steps in proptest::collection::vec(0_u64..50, 1..10)) {
            let (mut stepping, mut leaping) = (Chain::new(Secret([9; 32]), 0), Chain::new(Secret([9; 32]), 0));
            let mut index = 0;
            for step in steps {
                index += step;
                while stepping.index < index {
                    stepping.advance();
                }
                let ciphertext = stepping.advance().encrypt(b"context", b"text");
                let key = leaping.advance_to(index).unwrap();
                prop_assert!(key.decrypt(b"another", &ciphertext).is_err());
                prop_assert_eq!(key.decrypt(b"context", &ciphertext).unwrap(), b"text");
                index += 1;
            }
        }
    }

    #[test]
    fn a_leap_is_bounded() {
        assert!(Chain::new(Secret([1; 32]), 0).advance_to(MAX_LEAP + 1).is_none());
    }

    #[test]
    fn a_commitment_is_opened_by_its_text_only() {
        let opening = Chain::new(Secret([1; 32]), 0).advance().opening;
        assert_eq!(opening.commit(b"yes"), opening.commit(b"yes"));
        assert_ne!(opening.commit(b"yes"), opening.commit(b"no"));
    }
}
