//! How liveness behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of liveness. Defaults: rows D02 and D04 of the mission.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LivenessConfig {
    /// Time between two pings of a session.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// A ping that is unanswered for this long closes the session; a pong that comes later is ignored.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for LivenessConfig {
    fn default() -> Self {
        Self { interval: Duration::from_secs(8), timeout: Duration::from_secs(30) }
    }
}
