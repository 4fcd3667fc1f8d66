//! What goes wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Loss, Selection};

/// Something that happens at an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When, from the beginning.
    #[serde(with = "humantime_serde")]
    pub at: Duration,
    /// What.
    #[serde(rename = "do")]
    pub kind: FaultKind,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum FaultKind {
    /// Frames no longer pass between these sets. Nodes in none of them form one more set. Replaces an earlier partition.
    Partition(Vec<Selection>),
    /// Frames no longer pass from the first to the second set; the other way they do. Adds to what is there.
    OneWay(Selection, Selection),
    /// The links between the two sets are cut, both ways. Adds to what is there.
    Cut(Selection, Selection),
    /// All partitions and cuts end.
    Heal,
    /// The nodes stop without a word, as when the power fails.
    Crash(Selection),
    /// Crashed nodes, or nodes that left, start again.
    Restart {
        /// Which.
        nodes: Selection,
        /// With what they knew; otherwise with their identity only.
        #[serde(default)]
        memory: bool,
    },
    /// The nodes leave gracefully; who stands still does so when it resumes, and the time until others report it counts from here.
    Leave(Selection),
    /// The processes are stopped, and resume later; what is sent to them waits.
    Pause {
        /// Which.
        nodes: Selection,
        /// For how long.
        #[serde(rename = "for", with = "humantime_serde")]
        period: Duration,
    },
    /// Frames from or to the nodes are lost, on top of what links lose.
    LossBurst {
        /// Which.
        nodes: Selection,
        /// How many.
        loss: Loss,
        /// For how long.
        #[serde(rename = "for", with = "humantime_serde")]
        period: Duration,
    },
    /// From now on the nodes' clocks run too fast (positive) or too slow.
    ClockDrift {
        /// Which.
        nodes: Selection,
        /// By how many parts per million.
        ppm: i32,
    },
    /// The nodes need this long for every frame they receive, one after the other. What has come by the end is still served at that pace,
    /// and what comes later waits behind it: a node that was overloaded has a backlog.
    Slow {
        /// Which.
        nodes: Selection,
        /// Time for one frame.
        #[serde(with = "humantime_serde")]
        service_time: Duration,
        /// For how long; for ever if `None`.
        #[serde(rename = "for", default, with = "humantime_serde")]
        period: Option<Duration>,
    },
}

/// Nodes that crash and come back, each at its own times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    /// Which nodes.
    #[serde(default)]
    pub nodes: Selection,
    /// How long a node lives.
    pub session: Lifetime,
    /// How long it is away.
    pub downtime: Lifetime,
    /// Whether it comes back with what it knew.
    #[serde(default)]
    pub memory: bool,
    /// Whether it leaves gracefully instead of crashing.
    #[serde(default)]
    pub graceful: bool,
    /// When it begins.
    #[serde(default, with = "humantime_serde")]
    pub from: Duration,
    /// When it ends: nodes that are away come back then. The end of the run if `None`.
    #[serde(default, with = "humantime_serde")]
    pub until: Option<Duration>,
}

/// How long something lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Lifetime {
    /// Always the same.
    Constant(#[serde(with = "humantime_serde")] Duration),
    /// Exponential, with this mean: a constant rate.
    Exponential(#[serde(with = "humantime_serde")] Duration),
    /// Weibull, with this scale and shape; a shape below 1 has many short and few long ones, as measured in deployed overlays.
    Weibull(#[serde(with = "humantime_serde")] Duration, f64),
}
