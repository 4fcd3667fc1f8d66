//! The record of a run: everything that results, verdicts and pictures are made from. Whoever ran it, simulator or live nodes, fills it.
//!
//! Times are seconds from the beginning of the run. Nodes are named by their ordinal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod chat;

pub use chat::{LogsRow, MemberRow, ReadingRow, TextRow};

/// The record of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRecord {
    /// What was run, and how it went.
    pub meta: Meta,
    /// The time series.
    pub samples: Vec<Sample>,
    /// One row for each broadcast, in the order of sending.
    pub broadcasts: Vec<BroadcastRow>,
    /// Delivery latencies of all broadcasts; `None` if nothing was delivered.
    pub latency: Option<LatencySummary>,
    /// What happened, in order of time.
    pub events: Vec<EventRow>,
    /// Events that were not kept because there were too many.
    pub events_dropped: u64,
    /// The digest of the run as it stood at certain times.
    pub checkpoints: Vec<Checkpoint>,
    /// The nodes, by ordinal.
    pub nodes: Vec<NodeRow>,
    /// The links at the end, each once.
    pub edges: Vec<EdgeRow>,
    /// How long a ping takes over the sessions that are open at the end, as each side has measured it.
    pub round_trips: Vec<RoundTripRow>,
    /// Periods in which something was wrong, for the background of pictures.
    pub shades: Vec<Shade>,
    /// Who noticed whose absence, and how soon.
    pub detections: Vec<DetectionRow>,
    /// Absences that somebody who could have noticed did not, before they ended.
    pub missed_detections: u64,
    /// Suspicions of somebody who could be reached.
    pub false_suspicions: u64,
    /// Graceful leaves, and how soon others reported them.
    pub leaves: Vec<LeaveRow>,
    /// Broadcasts that one life of a node was given twice.
    pub duplicate_deliveries: u64,
    /// Refusals by name.
    pub refusals: BTreeMap<String, u64>,
    /// When the last node had started.
    pub started_at: f64,
    /// Times of heals.
    pub heals: Vec<f64>,
    /// Times of all changes that faults and churn made.
    pub fault_times: Vec<f64>,
    /// One row for each text, in the order of saying.
    pub texts: Vec<TextRow>,
    /// Who has read which text, and when; by text and reader.
    pub readings: Vec<ReadingRow>,
    /// Latencies of all readings by somebody who ran when the text was said, and for whom it was encrypted.
    pub text_latency: Option<LatencySummary>,
    /// How the nodes stand at the end, where there is chat or admission.
    pub members: Vec<MemberRow>,
    /// What running members have of their topics at the end.
    pub logs: Vec<LogsRow>,
    /// What chat and routing have refused or could not open, by name.
    pub chat_refusals: BTreeMap<String, u64>,
}

/// What was run, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Name of the scenario.
    pub scenario: String,
    /// What it shows.
    pub about: String,
    /// The seed.
    pub seed: u64,
    /// How many nodes.
    pub nodes: u32,
    /// Simulated time.
    pub simulated_seconds: f64,
    /// Time it took, from the first tick to the last.
    pub wall_seconds: f64,
    /// Frames delivered and timers fired.
    pub events: u64,
    /// Highest resident memory of the process, if the system tells.
    pub peak_rss_bytes: Option<u64>,
    /// Digest of the trace, hexadecimal.
    pub digest: String,
    /// Version of the program.
    pub version: String,
    /// Whether membership ran.
    pub membership: bool,
    /// Whether detection ran.
    pub detection: bool,
    /// Whether dissemination ran.
    pub broadcast: bool,
    /// Whether chat ran.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chat: bool,
}

/// The whole run at one instant. Means and extremes are over running nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub seconds: f64,
    /// Nodes that run.
    pub up: u32,
    /// Running nodes whose view is exactly the set of running nodes.
    pub complete_views: u32,
    /// Running nodes whose view is exactly the set of running nodes they can reach.
    pub reachable_views: u32,
    /// Members that a node holds for alive, itself included: mean.
    pub known_mean: f64,
    /// … fewest.
    pub known_min: u32,
    /// … most.
    pub known_max: u32,
    /// Pairs of observer and suspected member.
    pub suspected: u64,
    /// Links of the mesh, each counted once.
    pub links: u64,
    /// Fewest links of a node.
    pub degree_min: u32,
    /// Most links of a node.
    pub degree_max: u32,
    /// Mean number of links.
    pub degree_mean: f64,
    /// Frames sent since the beginning, in the order of `Protocol::ALL`.
    pub frames: Vec<u64>,
    /// Bytes sent since the beginning, in the order of `Protocol::ALL`.
    pub bytes: Vec<u64>,
}

