//! Small simulated worlds, observed as live ones are.

mod http;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::kernel::{CloseSession, SessionPhase, Traffic, forbid_ambiguity, next_due, run_tick};
use crate::mesh::broadcast::Publish;
use crate::mesh::chat::Say;
use crate::mesh::routing::RoutingCounts;
use crate::mesh::topics::LOBBY;
use crate::scenario::{Protocols, Scenario};
use crate::sim::build;
use crate::trial::Plan;
use crate::wire::{CloseReason, Payload, Protocol, TopicId};

const BORN: Duration = Duration::from_secs(1_700_000_000);

/// A world after some seconds.
struct Bench {
    app: App,
    now: Instant,
}

impl Bench {
    fn new(nodes: u32, seconds: u64) -> Self {
        Self::of(&Scenario::new("observed", nodes, Duration::from_secs(3600)), seconds)
    }

    fn of(scenario: &Scenario, seconds: u64) -> Self {
        let plan = Arc::new(Plan::new(scenario, 1, 1).unwrap());
        let mut app = build(&plan, 0).unwrap();
        app.add_plugins(MeterPlugin { unix_at_zero: BORN, ..MeterPlugin::default() });
        forbid_ambiguity(&mut app);
        let mut bench = Self { app, now: Instant::ZERO };
        bench.run(seconds);
        bench
    }

    fn run(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        while let Some(due) = next_due(self.app.world()).filter(|due| *due < self.now) {
            run_tick(self.app.world_mut(), due);
        }
    }

    /// One node says something of so many bytes, in a tick of its own.
    fn publish(&mut self, size: usize) {
        let world = self.app.world_mut();
        let (node, _) = world.query::<(Entity, &Node)>().iter(world).min_by_key(|(_, node)| node.ordinal).unwrap();
        world.write_message(Publish { node, payload: Payload(vec![7; size].into()), at: self.now });
        run_tick(world, self.now);
        self.run(1);
    }

    fn close_everything(&mut self) {
        let (world, at) = (self.app.world_mut(), self.now);
        let open: Vec<_> = world.query::<(Entity, &Session)>().iter(world).filter(|(_, s)| s.phase == SessionPhase::Established).collect();
        let open: Vec<_> = open.into_iter().map(|(session, _)| session).collect();
        for session in open {
            world.write_message(CloseSession { session, reason: CloseReason::Unwanted, at });
        }
        run_tick(world, at);
    }

    fn stats(&mut self) -> Stats {
        collect(self.app.world_mut(), self.now)
    }

    fn page(&mut self) -> String {
        render(&self.stats(), &MachineStats { threads: 3, ..MachineStats::default() }).unwrap()
    }
}

/// The value of the series that begins so, up to and with the closing brace if it has labels.
fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn what_is_counted_by_node_adds_up_to_what_the_world_counts() {
    let mut bench = Bench::new(5, 20);
    bench.publish(100);
    let stats = bench.stats();
    let traffic = bench.app.world().resource::<Traffic>().clone();
    let sent: u64 = stats.nodes.iter().map(|node| node.meter.flows.sent.frames.count).sum();
    let bytes: u64 = stats.nodes.iter().map(|node| node.meter.flows.sent.frames.bytes).sum();
    // Hellos are in no session.
    let in_sessions = || Protocol::ALL.iter().filter(|protocol| **protocol != Protocol::Discovery).map(|protocol| *protocol as usize);
    assert_eq!(sent, in_sessions().map(|index| traffic.sent[index].frames).sum::<u64>());
    assert_eq!(bytes, in_sessions().map(|index| traffic.sent[index].bytes).sum::<u64>());
    for session in stats.nodes.iter().flat_map(|node| &node.sessions) {
        let by_protocol = |tally: fn(&ProtocolStats) -> Tally| session.protocols.iter().map(tally).map(|tally| tally.bytes).sum::<u64>();
        assert_eq!(by_protocol(|protocol| protocol.sent), session.flows.sent.frames.bytes);
        assert_eq!(by_protocol(|protocol| protocol.received), session.flows.received.frames.bytes);
    }
    for node in &stats.nodes {
        assert_eq!((node.members, node.standings.alive), (4, 4));
        assert_eq!(node.neighbors as u64, node.meter.neighbors_up - node.meter.neighbors_down);
        assert_eq!(node.phases.established, node.sessions.len());
        assert!(node.eager >= 1 && node.eager <= node.neighbors);
        assert!(node.meter.handshakes["opened"] >= node.sessions.len() as u64);
    }
}

