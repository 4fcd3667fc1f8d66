//! Health and statistics as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::counted::TopicStats;
use super::machine::MachineStats;
use super::stats::{NodeStats, SessionStats, Stats};

/// What `GET /health` answers. Of several nodes the one that is worst off decides, and peers are added up.
pub fn health(stats: &Stats) -> Value {
    let up = || stats.nodes.iter().filter(|node| node.up);
    json!({
        "status": "ok",
        "connected": up().count() > 0 && up().all(|node| !node.sessions.is_empty()),
        "peers": up().map(|node| node.sessions.len()).sum::<usize>(),
        "members": up().map(|node| node.members).min().unwrap_or(0),
        "offline": up().any(|node| node.meter.offline),
        "nodes": up().count(),
        "uptime_secs": longest_uptime(stats) as u64,
    })
}

/// What `GET /stats` answers.
///
/// Messages are broadcasts and bytes are those of their payloads: of the network those that were published, and those that were
/// delivered for the first time; of a peer those that went over the session with it, and those that came over it, again or not. Several nodes are added up, and of
/// their sessions with one peer one is shown.
pub fn statistics(stats: &Stats, machine: &MachineStats) -> Value {
    // What other programs have no words for stands apart: their objects are as they know them.
    let mesh = json!({ "topics": topics(stats), "refused": refused(stats) });
    json!({ "network": network(stats), "system": system(machine), "websocket": WebSocket::default(), "mesh": mesh })
}

fn network(stats: &Stats) -> Value {
    let sum = |count: fn(&NodeStats) -> u64| stats.nodes.iter().map(count).sum::<u64>();
    let sessions = || stats.nodes.iter().flat_map(|node| &node.sessions);
    let peers: Map<String, Value> = sessions().map(|session| (session.peer.clone(), peer(session))).collect();
    json!({
        "connected_peers": sessions().count(),
        "messages_sent": sum(|node| node.meter.published.count),
        "messages_received": sum(|node| node.meter.delivered.count),
        "bytes_sent": sum(|node| node.meter.published.bytes),
        "bytes_received": sum(|node| node.meter.delivered.bytes),
        "uptime_secs": longest_uptime(stats) as u64,
        "peer_connections": peers,
    })
}

/// By name. Several nodes are added up; one that subscribes is enough.
fn topics(stats: &Stats) -> Value {
    let mut all: BTreeMap<&str, TopicStats> = BTreeMap::new();
    for topic in stats.nodes.iter().flat_map(|node| &node.topics) {
        let empty = TopicStats { subscribed: false, published: 0, delivered: 0, redundant: 0, ..topic.clone() };
        let sum = all.entry(&topic.name).or_insert(empty);
        sum.subscribed |= topic.subscribed;
        sum.published += topic.published;
        sum.delivered += topic.delivered;
        sum.redundant += topic.redundant;
    }
    json!(all)
}

/// By kind, of all nodes.
fn refused(stats: &Stats) -> Value {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in stats.nodes.iter().flat_map(|node| &node.refused).chain(&stats.datagrams) {
        *all.entry(kind).or_default() += count;
    }
    json!(all)
}

fn peer(session: &SessionStats) -> Value {
    let (sent, received) = (session.flows.sent.payloads, session.flows.received.payloads);
    json!({
        "peer_id": session.peer,
        "connected_since": session.since_unix,
        "messages_sent": sent.count,
        "messages_received": received.count,
        "bytes_sent": sent.bytes,
        "bytes_received": received.bytes,
        "connection_type": "direct",
        "latency_ms": session.rtt.map_or(0.0, |rtt| rtt.current),
    })
}

fn system(machine: &MachineStats) -> Value {
    json!({
        "cpu_usage": machine.cpu_percent,
        "memory_usage": machine.memory_percent,
        "disk_usage": machine.disk_bytes,
        "thread_count": machine.threads,
    })
}

/// A node has no web sockets of its own.
#[derive(Default, Serialize)]
struct WebSocket {
    active_connections: u64,
    total_connections: u64,
    messages_sent: u64,
    messages_received: u64,
}

/// Seconds since the first start among the nodes that are up.
pub(super) fn longest_uptime(stats: &Stats) -> f64 {
    stats.nodes.iter().map(|node| node.uptime).fold(0.0, f64::max)
}
