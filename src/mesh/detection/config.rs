//! How detection behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of detection. The threshold is that of row T02 of the mission.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectionConfig {
    /// Suspicion level from which a member is suspected.
    pub threshold: f64,
    /// Most inter-arrival times remembered of a member.
    pub window: usize,
    /// Lower bound of the standard deviation.
    #[serde(with = "humantime_serde")]
    pub min_std_deviation: Duration,
    /// Pause that is accepted on top of the mean before suspicion rises. What a silence exceeds it by is not learnt.
    ///
    /// Over a graph of degree 2 to 3 with one exchange a second
    /// and a tenth of all frames lost, heartbeats of far members come every 3 s, give or take 2: in 300 s of a mesh of 50 a
    /// pause of 3 s gave one wrong suspicion, 4 s none, and a crash was noticed after 10 to 22 s.
    #[serde(with = "humantime_serde")]
    pub acceptable_pause: Duration,
    /// Time between heartbeats that is expected of a member, give or take a half, as two of the first in the window; the more members
    /// there are, also those who come later, the longer. While a thousand nodes join at once, joins crowd heartbeats out for up to 25 s: with the
    /// number of members at the time of the join, three in a thousand pairs were suspected wrongly; with that of later, none.
    #[serde(with = "humantime_serde")]
    pub first_estimate: Duration,
    /// Time between two looks at all members.
    #[serde(with = "humantime_serde")]
    pub check_interval: Duration,
}

impl Default for DetectionConfig {
    fn default() -> Self {
        Self {
            threshold: 8.0,
            window: 100,
            min_std_deviation: Duration::from_millis(500),
            acceptable_pause: Duration::from_secs(4),
            first_estimate: Duration::from_secs(3),
            check_interval: Duration::from_millis(500),
        }
    }
}
