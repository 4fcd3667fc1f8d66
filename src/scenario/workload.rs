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

/// What some nodes say again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// What it is.
    #[serde(default)]
    pub kind: WorkloadKind,
    /// Which nodes say it.
    #[serde(default)]
    pub from: Selection,
    /// How often a second each of them does.
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

/// What is said again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum WorkloadKind {
    /// Broadcasts.
    #[default]
    Broadcast,
    /// Texts in a topic. Each names its author and its instant, so it may be longer than was asked for.
    Chat {
        /// Which.
        #[serde(default = "super::act::lobby")]
        topic: String,
    },
}

/// How it is spread in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arrivals {
    /// At equal distances, each node with its own phase.
    #[default]
    Periodic,
    /// As a Poisson process.
    Poisson,
}
