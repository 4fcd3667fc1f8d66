//! `summary.json`: the figures of a run, for programs. Its keys are an interface; `null` stands for what was not measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::graph::Graph;
use super::judge::{Verdict, detection_quantile, first_whole_view, mean_rmr};
use super::record::{LatencySummary, RunRecord, TextRow};
use crate::wire::Protocol;

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// How many nodes.
    pub nodes: u32,
    /// Simulated time.
    pub simulated_seconds: f64,
    /// Time it took.
    pub wall_seconds: f64,
    /// Frames delivered and timers fired.
    pub events: u64,
    /// … by wall second.
    pub events_per_second: Option<f64>,
    /// Highest resident memory of the process.
    pub peak_rss_bytes: Option<u64>,
    /// Digest of the trace, hexadecimal.
    pub digest: String,
    /// Version of the program.
    pub version: String,
    /// The verdicts.
    pub expectations: Vec<Verdict>,
    /// Broadcasts.
    pub broadcast: BroadcastSummary,
    /// Membership and detection.
    pub membership: MembershipSummary,
    /// The links of the running nodes at the end.
    pub topology: TopologySummary,
    /// What was sent.
    pub traffic: TrafficSummary,
    /// Chat, if it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatSummary>,
}

/// Chat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatSummary {
    /// Texts that were said.
    pub texts: u64,
    /// Of those for whom they were encrypted and who are still there, over all texts, the fraction that can read them.
    pub delivered: Option<f64>,
    /// Time from a saying to a reading by somebody who ran all the while.
    pub latency_ms: LatencyFigures,
    /// Texts that a recorder can read.
    pub opened_by_recorder: u64,
    /// Texts that those can read who were revoked.
    pub opened_by_revoked: u64,
    /// What chat and routing have refused or could not open, by name.
    pub refused: BTreeMap<String, u64>,
}

/// Broadcasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BroadcastSummary {
    /// How many.
    pub sent: Option<u64>,
    /// Of those who should have them, over all broadcasts, the fraction that has them.
    pub reliability: Option<f64>,
    /// Relative message redundancy, m / (n - 1) - 1 with m payload messages received and n nodes that have it: mean over broadcasts.
    /// (Leitão, Pereira and Rodrigues, *Epidemic Broadcast Trees*, 2007, section 4.1.)
    pub rmr: Option<f64>,
    /// Last delivery hop, the most hops a broadcast took: mean over broadcasts. (Section 4.1 there.)
    pub ldh_mean: Option<f64>,
    /// … the most.
    pub ldh_max: Option<u16>,
    /// Delivery latency.
    pub latency_ms: LatencyFigures,
}

/// Percentiles of delivery latency, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyFigures {
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Longest.
    pub max: Option<f64>,
}

/// Membership and detection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembershipSummary {
    /// When every view was whole for the first time after the last fault, heal or start; seconds from the beginning. Never while the
    /// network is split.
    pub converged_at_seconds: Option<f64>,
    /// Suspicions of somebody who could be reached.
    pub false_suspicions: Option<u64>,
    /// Time to notice an absence.
    pub detection_seconds: DetectionSummary,
}

/// Time to notice an absence, in seconds. One that was never noticed counts as endless; a percentile that is endless is `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectionSummary {
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

/// The links of the running nodes at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologySummary {
    /// Fewest links of a node.
    pub degree_min: Option<u32>,
    /// Most links of a node.
    pub degree_max: Option<u32>,
    /// Mean number of links.
    pub degree_mean: Option<f64>,
    /// Whether every node can reach every other.
    pub connected: Option<bool>,
    /// Most hops between two nodes; not measured for islands, nor for more than 20,000 nodes or what would take as long, as a ring of 14,000.
    pub diameter: Option<u32>,
}

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficSummary {
    /// Frames.
    pub frames: Option<u64>,
    /// Bytes.
    pub bytes: Option<u64>,
    /// Both, by protocol.
    pub by_protocol: Option<BTreeMap<String, ProtocolTraffic>>,
}

/// What a protocol sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolTraffic {
    /// Frames.
    pub frames: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The figures of the run.
