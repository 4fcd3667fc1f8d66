//! How handshakes behave, and the key of the network.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// Configuration of the handshake.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandshakeConfig {
    /// Longest time from the dial to the link (row T02: `connect_timeout`).
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Longest time from the link to the open session.
    #[serde(with = "humantime_serde")]
    pub handshake_timeout: Duration,
}

impl Default for HandshakeConfig {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), handshake_timeout: Duration::from_secs(5) }
    }
}

/// The key that members of a network share: the pre-shared key of every handshake. On the node entity.
#[derive(Component, Clone, PartialEq, Eq)]
pub struct NetworkKey(pub [u8; 32]);

impl Drop for NetworkKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
