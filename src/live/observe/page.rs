//! The page that Prometheus reads.
//!
//! Names that begin with `mesh_`, `p2p_`, `system_` and `uptime_` are given by the programs that this one follows, to the letter, also
//! where today's conventions would have others. All others follow the conventions: base units, `_total` for what only grows.

use prometheus::{Encoder, TextEncoder};

use super::counted::TopicStats;
use super::family::Page;
use super::json::longest_uptime;
use super::machine::MachineStats;
use super::stats::{NodeStats, ProtocolStats, Rtt, SessionStats, Stats};

/// A metric with one series for each `T`: its name, its help, its value.
type Column<T> = (&'static str, &'static str, fn(&T) -> f64);

const NODE_GAUGES: &[Column<NodeStats>] = &[
    ("murmuration_node_up", "1 while the node is up.", |node| f64::from(node.up)),
    ("murmuration_node_uptime_seconds", "Time since the node last started.", |node| node.uptime),
    ("murmuration_node_offline", "1 while the node has given up trying often to reach anybody.", |node| f64::from(node.meter.offline)),
    ("murmuration_members", "Members known besides the node itself, suspected ones included.", |node| node.members as f64),
    ("murmuration_neighbors", "Links of the mesh: the degree of the node.", |node| node.neighbors as f64),
];

const NODE_COUNTERS: &[Column<NodeStats>] = &[
    ("murmuration_node_sent_frames_total", "Frames sent over all sessions, handshakes included.", |n| {
        n.meter.flows.sent.frames.count as f64
    }),
    ("murmuration_node_sent_bytes_total", "Bytes of frames sent.", |n| n.meter.flows.sent.frames.bytes as f64),
    ("murmuration_node_received_frames_total", "Frames received over all sessions, handshakes and refused ones included.", |n| {
        n.meter.flows.received.frames.count as f64
    }),
    ("murmuration_node_received_bytes_total", "Bytes of frames received.", |n| n.meter.flows.received.frames.bytes as f64),
    ("murmuration_suspicions_total", "Members that became suspected.", |n| n.meter.suspected as f64),
    ("murmuration_trust_regained_total", "Suspected members that showed signs of life.", |n| n.meter.trusted as f64),
    ("murmuration_members_joined_total", "Members that became known, for the first time or again.", |n| n.meter.joined as f64),
    ("murmuration_members_left_total", "Members that said goodbye.", |n| n.meter.left as f64),
    ("murmuration_members_forgotten_total", "Members that were suspected for too long.", |n| n.meter.forgotten as f64),
    ("murmuration_neighbors_gained_total", "Links of the mesh that were made.", |n| n.meter.neighbors_up as f64),
    ("murmuration_neighbors_lost_total", "Links of the mesh that went.", |n| n.meter.neighbors_down as f64),
    ("murmuration_went_offline_total", "Times the node gave up trying often to reach anybody.", |n| n.meter.went_offline as f64),
    ("murmuration_went_online_total", "Times the node was back after that.", |n| n.meter.went_online as f64),
    ("murmuration_broadcasts_published_total", "Broadcasts of the node itself.", |n| n.meter.published.count as f64),
    ("murmuration_published_bytes_total", "Bytes of their payloads.", |n| n.meter.published.bytes as f64),
    ("murmuration_broadcasts_delivered_total", "Broadcasts of others, each counted once.", |n| n.meter.delivered.count as f64),
    ("murmuration_delivered_bytes_total", "Bytes of their payloads.", |n| n.meter.delivered.bytes as f64),
    ("murmuration_broadcasts_redundant_total", "Payloads of broadcasts that came again.", |n| n.meter.redundant as f64),
];

const TOPIC_COUNTERS: &[Column<TopicStats>] = &[
    ("murmuration_topic_published_total", "Messages of the node itself in a topic.", |topic| topic.published as f64),
    ("murmuration_topic_delivered_total", "Messages of others in a topic, each counted once.", |topic| topic.delivered as f64),
    ("murmuration_topic_redundant_total", "Messages in a topic that came again.", |topic| topic.redundant as f64),
];

