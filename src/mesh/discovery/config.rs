//! How discovery behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of discovery. Defaults: rows B01, B18 and B19 of the mission.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscoveryConfig {
    /// Time between two hellos on the local segment; the first is said at start.
    #[serde(with = "humantime_serde")]
    pub hello_interval: Duration,
    /// Wait after the first failed attempt to reach a seed; doubles with each further one.
    #[serde(with = "humantime_serde")]
    pub retry_base: Duration,
    /// Longest wait between attempts.
    #[serde(with = "humantime_serde")]
    pub retry_cap: Duration,
    /// Failed attempts in a row after which the node calls itself offline. It goes on trying at `retry_cap`.
    pub offline_after: u32,
    /// Time between two attempts to reach a member that was lost, as by a partition.
    #[serde(with = "humantime_serde")]
    pub lost_interval: Duration,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        Self {
            hello_interval: Duration::from_secs(15),
            retry_base: Duration::from_millis(500),
            retry_cap: Duration::from_secs(30),
            offline_after: 10,
            lost_interval: Duration::from_secs(5),
        }
    }
}
