//! How chat behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of chat.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatConfig {
    /// Texts after which an author begins a new epoch: a chain key that is stolen opens no more than what is left of one.
    pub epoch_texts: u64,
    /// Time after which it does.
    #[serde(with = "humantime_serde")]
    pub epoch_time: Duration,
    /// Time between two comparisons of logs with some member.
    #[serde(with = "humantime_serde")]
    pub sync_interval: Duration,
    /// Wait before a gap is asked about: the tree may still bring what is missing.
    #[serde(with = "humantime_serde")]
    pub gap_delay: Duration,
    /// Time for which changes are gathered before the node tells how far it has the logs.
    #[serde(with = "humantime_serde")]
    pub receipt_delay: Duration,
    /// Most bytes of entries kept for each topic.
    pub keep_bytes: usize,
    /// Time for which entries are kept.
    #[serde(with = "humantime_serde")]
    pub keep_time: Duration,
    /// Texts that wait for somebody to read them.
    pub outbox: usize,
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            epoch_texts: 1_000,
            epoch_time: Duration::from_secs(3600),
            sync_interval: Duration::from_secs(10),
            gap_delay: Duration::from_millis(300),
            receipt_delay: Duration::from_secs(1),
            keep_bytes: 64 << 20,
            keep_time: Duration::from_secs(365 * 24 * 3600),
            outbox: 1_000,
        }
    }
}
