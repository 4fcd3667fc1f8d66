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

/// What the trees of a node may keep together, in bytes of payload, once there are many; those that were filled before keep what they have.
const ALL_TREES: usize = 64 << 20;

impl TopicsConfig {
    /// How each of `trees` behaves: the more there are, the less each keeps to be sent again, or whoever makes up topics fills the memory of
    /// those that relay them.
    pub fn shared_by(&self, trees: usize) -> BroadcastConfig {
        let log_bytes = self.tree.log_bytes.min(ALL_TREES / trees.max(1));
        BroadcastConfig { log_bytes, ..self.tree.clone() }
    }
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