#[test]
fn the_page_names_peers_and_counts_messages_as_the_mission_says() {
    let mut bench = Bench::new(2, 20);
    (0..3).for_each(|_| bench.publish(100));
    let (stats, page) = (bench.stats(), bench.page());
    let [a, b] = &stats.nodes[..] else { panic!("two nodes") };
    for which in ["current", "min", "max", "avg"] {
        let name = format!("mesh_peer_rtt_{which}_milliseconds");
        assert!(page.contains(&format!("# TYPE {name} gauge\n")), "{page}");
        let series = format!(r#"{name}{{local_node_id="{}",remote_node_id="{}",local_ip="n0",remote_ip="n1"}}"#, a.id, b.id);
        assert!(value(&page, &series).is_some_and(|millis| millis > 0.0), "{series}\n{page}");
    }
    assert_eq!(a.id.len(), 64);
    let connected = format!(r#"mesh_connected_peers_total{{node_id="{}",node_ip="n0",node_port="0"}}"#, a.id);
    assert_eq!(value(&page, &connected), Some(1.0));
    for (name, expected) in [
        ("p2p_messages_sent", 3.0),
        ("p2p_messages_received", 3.0),
        ("p2p_bytes_sent", 300.0),
        ("p2p_bytes_received", 300.0),
        ("p2p_connected_peers", 2.0),
        ("system_thread_count", 3.0),
        (&*format!(r#"murmuration_broadcasts_published_total{{node="{}"}}"#, a.id), 3.0),
        (&*format!(r#"murmuration_broadcasts_delivered_total{{node="{}"}}"#, b.id), 3.0),
        (&*format!(r#"murmuration_known_peers{{node="{}",standing="alive"}}"#, a.id), 1.0),
        (&*format!(r#"murmuration_tree_links{{node="{}",push="eager"}}"#, a.id), 1.0),
        (r#"murmuration_build_info{version="0.1.0"}"#, 1.0),
    ] {
        assert_eq!(value(&page, name), Some(expected), "{name}\n{page}");
    }
    assert!(value(&page, r#"murmuration_sent_frames_total{protocol="liveness"}"#).is_some_and(|frames| frames > 0.0));
}

/// Nodes that chat.
fn chatting(nodes: u32) -> Scenario {
    let mut scenario = Scenario::new("observed", nodes, Duration::from_secs(3600));
    scenario.protocols = Protocols {
        admission: Some(Default::default()),
        prekeys: Some(Default::default()),
        routing: Some(Default::default()),
        topics: Some(Default::default()),
        chat: Some(Default::default()),
        ..Protocols::default()
    };
    scenario
}

#[test]
fn topics_are_counted_by_node_and_name() {
    let mut bench = Bench::of(&chatting(2), 20);
    let (world, at) = (bench.app.world_mut(), bench.now);
    let (node, _) = world.query::<(Entity, &Node)>().iter(world).min_by_key(|(_, node)| node.ordinal).unwrap();
    world.write_message(Say { node, topic: TopicId::of(LOBBY), text: (*b"hello").into(), at });
    run_tick(world, at);
    bench.run(5);
    let (stats, page) = (bench.stats(), bench.page());
    let [a, b] = [0, 1].map(|index| stats.nodes[index].topics.iter().find(|topic| topic.name == LOBBY).unwrap());
    // The keys of the epoch, and the text.
    assert_eq!((a.published, a.subscribed, b.delivered), (2, true, 2));
    for (name, node, expected) in [("published_total", 0, 2.0), ("delivered_total", 1, 2.0), ("subscribed", 1, 1.0)] {
        let series = format!(r#"murmuration_topic_{name}{{node="{}",topic="lobby"}}"#, stats.nodes[node].id);
        assert_eq!(value(&page, &series), Some(expected), "{series}\n{page}");
    }
    let json = statistics(&stats, &MachineStats::default());
    let lobby = &json["mesh"]["topics"]["lobby"];
    assert_eq!((&lobby["published"], &lobby["delivered"], &lobby["subscribed"]), (&2.into(), &2.into(), &true.into()));
}

#[test]
fn what_is_refused_shows_on_the_page_and_in_the_statistics() {
    let mut bench = Bench::of(&chatting(2), 20);
    bench.app.world_mut().resource_mut::<RoutingCounts>().replayed = 3;
    let (stats, page) = (bench.stats(), bench.page());
    // There from the beginning: a rate needs a value before the first increase.
    for kind in ["forged", "forked", "false_texts", "unopened", "paced", "records_forged", "records_paced"] {
        let series = format!(r#"murmuration_refused_total{{node="{}",kind="{kind}"}}"#, stats.nodes[0].id);
        assert_eq!(value(&page, &series), Some(0.0), "{series}\n{page}");
    }
    assert_eq!(value(&page, r#"murmuration_datagrams_refused_total{kind="datagrams_replayed"}"#), Some(3.0));
    let refused = &statistics(&stats, &MachineStats::default())["mesh"]["refused"];
    assert_eq!((&refused["datagrams_replayed"], &refused["records_forged"]), (&3.into(), &0.into()));
}

#[test]
fn every_series_has_a_type_and_a_help_and_comes_once() {
    let page = Bench::of(&chatting(5), 10).page();
    let (mut typed, mut helped, mut series) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(typed.insert(rest.split(' ').next().unwrap()), "twice: {line}");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            helped.insert(rest.split(' ').next().unwrap());
        } else {
            let (name, _) = line.rsplit_once(' ').unwrap();
            assert!(series.insert(name), "twice: {line}");
            let family = name.split('{').next().unwrap();
            let mut histogram = ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| family.strip_suffix(suffix));
            assert!(typed.contains(family) || histogram.any(|family| typed.contains(family)), "no type: {line}");
        }
    }
    assert_eq!(typed, helped);
}

#[test]
fn the_series_of_a_peer_go_with_its_session_and_the_sums_stay() {
    let mut bench = Bench::new(2, 20);
    let before = bench.stats();
    let world = bench.app.world_mut();
    let session = world.query_filtered::<Entity, With<Session>>().iter(world).next().unwrap();
    world.entity_mut(session).insert(Backlog { frames: 2, bytes: 99 });
    assert!(bench.page().contains("\nmurmuration_peer_queued_bytes{"));
    bench.close_everything();
    let (after, page) = (bench.stats(), bench.page());
    for gone in ["murmuration_peer_", "mesh_peer_rtt_"] {
        assert!(!page.contains(gone), "{page}");
    }
    for (before, after) in before.nodes.iter().zip(&after.nodes) {
        assert!(after.sessions.is_empty() && after.meter.flows.sent.frames.count > before.meter.flows.sent.frames.count);
        assert_eq!(after.meter.closed["unwanted"], 1);
    }
    assert_eq!(health(&after)["connected"], false);
}

#[test]
fn tick_times_fall_into_buckets() {
    let mut bench = Bench::new(2, 1);
    let mut times = bench.app.world_mut().resource_mut::<TickTimes>();
    for micros in [80, 100, 700, 2_000_000] {
        times.observe(Duration::from_micros(micros));
    }
    let page = bench.page();
    for (bound, count) in [("0.0001", 2.0), ("0.0005", 2.0), ("0.001", 3.0), ("1", 3.0), ("+Inf", 4.0)] {
        assert_eq!(value(&page, &format!(r#"murmuration_tick_seconds_bucket{{le="{bound}"}}"#)), Some(count), "{bound}\n{page}");
    }
    assert_eq!(value(&page, "murmuration_tick_seconds_count"), Some(4.0));
}
