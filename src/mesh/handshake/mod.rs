//! Handshake: Noise XXpsk3 with proven identities.

mod config;

pub use config::{HandshakeConfig, NetworkKey};
