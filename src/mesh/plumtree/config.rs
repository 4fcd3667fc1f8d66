//! How broadcast behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of broadcast. The graft timer is that of row T02 of the mission.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BroadcastConfig {
    /// Time from the first announcement of a message until it is asked for.
    #[serde(with = "humantime_serde")]
    pub graft_timeout: Duration,
    /// Time for which announcements are gathered into one frame.
    #[serde(with = "humantime_serde")]
    pub ihave_interval: Duration,
    /// Tree optimisation: a lazy link that is shorter by at least this many hops becomes eager. `None` switches it off.
    pub optimization_threshold: Option<u16>,
    /// Whether one message at a time shapes the tree, as `shaper.rs` argues. `false` is the paper to the letter: the duplicates of
    /// all messages prune, and all optimise.
    pub one_shaper: bool,
    /// Time between two comparisons of notes with a neighbour, which find what nothing else would.
    #[serde(with = "humantime_serde")]
    pub summary_interval: Duration,
    /// Most messages kept to be sent again.
    pub log_messages: usize,
    /// Most bytes of payload kept to be sent again.
    pub log_bytes: usize,
}

impl Default for BroadcastConfig {
    fn default() -> Self {
        Self {
            graft_timeout: Duration::from_millis(500),
            ihave_interval: Duration::from_millis(100),
            optimization_threshold: Some(3),
            one_shaper: true,
            summary_interval: Duration::from_secs(5),
            log_messages: 4096,
            log_bytes: 8 << 20,
        }
    }
}
