//! How membership behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of membership. Defaults: row T02 of the mission.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MembershipConfig {
    /// Time between two rounds of anti-entropy.
    #[serde(with = "humantime_serde")]
    pub gossip_interval: Duration,
    /// Time between two increments of the node's own heartbeat.
    #[serde(with = "humantime_serde")]
    pub heartbeat_interval: Duration,
    /// Most bytes of a digest, and of a delta.
    pub byte_budget: usize,
    /// Time for which a member must be suspected before it is forgotten.
    #[serde(with = "humantime_serde")]
    pub grace_period: Duration,
}

impl Default for MembershipConfig {
    fn default() -> Self {
        Self {
            gossip_interval: Duration::from_secs(1),
            heartbeat_interval: Duration::from_millis(500),
            byte_budget: 60_000,
            grace_period: Duration::from_secs(60),
        }
    }
}
