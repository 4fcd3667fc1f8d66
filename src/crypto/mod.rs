//! Pure functions: identities, the Noise handshake, sealing, ratchets. No ECS, no clock, no randomness of its own.
//!
//! ```
//! use murmuration::crypto::{CryptoMode, Identity};
//!
//! let identity = Identity::from_seed([7; 32], CryptoMode::Real);
//! let signature = identity.sign(b"I said so");
//! assert!(identity.id().verify(b"I said so", &signature, CryptoMode::Real).is_ok());
//! assert!(identity.id().verify(b"I said something else", &signature, CryptoMode::Real).is_err());
//! ```

mod erasing;
mod identity;
mod network;
mod noise;
mod ratchet;
mod sealing;
mod secret;

pub use erasing::ErasingRng;
pub use identity::{BadSignature, CryptoMode, Identity, NodeId, Signature};
pub use network::{network_key, network_tag};
pub use noise::{Handshake, ModelledHandshake, NoiseChannel, Progress, Secrets};
pub use ratchet::{Chain, Commitment, MAX_LEAP, MESSAGE_OVERHEAD, MessageKey, NotDecrypted, Opening};
pub use sealing::{Prekey, PrekeyId, SEALING_OVERHEAD, SealError, SealedBox, open, prekey_pair, seal};
pub use secret::Secret;