const PEER_COUNTERS: &[Column<ProtocolStats>] = &[
    ("murmuration_peer_sent_frames_total", "Frames sent over the open session with a peer, by protocol.", |p| p.sent.count as f64),
    ("murmuration_peer_sent_bytes_total", "Bytes of these frames.", |p| p.sent.bytes as f64),
    ("murmuration_peer_received_frames_total", "Frames received over the open session with a peer and accepted, by protocol.", |p| {
        p.received.count as f64
    }),
    ("murmuration_peer_received_bytes_total", "Bytes of these frames.", |p| p.received.bytes as f64),
];

const RTT_GAUGES: &[Column<Rtt>] = &[
    ("mesh_peer_rtt_current_milliseconds", "Round-trip time to a peer: the last one.", |rtt| rtt.current),
    ("mesh_peer_rtt_min_milliseconds", "Round-trip time to a peer: the shortest of the session.", |rtt| rtt.min),
    ("mesh_peer_rtt_max_milliseconds", "Round-trip time to a peer: the longest of the session.", |rtt| rtt.max),
    ("mesh_peer_rtt_avg_milliseconds", "Round-trip time to a peer: moving average.", |rtt| rtt.average),
];

const MACHINE_GAUGES: &[Column<MachineStats>] = &[
    ("system_cpu_usage", "How busy all processors are, in percent. Refreshed every 5 s.", |machine| machine.cpu_percent),
    ("system_memory_usage", "How much of the memory is used, in percent.", |machine| machine.memory_percent),
    ("system_disk_usage", "Bytes used on all disks.", |machine| machine.disk_bytes as f64),
    ("system_thread_count", "Threads of this process.", |machine| machine.threads as f64),
    ("process_threads", "Threads of this process.", |machine| machine.threads as f64),
    ("process_resident_memory_bytes", "Resident memory of this process.", |machine| machine.resident_bytes as f64),
    ("process_start_time_seconds", "When this process started, in Unix time.", |machine| machine.start_unix as f64),
    ("process_open_fds", "Files and sockets that this process has open.", |machine| machine.open_files as f64),
];