impl Sample {
    /// Running nodes whose view is whole: exactly the running nodes, each of which they can reach. In a mesh that is split it is nobody's, though
    /// for a while nobody may notice. The two counts are one as long as it is not.
    pub fn whole_views(&self) -> u32 {
        if self.complete_views == self.reachable_views { self.complete_views } else { 0 }
    }
}

/// One broadcast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BroadcastRow {
    /// Who said it.
    pub origin: u32,
    /// Its number.
    pub sequence: u64,
    /// When.
    pub sent: f64,
    /// Bytes of payload.
    pub size: u32,
    /// Nodes that should have it: those that ran when it was sent and from then on to the end, the origin included.
    pub expected: u32,
    /// How many of these have it, the origin included.
    pub reached: u32,
    /// All nodes that have it, the origin included.
    pub delivered: u32,
    /// Payload frames received for it.
    pub payloads: u64,
    /// Relative message redundancy: payloads / (delivered - 1) - 1; 0 if nobody else has it.
    pub rmr: f64,
    /// Last delivery hop: the most hops at which it was delivered.
    pub ldh: u16,
    /// Mean delivery latency in milliseconds.
    pub latency_mean_ms: f64,
    /// Longest delivery latency in milliseconds.
    pub latency_max_ms: f64,
}

/// Percentiles of delivery latency, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Longest.
    pub max: f64,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// When, in nanoseconds: exact, so that two runs can be compared.
    pub nanos: u64,
    /// At which node; `None` for something that concerns many.
    pub node: Option<u32>,
    /// What: `suspected`, `link_up`, `partition` …
    pub kind: String,
    /// Who else it concerns.
    pub peer: Option<u32>,
    /// More about it, for people.
    pub detail: String,
}

/// The digest as it stood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// When, in nanoseconds.
    pub nanos: u64,
    /// The digest of all that happened before, hexadecimal.
    pub digest: String,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its ordinal.
    pub node: u32,
    /// Its id, hexadecimal.
    pub id: String,
    /// Its region, if the network has regions.
    pub region: String,
    /// Whether it runs at the end.
    pub up: bool,
    /// Its links at the end.
    pub degree: u32,
    /// Members it holds for alive at the end, itself included.
    pub known: u32,
}

/// A link at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeRow {
    /// One end, the smaller ordinal.
    pub a: u32,
    /// The other.
    pub b: u32,
    /// Whether either side pushes eagerly over it: it is part of the tree.
    pub tree: bool,
}

/// The round-trip times that a node has measured over a session. Times are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoundTripRow {
    /// Who pings.
    pub node: u32,
    /// Who answers.
    pub peer: u32,
    /// Of the last ping that was answered.
    pub current_ms: f64,
    /// Shortest.
    pub min_ms: f64,
    /// Longest.
    pub max_ms: f64,
    /// Exponential moving average, the newest with weight 1/8.
    pub average_ms: f64,
}

/// A period in which something was wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shade {
    /// From when.
    pub from: f64,
    /// To when.
    pub to: f64,
    /// What.
    pub label: String,
}

/// Somebody noticed that another was gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DetectionRow {
    /// Who noticed.
    pub observer: u32,
    /// Who was gone.
    pub target: u32,
    /// Since when it was gone for the observer.
    pub since: f64,
    /// How long it took to notice.
    pub seconds: f64,
}

/// A graceful leave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeaveRow {
    /// Who left.
    pub node: u32,
    /// When.
    pub at: f64,
    /// Running nodes that should report it.
    pub expected: u32,
    /// How many did.
    pub reported: u32,
    /// How long the last of them took.
    pub seconds_max: f64,
}
