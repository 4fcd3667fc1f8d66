//! The network between the nodes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Selection;
use crate::kernel::Service;

/// The network: one kind of link for all, exceptions to it, and where broadcasts on a local segment reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// What a link promises; see [`Service`]. On a stream, loss costs retransmission time, never frames.
    pub service: ServiceKind,
    /// Every link, unless a rule says otherwise.
    pub link: LinkSpec,
    /// Nodes by region, and the latency between regions. It replaces the latency of [`link`](Self::link).
    pub regions: Option<Regions>,
    /// Exceptions; of several that apply to a direction, the last wins, field by field.
    pub rules: Vec<LinkRule>,
    /// Local segments: a hello reaches the nodes of the same segment. A node in none hears and says none.
    pub segments: Vec<Selection>,
}

/// [`Service`], by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceKind {
    /// In order, exactly once, until the link breaks; like TCP.
    #[default]
    Stream,
    /// Each frame for itself; like UDP.
    Datagram,
}

impl From<ServiceKind> for Service {
    fn from(kind: ServiceKind) -> Self {
        match kind {
            ServiceKind::Stream => Self::Stream,
            ServiceKind::Datagram => Self::Datagram,
        }
    }
}

/// One direction of a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkSpec {
    /// One-way latency.
    pub latency: Latency,
    /// Added to each frame's latency: uniform between zero and this.
    #[serde(with = "humantime_serde")]
    pub jitter: Duration,
    /// Frames that are lost.
    pub loss: Loss,
    /// Probability that a frame comes twice. On a stream the copy only costs bytes.
    pub duplicate: f64,
    /// Frames that are overtaken.
    pub reorder: Reorder,
    /// Bytes per second; `None` is without limit.
    pub rate: Option<u64>,
    /// Bytes that may wait for the rate. A frame that finds the queue full is lost (datagram) or waits (stream).
    pub queue: u64,
}

impl Default for LinkSpec {
    fn default() -> Self {
        Self {
            latency: Latency::default(),
            jitter: Duration::ZERO,
            loss: Loss::None,
            duplicate: 0.0,
            reorder: Reorder::default(),
            rate: None,
            queue: 1 << 20,
        }
    }
}

/// How long a frame travels. What is drawn is never shorter than a tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Constant(#[serde(with = "humantime_serde")] Duration),
    /// Uniform between the two.
    Uniform(#[serde(with = "humantime_serde")] Duration, #[serde(with = "humantime_serde")] Duration),
    /// Normal: mean and standard deviation.
    Normal(#[serde(with = "humantime_serde")] Duration, #[serde(with = "humantime_serde")] Duration),
    /// Log-normal: median, and standard deviation of the logarithm.
    LogNormal(#[serde(with = "humantime_serde")] Duration, f64),
}

impl Default for Latency {
    fn default() -> Self {
        Self::Constant(Duration::from_millis(5))
    }
}

/// Which frames are lost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with this probability.
    Independent(f64),
    /// In bursts: a chain of two states (Gilbert 1960, Elliott 1963).
    GilbertElliott {
        /// Probability, at each frame, to go from the good to the bad state.
        to_bad: f64,
        /// Probability, at each frame, to go back.
        to_good: f64,
        /// Loss in the good state.
        #[serde(default)]
        loss_good: f64,
        /// Loss in the bad state.
        #[serde(default = "always")]
        loss_bad: f64,
    },
}

fn always() -> f64 {
    1.0
}

/// Frames that are held back, so that others overtake them. A stream delivers in order and waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reorder {
    /// Probability.
    pub probability: f64,
    /// For how long.
    #[serde(with = "humantime_serde")]
    pub delay: Duration,
}

/// Latency by region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regions {
    /// The matrix of latencies in milliseconds: `aws-11` or `libp2p-8` (both are part of the program, and known for what they hold), or
    /// the path of a CSV file in the same form, relative to the scenario.
    pub matrix: String,
    /// The regions to use, and which nodes live in each. Empty: nodes go round all regions of the matrix.
    #[serde(default)]
    pub place: Vec<(String, Selection)>,
    /// The file holds round-trip times: half of each is used. For the matrices of the program this is known, and makes no difference.
    #[serde(default)]
    pub round_trip: bool,
}

/// An exception for some directions. What is `None` stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkRule {
    /// Frames from these nodes …
    pub from: Selection,
    /// … to these.
    pub to: Selection,
    /// Also the other way round.
    pub both_ways: bool,
    /// See [`LinkSpec`].
    pub latency: Option<Latency>,
    /// See [`LinkSpec`].
    #[serde(with = "humantime_serde")]
    pub jitter: Option<Duration>,
    /// See [`LinkSpec`].
    pub loss: Option<Loss>,
    /// See [`LinkSpec`].
    pub duplicate: Option<f64>,
    /// See [`LinkSpec`].
    pub reorder: Option<Reorder>,
    /// See [`LinkSpec`].
    pub rate: Option<u64>,
}
