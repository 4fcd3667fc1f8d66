//! The Noise handshake, `Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s`, with proven identities, and the channel it leads to.
//!
//! Noise proves that both sides know the network's key and gives each side the other's Noise key, which is made afresh for every
//! handshake. Whom that key belongs to is proven in the payloads of messages 2 and 3: the node's id and its signature over a
//! context, its role, the handshake hash as it stood before that message, and its own Noise key. The hash binds the proof to this
//! session, the Noise key to this side of it.

mod channel;
mod handshake;
mod modelled;
mod proof;
mod resolver;

pub use channel::NoiseChannel;
pub use handshake::{Handshake, Progress, Secrets};
pub use modelled::ModelledHandshake;

#[cfg(test)]
mod tests;
