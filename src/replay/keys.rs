//! The keys that a replay needs, left out of a recording or encrypted into it.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::Header;
use crate::crypto::{CryptoMode, Identity, NodeId, Secret, network_tag};

/// The private keys of a recorded node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    /// The seed of its identity.
    pub identity: Secret,
    /// The key of its network; `None` if that is open.
    pub network: Option<Secret>,
}

/// Keys that only whoever has the secret can read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sealed {
    nonce: [u8; 12],
    bytes: Vec<u8>,
}

/// Keys are missing, or are not those of the recording.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// They are left out, and not given.
    #[error("the keys of node {id:?} are left out of the recording: give its identity with --identity FILE")]
    IdentityMissing {
        /// Who was recorded.
        id: NodeId,
    },
    /// They are encrypted, and the secret is not given.
    #[error("the keys of node {id:?} are encrypted: give the secret with --secret, or the identity with --identity FILE")]
    SecretMissing {
        /// Who was recorded.
        id: NodeId,
    },
    /// The network is not open, and its key is not given.
    #[error("the network `{network}` has a key, which is left out of the recording: give it with --network-key")]
    NetworkKeyMissing {
        /// Its name.
        network: String,
    },
    /// Another node's identity.
    #[error("this is the identity of node {given:?}, but the recording is of node {recorded:?}")]
    WrongIdentity {
        /// Whose was given.
        given: NodeId,
        /// Whose is needed.
        recorded: NodeId,
    },
    /// Another network's key.
    #[error("this is not the key of the network `{network}` that was recorded")]
    WrongNetworkKey {
        /// Its name.
        network: String,
    },
    /// Another secret.
    #[error("this is not the secret that the keys were encrypted with, or the beginning of the recording was altered")]
    WrongSecret,
    /// There is nothing to decrypt.
    #[error("the recording holds no keys for --secret to open: they were left out, so give --identity FILE instead")]
    NothingSealed,
}

/// The seed of all handshakes' keys of a life that is recorded: whoever has the identity and the salt can do them again.
pub fn key_random(identity: &Secret, salt: &[u8; 32]) -> Secret {
    let mut hash = Sha256::new();
    hash.update(b"murmuration recorded keys 1");
    hash.update(identity.0);
    hash.update(salt);
    Secret(hash.finalize().into())
}

impl Keys {
    /// Encrypts them. A nonce must not be used twice with one secret.
    pub fn seal(&self, secret: &Secret, nonce: [u8; 12], header: &[u8]) -> Sealed {
        let mut plain = Zeroizing::new([0; 65]);
        plain[..32].copy_from_slice(&self.identity.0);
        if let Some(network) = &self.network {
            plain[32] = 1;
            plain[33..].copy_from_slice(&network.0);
        }
        let cipher = ChaCha20Poly1305::new(Key::from_slice(&secret.0));
        // It fails for texts of many gigabytes only.
        let bytes = cipher.encrypt(Nonce::from_slice(&nonce), Payload { msg: plain.as_slice(), aad: header }).unwrap_or_default();
        Sealed { nonce, bytes }
    }

    /// Decrypts them.
    ///
    /// # Errors
    /// [`KeyError::WrongSecret`].
    pub fn open(sealed: &Sealed, secret: &Secret, header: &[u8]) -> Result<Self, KeyError> {
        let cipher = ChaCha20Poly1305::new(Key::from_slice(&secret.0));
        let payload = Payload { msg: &sealed.bytes, aad: header };
        let mut plain = cipher.decrypt(Nonce::from_slice(&sealed.nonce), payload).map_err(|_| KeyError::WrongSecret)?;
        let keys = match plain.as_slice().split_at_checked(33) {
            Some((front, network)) => match (front.first_chunk::<32>(), front.last(), network.first_chunk::<32>()) {
                (Some(identity), Some(flag), Some(network)) => {
                    Ok(Self { identity: Secret(*identity), network: (*flag == 1).then_some(Secret(*network)) })
                }
                _ => Err(KeyError::WrongSecret),
            },
            None => Err(KeyError::WrongSecret),
        };
        plain.zeroize();
        keys
    }

    /// Whether they are those of the recorded node and its network.
    ///
    /// # Errors
    /// Which are not.
    pub fn check(&self, header: &Header) -> Result<(), KeyError> {
        let given = Identity::from_seed(self.identity.0, CryptoMode::Real).id();
        if given != header.id {
            return Err(KeyError::WrongIdentity { given, recorded: header.id });
        }
        if network_tag(&header.network, self.network.as_ref()) != header.tag {
            let network = header.network.clone();
            return Err(match self.network {
                None => KeyError::NetworkKeyMissing { network },
                Some(_) => KeyError::WrongNetworkKey { network },
            });
        }
        Ok(())
    }
}