/// The page in Prometheus' text format.
///
/// # Errors
/// None that is known: what is written here has names and series.
pub fn render(stats: &Stats, machine: &MachineStats) -> Result<String, prometheus::Error> {
    let mut page = Page::default();
    peers_of_the_mesh(&mut page, stats);
    nodes(&mut page, stats);
    topics(&mut page, stats);
    refused(&mut page, stats);
    sessions(&mut page, stats);
    world(&mut page, stats);
    aliases(&mut page, stats);
    for (name, help, value) in MACHINE_GAUGES {
        page.gauge(name, help).add(&[], value(machine));
    }
    page.counter("process_cpu_seconds_total", "Processor time that this process has used.").add(&[], machine.cpu_seconds);
    // Before the first session there is nobody to measure a round trip to, and a metric without series is no metric.
    page.0.retain(|family| !family.get_metric().is_empty());
    let mut text = Vec::new();
    TextEncoder::new().encode(&page.0, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Rows Q01 to Q05.
fn peers_of_the_mesh(page: &mut Page, stats: &Stats) {
    for (name, help, value) in RTT_GAUGES {
        let mut family = page.gauge(name, help);
        for (node, session) in all_sessions(stats) {
            let labels =
                [("local_node_id", &*node.id), ("remote_node_id", &*session.peer), ("local_ip", &*node.ip), ("remote_ip", &*session.ip)];
            if let Some(rtt) = &session.rtt {
                family.add(&labels, value(rtt));
            }
        }
    }
    let mut family = page.gauge("mesh_connected_peers_total", "Peers with an open session. It goes up and down, whatever its name says.");
    for node in &stats.nodes {
        let port = node.port.to_string();
        family.add(&[("node_id", &node.id), ("node_ip", &node.ip), ("node_port", &port)], node.sessions.len() as f64);
    }
}

fn nodes(page: &mut Page, stats: &Stats) {
    for (name, help, value) in NODE_GAUGES {
        let mut family = page.gauge(name, help);
        stats.nodes.iter().for_each(|node| family.add(&[("node", &node.id)], value(node)));
    }
    for (name, help, value) in NODE_COUNTERS {
        let mut family = page.counter(name, help);
        stats.nodes.iter().for_each(|node| family.add(&[("node", &node.id)], value(node)));
    }
    let mut family = page.gauge("murmuration_known_peers", "Whom the node knows by how they stand: members are alive or suspected.");
    for node in &stats.nodes {
        let s = node.standings;
        for (standing, count) in [("heard", s.heard), ("alive", s.alive), ("suspected", s.suspected), ("lost", s.lost)] {
            family.add(&[("node", &node.id), ("standing", standing)], count as f64);
        }
    }
    let mut family = page.gauge("murmuration_sessions", "Sessions by how far they have come.");
    for node in &stats.nodes {
        let p = node.phases;
        for (phase, count) in [("dialing", p.dialing), ("handshaking", p.handshaking), ("established", p.established)] {
            family.add(&[("node", &node.id), ("phase", phase)], count as f64);
        }
    }
    let mut family = page.gauge("murmuration_tree_links", "Links of the mesh by how broadcasts are pushed: eager ones are the tree.");
    for node in &stats.nodes {
        for (push, count) in [("eager", node.eager), ("lazy", node.neighbors.saturating_sub(node.eager))] {
            family.add(&[("node", &node.id), ("push", push)], count as f64);
        }
    }
    let help = "Attempts to open a session, dialled or accepted, by result: opened, or why not.";
    let mut family = page.counter("murmuration_handshakes_total", help);
    for node in &stats.nodes {
        for (result, count) in &node.meter.handshakes {
            family.add(&[("node", &node.id), ("result", result)], *count as f64);
        }
    }
    let mut family = page.counter("murmuration_sessions_closed_total", "Open sessions that ended, by reason.");
    for node in &stats.nodes {
        for (reason, count) in &node.meter.closed {
            family.add(&[("node", &node.id), ("reason", reason)], *count as f64);
        }
    }
}

fn topics(page: &mut Page, stats: &Stats) {
    let all = || stats.nodes.iter().flat_map(|node| node.topics.iter().map(move |topic| (node, topic)));
    for (name, help, value) in TOPIC_COUNTERS {
        let help = format!("{help} Gone when the node takes part in the topic no more.");
        let mut family = page.counter(name, &help);
        all().for_each(|(node, topic)| family.add(&[("node", &node.id), ("topic", &topic.name)], value(topic)));
    }
    let help = "The topics that the node takes part in: 1 if it subscribes, 0 if it only passes on.";
    let mut family = page.gauge("murmuration_topic_subscribed", help);
    all().for_each(|(node, topic)| family.add(&[("node", &node.id), ("topic", &topic.name)], f64::from(topic.subscribed)));
}

fn refused(page: &mut Page, stats: &Stats) {
    let help = "What chat and admission refused, could not open or did not answer, by kind.";
    let mut family = page.counter("murmuration_refused_total", help);
    for node in &stats.nodes {
        node.refused.iter().for_each(|(kind, count)| family.add(&[("node", &node.id), ("kind", kind)], *count as f64));
    }
    let help = "Datagrams that all nodes of the process refused or lost, by kind.";
    let mut family = page.counter("murmuration_datagrams_refused_total", help);
    stats.datagrams.iter().for_each(|(kind, count)| family.add(&[("kind", kind)], *count as f64));
}

fn sessions(page: &mut Page, stats: &Stats) {
    for (name, help, value) in PEER_COUNTERS {
        let help = format!("{help} Gone when the session is; murmuration_node metrics keep the sum.");
        let mut family = page.counter(name, &help);
        for (node, session) in all_sessions(stats) {
            // A protocol that has said nothing yet makes no series.
            for protocol in session.protocols.iter().filter(|protocol| protocol.sent.count + protocol.received.count > 0) {
                family.add(&[("node", &node.id), ("peer", &session.peer), ("protocol", protocol.name)], value(protocol));
            }
        }
    }
    let mut family = page.gauge("murmuration_peer_connected_seconds", "How long the session with a peer has been open.");
    for (node, session) in all_sessions(stats) {
        family.add(&[("node", &node.id), ("peer", &session.peer)], session.open_for);
    }
    let mut family = page.gauge("murmuration_peer_queued_frames", "Frames that wait to be sent to a peer.");
    for (node, session, backlog) in all_sessions(stats).filter_map(|(node, session)| Some((node, session, session.backlog?))) {
        family.add(&[("node", &node.id), ("peer", &session.peer)], f64::from(backlog.frames));
    }
    let mut family = page.gauge("murmuration_peer_queued_bytes", "Bytes that wait to be sent to a peer.");
    for (node, session, backlog) in all_sessions(stats).filter_map(|(node, session)| Some((node, session, session.backlog?))) {
        family.add(&[("node", &node.id), ("peer", &session.peer)], backlog.bytes as f64);
    }
}

fn world(page: &mut Page, stats: &Stats) {
    let frames = [
        ("murmuration_sent_frames_total", "Frames sent by all nodes of the process, by protocol."),
        ("murmuration_sent_bytes_total", "Bytes of these frames."),
        ("murmuration_received_frames_total", "Frames received and accepted by all nodes of the process, by protocol."),
        ("murmuration_received_bytes_total", "Bytes of these frames."),
    ];
    for (index, (name, help)) in frames.into_iter().enumerate() {
        let mut family = page.counter(name, help);
        for protocol in &stats.protocols {
            let values = [protocol.sent.count, protocol.sent.bytes, protocol.received.count, protocol.received.bytes];
            family.add(&[("protocol", protocol.name)], values[index] as f64);
        }
    }
    for (name, help, value) in &stats.edges {
        page.counter(name, help).add(&[], *value as f64);
    }
    let mut family = page.counter("murmuration_refusals_total", "What was refused by all nodes of the process, by reason.");
    stats.refusals.iter().for_each(|(reason, count)| family.add(&[("reason", reason)], *count as f64));
    page.counter("murmuration_ticks_total", "Ticks that ran.").add(&[], stats.ticks as f64);
    page.counter("murmuration_timers_fired_total", "Timers that fired.").add(&[], stats.timers_fired as f64);
    page.tick_times("murmuration_tick_seconds", "How long a tick took.", &stats.tick_times);
    page.gauge("murmuration_build_info", "Always 1.").add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
}

/// What other programs call these things: rows Q06 to Q10, Q19 and Q24 to Q27. They have no labels and are of all nodes together.
fn aliases(page: &mut Page, stats: &Stats) {
    let sum = |value: fn(&NodeStats) -> u64| stats.nodes.iter().map(value).sum::<u64>() as f64;
    let peers = all_sessions(stats).count() as f64;
    page.gauge("p2p_connected_peers", "Peers with an open session.").add(&[], peers);
    page.gauge("p2p_node_peers", "Peers with an open session.").add(&[], peers);
    for (names, help, value) in [
        (&["p2p_messages_sent", "p2p_node_gossip_published"][..], "Broadcasts published.", sum(|node| node.meter.published.count)),
        (&["p2p_messages_received", "p2p_node_gossip_received"], "Broadcasts delivered.", sum(|node| node.meter.delivered.count)),
        (&["p2p_bytes_sent"], "Bytes of the payloads of broadcasts published.", sum(|node| node.meter.published.bytes)),
        (&["p2p_bytes_received"], "Bytes of the payloads of broadcasts delivered.", sum(|node| node.meter.delivered.bytes)),
    ] {
        names.iter().for_each(|name| page.counter(name, help).add(&[], value));
    }
    page.gauge("uptime_seconds", "Time since the first node that is up started.").add(&[], longest_uptime(stats));
    let trips: Vec<f64> = all_sessions(stats).filter_map(|(_, session)| Some(session.rtt?.current)).collect();
    if !trips.is_empty() {
        let mean = trips.iter().sum::<f64>() / trips.len() as f64;
        page.gauge("p2p_node_ping_latency_ms", "The last round-trip times of all open sessions: their mean.").add(&[], mean);
    }
}

fn all_sessions(stats: &Stats) -> impl Iterator<Item = (&NodeStats, &SessionStats)> {
    stats.nodes.iter().flat_map(|node| node.sessions.iter().map(move |session| (node, session)))
}
