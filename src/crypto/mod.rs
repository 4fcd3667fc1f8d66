//! Pure functions: identities, the Noise handshake. No ECS, no clock, no randomness of its own.

mod identity;
mod noise;

pub use identity::{BadSignature, CryptoMode, Identity, NodeId, Signature};
pub use noise::{Handshake, ModelledHandshake, NoiseChannel, Progress, Secrets};
