//! How topics behave.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

use crate::mesh::broadcast::BroadcastConfig;

/// Configuration of topics.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicsConfig {
    /// Of the tree of each topic, and of what it keeps to be sent again.
    pub tree: BroadcastConfig,
    /// Time for which changes of links and subscriptions are gathered before it is worked out anew who relays.
    #[serde(with = "humantime_serde")]
    pub shape_delay: Duration,
    /// Topics that every node joins at its start.
    pub join: Vec<String>,
}

impl Default for TopicsConfig {
    fn default() -> Self {
        Self {
            tree: BroadcastConfig { log_messages: 1024, log_bytes: 2 << 20, ..BroadcastConfig::default() },
            shape_delay: Duration::from_millis(200),
            join: Vec::new(),
        }
    }
}