pub fn summary(record: &RunRecord, verdicts: &[Verdict]) -> Summary {
    let meta = &record.meta;
    Summary {
        scenario: meta.scenario.clone(),
        seed: meta.seed,
        nodes: meta.nodes,
        simulated_seconds: meta.simulated_seconds,
        wall_seconds: meta.wall_seconds,
        events: meta.events,
        events_per_second: (meta.wall_seconds > 0.0).then(|| meta.events as f64 / meta.wall_seconds),
        peak_rss_bytes: meta.peak_rss_bytes,
        digest: meta.digest.clone(),
        version: meta.version.clone(),
        expectations: verdicts.to_vec(),
        broadcast: broadcast(record),
        membership: membership(record),
        topology: topology(record),
        traffic: traffic(record),
        chat: meta.chat.then(|| chat(record)),
    }
}

fn broadcast(record: &RunRecord) -> BroadcastSummary {
    let rows = &record.broadcasts;
    let expected: u64 = rows.iter().map(|b| u64::from(b.expected)).sum();
    let reached: u64 = rows.iter().map(|b| u64::from(b.reached)).sum();
    let hops: Vec<u16> = rows.iter().filter(|b| b.delivered > 1).map(|b| b.ldh).collect();
    BroadcastSummary {
        sent: record.meta.broadcast.then_some(rows.len() as u64),
        reliability: rows.iter().any(|b| b.expected > 1).then(|| reached as f64 / expected as f64),
        rmr: mean_rmr(rows),
        ldh_mean: (!hops.is_empty()).then(|| hops.iter().map(|h| f64::from(*h)).sum::<f64>() / hops.len() as f64),
        ldh_max: hops.iter().copied().max(),
        latency_ms: LatencyFigures::of(record.latency.as_ref()),
    }
}

impl LatencyFigures {
    fn of(latency: Option<&LatencySummary>) -> Self {
        Self { p50: latency.map(|l| l.p50), p90: latency.map(|l| l.p90), p99: latency.map(|l| l.p99), max: latency.map(|l| l.max) }
    }
}

fn chat(record: &RunRecord) -> ChatSummary {
    let sum = |of: fn(&TextRow) -> u32| record.texts.iter().map(|text| u64::from(of(text))).sum::<u64>();
    let (expected, delivered) = (sum(|text| text.expected), sum(|text| text.delivered));
    let opened = |by: fn(&TextRow) -> bool| record.texts.iter().filter(|text| by(text)).count() as u64;
    ChatSummary {
        texts: record.texts.len() as u64,
        delivered: (expected > 0).then(|| delivered as f64 / expected as f64),
        latency_ms: LatencyFigures::of(record.text_latency.as_ref()),
        opened_by_recorder: opened(|text| text.recorder),
        opened_by_revoked: opened(|text| text.revoked),
        refused: record.chat_refusals.clone(),
    }
}

fn membership(record: &RunRecord) -> MembershipSummary {
    let meta = &record.meta;
    let change = record.heals.iter().chain(&record.fault_times).copied().max_by(f64::total_cmp);
    let from = change.map_or(record.started_at, |change| change.max(record.started_at));
    MembershipSummary {
        converged_at_seconds: meta.membership.then(|| first_whole_view(record, from)).flatten(),
        false_suspicions: meta.detection.then_some(record.false_suspicions),
        detection_seconds: DetectionSummary {
            p50: detection_quantile(record, 0.5).flatten(),
            p99: detection_quantile(record, 0.99).flatten(),
        },
    }
}

fn topology(record: &RunRecord) -> TopologySummary {
    let degrees: Vec<u32> = record.nodes.iter().filter(|n| n.up).map(|n| n.degree).collect();
    if degrees.is_empty() {
        return TopologySummary::default();
    }
    let graph = Graph::of_running(record);
    TopologySummary {
        degree_min: degrees.iter().copied().min(),
        degree_max: degrees.iter().copied().max(),
        degree_mean: Some(degrees.iter().map(|d| f64::from(*d)).sum::<f64>() / degrees.len() as f64),
        connected: Some(graph.components().len() == 1),
        diameter: graph.diameter(),
    }
}

fn traffic(record: &RunRecord) -> TrafficSummary {
    let Some(last) = record.samples.last() else { return TrafficSummary::default() };
    let of = |values: &[u64], protocol: &Protocol| values.get(*protocol as usize).copied().unwrap_or_default();
    let by_protocol = Protocol::ALL
        .iter()
        .map(|p| (p.name().to_owned(), ProtocolTraffic { frames: of(&last.frames, p), bytes: of(&last.bytes, p) }))
        .collect();
    TrafficSummary { frames: Some(last.frames.iter().sum()), bytes: Some(last.bytes.iter().sum()), by_protocol: Some(by_protocol) }
}
