//! How routing behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of routing.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoutingConfig {
    /// Time for which changes of the node's links are gathered before they are published.
    #[serde(with = "humantime_serde")]
    pub publish_delay: Duration,
    /// Time for which a datagram is kept by one who knows no way for it. For the first half it is not sent back to whoever it comes from.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
}

impl Default for RoutingConfig {
    fn default() -> Self {
        Self { publish_delay: Duration::from_millis(250), patience: Duration::from_secs(2) }
    }
}
