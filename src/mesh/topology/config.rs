//! How the topology behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of the degree-constrained overlay. Defaults: row T02 of the mission.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopologyConfig {
    /// A node with fewer links looks for more; silent ones do not count.
    pub min_degree: usize,
    /// A node with as many links accepts no more; silent ones do not count.
    pub max_degree: usize,
    /// Time between two audits of a node's links.
    #[serde(with = "humantime_serde")]
    pub rebalance_interval: Duration,
    /// A neighbour from whom nothing has come for this long, to the second and one at least, is asked whether it is there. If two
    /// seconds later it has not answered its link is silent, and another is looked for if that leaves too few. Each time that such a link
    /// is heard again the time doubles for all links of the node, up to eightfold; after five minutes without it is halved again.
    #[serde(with = "humantime_serde")]
    pub silence: Duration,
}

impl Default for TopologyConfig {
    fn default() -> Self {
        Self { min_degree: 2, max_degree: 3, rebalance_interval: Duration::from_secs(5), silence: Duration::from_secs(2) }
    }
}
