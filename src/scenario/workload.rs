//! How nodes come to be, and what they say.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Selection;

/// How the nodes come to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Start {
    /// All at once, each knowing the first `seeds` nodes as seeds; with 0 they only have the local segment.
    Together {
        /// How many seeds.
        #[serde(default = "one")]
        seeds: u32,
    },
    /// First the seeds, then the others one by one.
    Join {
        /// Nodes per second.
        per_second: f64,
        /// How many seeds.
        #[serde(default = "one")]
        seeds: u32,
    },
}

fn one() -> u32 {
    1
}

impl Default for Start {
    fn default() -> Self {
        Self::Together { seeds: one() }
    }
}

/// Broadcasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Which nodes broadcast.
    #[serde(default)]
    pub from: Selection,
    /// Broadcasts per second of each of them.
    pub rate: f64,
    /// Bytes of each.
    pub size: usize,
    /// When it begins.
    #[serde(default, with = "humantime_serde")]
    pub start: Duration,
    /// When it ends; the end of the run if `None`.
    #[serde(default, with = "humantime_serde")]
    pub stop: Option<Duration>,
    /// How they are spread in time.
    #[serde(default)]
    pub arrivals: Arrivals,
}

/// How broadcasts are spread in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arrivals {
    /// At equal distances, each node with its own phase.
    #[default]
    Periodic,
    /// As a Poisson process.
    Poisson,
}
