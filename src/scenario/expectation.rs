//! What must hold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Selection;

/// What must hold at the end of a run, or have held during it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Expectation {
    /// Every running node knows exactly the running nodes, and can reach them: never while the network is split. Within a time from an event. The first sample in which that is so counts; what
    /// becomes of the views afterwards is for [`NoFalseSuspicion`](Self::NoFalseSuspicion) and later instances of this.
    AllMembersKnown {
        /// How soon.
        #[serde(with = "humantime_serde")]
        within: Duration,
        /// From what.
        #[serde(default)]
        after: Since,
    },
    /// At least this fraction of those who should have a broadcast has it, over all broadcasts. Those who should: every node
    /// that ran when it was sent and from then on until the end. A broadcast whose origin stopped before anybody else had it has nobody who
    /// should.
    Reliability(f64),
    /// No broadcast is delivered twice to the same life of a node.
    NoDuplicateDelivery,
    /// Nobody was suspected whom the network let be reached, over whichever links, for the ten seconds before. What a fault caused may
    /// take so long to show.
    NoFalseSuspicion,
    /// Every crash, and every cut between two sides, is noticed by all who can within this time (99th percentile). An absence that
    /// nobody noticed counts as noticed never, if it lasted for twenty seconds or more.
    DetectedWithin(#[serde(with = "humantime_serde")] Duration),
    /// At the end every running node has at least the first and at most the second number of links.
    Degree(usize, usize),
    /// At the end the graph of the running nodes is connected.
    Connected,
    /// Mean relative message redundancy of the second half of the broadcasts, when the tree has formed, is at most this.
    Redundancy(f64),
    /// The 99th percentile of delivery latency is at most this.
    LatencyP99(#[serde(with = "humantime_serde")] Duration),
    /// The longest delivery latency is at most this.
    LatencyMax(#[serde(with = "humantime_serde")] Duration),
    /// Every graceful leave is reported by all within this time.
    LeaveReportedWithin(#[serde(with = "humantime_serde")] Duration),
    /// Each of these nodes can read each of these texts within a time from when it was said, or from an event if that is later. A text
    /// that nobody said cannot be judged.
    Readable {
        /// Which texts.
        what: Texts,
        /// Who.
        #[serde(default)]
        by: Selection,
        /// How soon.
        #[serde(with = "humantime_serde")]
        within: Duration,
        /// From what, besides the saying.
        #[serde(default)]
        after: Since,
    },
    /// None of these texts was ever read by any of these.
    Unreadable {
        /// Which texts.
        what: Texts,
        /// Who.
        by: Reader,
    },
    /// At the end all running members have the same entries of the topics that they share.
    LogsEqual,
    /// At least this fraction of those for whom a text was encrypted can read it, over all texts; of those who run and are members at the
    /// end, and still subscribe to the topic.
    AllTextsDelivered(f64),
    /// At the end no running member lists any of these as one.
    NotMembers(Selection),
    /// How often nodes have refused something, as it is called in the record, lies within bounds.
    Refused {
        /// What: `forged`, `forked`, `not_shared` …
        what: String,
        /// At least so often.
        #[serde(default)]
        least: u64,
        /// At most so often.
        #[serde(default = "without_end")]
        most: u64,
    },
}

fn without_end() -> u64 {
    u64::MAX
}

/// Which texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Texts {
    /// All in topics: not those to one member only.
    All,
    /// What acts call so.
    Named(String),
    /// All that were said before this time, to one member too.
    SaidBefore(#[serde(with = "humantime_serde")] Duration),
    /// All that were said at this time or later, to one member too.
    SaidAfter(#[serde(with = "humantime_serde")] Duration),
}

/// Who reads what it should not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Reader {
    /// Nodes, in the ordinary way.
    Nodes(Selection),
    /// The recorders among the adversaries.
    Recorder,
    /// Those among the adversaries who were revoked.
    Revoked,
}

/// The event from which a time counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Since {
    /// The beginning, or the last node's start if they join one by one.
    #[default]
    Start,
    /// The last heal.
    Heal,
    /// The last change that a fault or churn makes.
    LastFault,
}
