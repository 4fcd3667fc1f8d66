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
    /// When it ends. If `None`, so long before the end of the run that what is said last can arrive: see [`end`](Self::end).
    #[serde(default, with = "humantime_serde")]
    pub stop: Option<Duration>,
    /// How they are spread in time.
    #[serde(default)]
    pub arrivals: Arrivals,
}

/// How long before the end of a run nothing more is said, unless the scenario says otherwise.
const DRAIN: Duration = Duration::from_secs(5);

impl Workload {
    /// When it ends in a run of `duration`: when it says, or 5 s before the end, or when a fifth of what it has is left if that is less.
    /// What is on its way when a run ends has reached nobody.
    pub fn end(&self, duration: Duration) -> Duration {
        self.stop.unwrap_or_else(|| duration - DRAIN.min(duration.saturating_sub(self.start) / 5))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_last_has_time_to_arrive_unless_the_scenario_says_otherwise() {
        let end = |start, stop: Option<u64>, duration| {
            let [start, duration] = [start, duration].map(Duration::from_secs);
            let stop = stop.map(Duration::from_secs);
            let (kind, from, arrivals) = (WorkloadKind::Broadcast, Selection::All, Arrivals::Periodic);
            Workload { kind, from, rate: 1.0, size: 8, start, stop, arrivals }.end(duration).as_secs()
        };
        assert_eq!([end(5, None, 60), end(0, None, 10), end(50, None, 60), end(70, None, 60)], [55, 8, 58, 60]);
        assert_eq!(end(5, Some(60), 60), 60);
    }
}
