//! `summary.json`: the run in figures.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::record::RunRecord;
use super::statistics::quantile;
use super::verdict::Verdict;
use crate::wire::Protocol;

/// The run in figures; `None` where a thing was not measured. The names are those of `summary.json`.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are documented in README.md, under results")]
pub struct Summary<'a> {
    pub scenario: &'a str,
    pub seed: u64,
    pub nodes: u32,
    pub simulated_seconds: f64,
    pub wall_seconds: f64,
    pub events: u64,
    pub events_per_second: f64,
    pub peak_rss_bytes: Option<u64>,
    pub digest: &'a str,
    pub version: &'a str,
    pub expectations: &'a [Verdict],
    pub broadcast: Value,
    pub membership: Value,
    pub topology: Value,
    pub traffic: Value,
    pub refusals: Value,
}

impl<'a> Summary<'a> {
    /// The summary of a record and its verdicts.
    pub fn new(record: &'a RunRecord, verdicts: &'a [Verdict]) -> Self {
        let meta = &record.meta;
        Self {
            scenario: &meta.scenario,
            seed: meta.seed,
            nodes: meta.nodes,
            simulated_seconds: meta.simulated_seconds,
            wall_seconds: meta.wall_seconds,
            events: meta.events,
            events_per_second: if meta.wall_seconds > 0.0 { (meta.events as f64 / meta.wall_seconds).round() } else { 0.0 },
            peak_rss_bytes: meta.peak_rss_bytes,
            digest: &meta.digest,
            version: &meta.version,
            expectations: verdicts,
            broadcast: broadcast(record),
            membership: membership(record),
            topology: topology(record),
            traffic: traffic(record),
            refusals: json!(record.refusals),
        }
    }
}

/// [`Summary`] as JSON.
pub fn summary_json(record: &RunRecord, verdicts: &[Verdict]) -> Value {
    serde_json::to_value(Summary::new(record, verdicts)).unwrap_or_default()
}

/// The first sample from `from` on in which every running node knows exactly the running nodes: when.
pub(super) fn converged_at(record: &RunRecord, from: f64) -> Option<f64> {
    let whole = |sample: &&super::Sample| sample.seconds >= from && sample.up > 0 && sample.complete_views == sample.up;
    record.samples.iter().find(whole).map(|sample| sample.seconds)
}

fn broadcast(record: &RunRecord) -> Value {
    let rows = &record.broadcasts;
    if !record.meta.broadcast || rows.is_empty() {
        let nothing = Value::Null;
        let latency = json!({"p50": nothing, "p90": nothing, "p99": nothing, "max": nothing});
        return json!({"sent": record.meta.broadcast.then_some(0), "reliability": nothing, "rmr": nothing, "ldh_mean": nothing, "ldh_max": nothing, "latency_ms": latency});
    }
    let count = rows.len() as f64;
    let sum = |value: fn(&super::BroadcastRow) -> f64| rows.iter().map(value).sum::<f64>();
    let expected = sum(|row| f64::from(row.expected));
    let latency = |which: fn(&super::LatencySummary) -> f64| record.latency.as_ref().map(which);
    json!({
        "sent": rows.len(),
        "reliability": (expected > 0.0).then(|| sum(|row| f64::from(row.reached)) / expected),
        "rmr": sum(|row| row.rmr) / count,
        "ldh_mean": sum(|row| f64::from(row.ldh)) / count,
        "ldh_max": rows.iter().map(|row| row.ldh).max(),
        "latency_ms": {"p50": latency(|it| it.p50), "p90": latency(|it| it.p90), "p99": latency(|it| it.p99), "max": latency(|it| it.max)},
    })
}

fn membership(record: &RunRecord) -> Value {
    let meta = &record.meta;
    let mut times: Vec<f64> = record.detections.iter().map(|row| row.seconds).collect();
    times.sort_by(f64::total_cmp);
    json!({
        "converged_at_seconds": if meta.membership { converged_at(record, record.started_at) } else { None },
        "false_suspicions": meta.detection.then_some(record.false_suspicions),
        "detection_seconds": {"p50": quantile(&times, 0.5), "p99": quantile(&times, 0.99)},
    })
}

fn topology(record: &RunRecord) -> Value {
    let degrees: Vec<u32> = record.nodes.iter().filter(|node| node.up).map(|node| node.degree).collect();
    let parts = Components::of(record);
    json!({
        "degree_min": degrees.iter().min(),
        "degree_max": degrees.iter().max(),
        "degree_mean": (!degrees.is_empty()).then(|| f64::from(degrees.iter().sum::<u32>()) / degrees.len() as f64),
        "connected": (parts.count > 0).then_some(parts.count == 1),
        "diameter": parts.diameter,
    })
}

fn traffic(record: &RunRecord) -> Value {
    let last = record.samples.last();
    let of = |values: &[u64], index: usize| values.get(index).copied().unwrap_or(0);
    let by_protocol: Map<String, Value> = Protocol::ALL
        .iter()
        .enumerate()
        .filter_map(|(index, protocol)| {
            let (frames, bytes) = (of(&last?.frames, index), of(&last?.bytes, index));
            Some((protocol.name().to_owned(), json!({"frames": frames, "bytes": bytes})))
        })
        .collect();
    json!({
        "frames": last.map(|sample| sample.frames.iter().sum::<u64>()),
        "bytes": last.map(|sample| sample.bytes.iter().sum::<u64>()),
        "by_protocol": by_protocol,
    })
}

/// The parts of the graph of running nodes at the end.
pub(super) struct Components {
    /// How many.
    pub count: usize,
    /// The longest of all shortest paths, in links; `None` if there is more than one part. Exact up to 3,000 nodes, above the
    /// longest found from 64 of them: a lower bound, at least half of it.
    pub diameter: Option<u32>,
}

impl Components {
    pub fn of(record: &RunRecord) -> Self {
        let size = record.nodes.iter().map(|node| node.node as usize + 1).max().unwrap_or(0);
        let mut up = vec![false; size];
        record.nodes.iter().filter(|node| node.up).for_each(|node| up[node.node as usize] = true);
        let mut links = vec![Vec::new(); size];
        for edge in &record.edges {
            let (a, b) = (edge.a as usize, edge.b as usize);
            if a < size && b < size && up[a] && up[b] {
                links[a].push(b);
                links[b].push(a);
            }
        }
        let running: Vec<usize> = (0..size).filter(|node| up[*node]).collect();
        let mut seen = vec![false; size];
        let mut count = 0;
        for node in &running {
            if !seen[*node] {
                count += 1;
                distances(*node, &links)
                    .iter()
                    .enumerate()
                    .filter(|(_, distance)| distance.is_some())
                    .for_each(|(node, _)| seen[node] = true);
            }
        }
        let step = if running.len() > 3000 { running.len() / 64 } else { 1 };
        let farthest = |node: &usize| distances(*node, &links).into_iter().flatten().max();
        let diameter = (count == 1).then(|| running.iter().step_by(step).filter_map(farthest).max()).flatten();
        Self { count, diameter }
    }
}

fn distances(from: usize, links: &[Vec<usize>]) -> Vec<Option<u32>> {
    let mut distances = vec![None; links.len()];
    distances[from] = Some(0);
    let mut open = VecDeque::from([(from, 0)]);
    while let Some((node, distance)) = open.pop_front() {
        for next in &links[node] {
            if distances[*next].is_none() {
                distances[*next] = Some(distance + 1);
                open.push_back((*next, distance + 1));
            }
        }
    }
    distances
}
