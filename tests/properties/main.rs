//! Properties over random networks, seeds and fault timelines. A failure shrinks to a small scenario, printed as RON, that
//! `mesh-sim --scenario FILE` runs again.

mod chat;

use std::time::Duration;

use murmuration::crypto::CryptoMode;
use murmuration::mesh::topology::TopologyConfig;
use murmuration::report::{RunRecord, judge};
use murmuration::scenario::{
    Arrivals, Churn, Expectation, Fault, FaultKind, Graph, Latency, Lifetime, LinkSpec, Loss, Network, Overlay, Protocols, Reorder,
    Scenario, Selection, ServiceKind, Since, Start, Workload, WorkloadKind,
};
use murmuration::sim::{RunOptions, run};
use murmuration::wire::Protocol;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Faults end here; the mesh then has the rest of the time to become whole.
const FAULTS_UNTIL: u64 = 40;
const DURATION: u64 = 110;

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn latency() -> impl Strategy<Value = Latency> {
    prop_oneof![
        millis(1..100).prop_map(Latency::Constant),
        (millis(1..20), millis(20..150)).prop_map(|(low, high)| Latency::Uniform(low, high)),
        (millis(10..80), millis(1..20)).prop_map(|(mean, deviation)| Latency::Normal(mean, deviation)),
        (millis(10..80), 0.1..0.6).prop_map(|(median, sigma)| Latency::LogNormal(median, sigma)),
    ]
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        3 => Just(Loss::None),
        1 => (0.0..0.05).prop_map(Loss::Independent),
        1 => (0.001..0.02).prop_map(|to_bad| Loss::GilbertElliott { to_bad, to_good: 0.3, loss_good: 0.0, loss_bad: 0.5 }),
    ]
}

fn network() -> impl Strategy<Value = Network> {
    let service = prop_oneof![Just(ServiceKind::Stream), Just(ServiceKind::Datagram)];
    let reorder = prop_oneof![Just(0.0), 0.0..0.1].prop_map(|probability| Reorder { probability, delay: Duration::from_millis(40) });
    let rate = prop_oneof![3 => Just(None), 1 => (100_000_u64..1_000_000).prop_map(Some)];
    (service, latency(), loss(), 0.0..0.03, reorder, rate).prop_map(|(service, latency, loss, duplicate, reorder, rate)| Network {
        service,
        link: LinkSpec { latency, loss, duplicate, reorder, rate, ..LinkSpec::default() },
        ..Network::default()
    })
}

/// How nodes find each other.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meeting {
    /// By the address of node 0, which therefore stays.
    Seed,
    /// By hellos.
    Segment,
}

fn selection(nodes: u32, meeting: Meeting) -> impl Strategy<Value = Selection> {
    let first = u32::from(meeting == Meeting::Seed);
    prop::collection::btree_set(first..nodes, 1..=(nodes as usize / 2).max(1))
        .prop_map(|nodes| Selection::Nodes(nodes.into_iter().collect()))
}

/// One fault, and its end if it has one; without `lasting` it has.
fn fault(nodes: u32, meeting: Meeting, lasting: bool) -> impl Strategy<Value = Vec<Fault>> {
    let window = (seconds(5..25), seconds(3..15));
    (window, selection(nodes, meeting), 0..if lasting { 10_u8 } else { 9 }, any::<bool>()).prop_map(
        |((at, period), nodes, kind, memory)| {
            let ends = at + period;
            let on = |at, kind| Fault { at, kind };
            match kind {
                0 => vec![on(at, FaultKind::Partition(vec![nodes])), on(ends, FaultKind::Heal)],
                1 => vec![on(at, FaultKind::OneWay(nodes.clone(), Selection::Except(Box::new(nodes)))), on(ends, FaultKind::Heal)],
                2 => vec![on(at, FaultKind::Crash(nodes.clone())), on(ends, FaultKind::Restart { nodes, memory })],
                3 => vec![on(at, FaultKind::Pause { nodes, period })],
                4 => vec![on(at, FaultKind::LossBurst { nodes, loss: Loss::Independent(0.5), period })],
                5 => vec![on(at, FaultKind::Slow { nodes, service_time: Duration::from_millis(20), period: Some(period) })],
                6 => vec![on(at, FaultKind::ClockDrift { nodes, ppm: 300 })],
                7 => vec![on(at, FaultKind::Cut(nodes.clone(), Selection::Except(Box::new(nodes)))), on(ends, FaultKind::Heal)],
                8 => vec![on(at, FaultKind::Leave(nodes.clone())), on(ends, FaultKind::Restart { nodes, memory })],
                _ => vec![on(at, FaultKind::Crash(nodes))],
            }
        },
    )
}

fn churn() -> impl Strategy<Value = Option<Churn>> {
    let lifetime = prop_oneof![
        seconds(5..20).prop_map(Lifetime::Exponential),
        (seconds(5..20), 0.5..2.0).prop_map(|(scale, shape)| Lifetime::Weibull(scale, shape)),
    ];
    let churn = (lifetime, seconds(1..8), any::<bool>(), any::<bool>()).prop_map(|(session, downtime, graceful, memory)| {
        let (from, until) = (Duration::from_secs(8), Some(Duration::from_secs(FAULTS_UNTIL)));
        Churn { nodes: Selection::Nodes(vec![1]), session, downtime: Lifetime::Constant(downtime), graceful, memory, from, until }
    });
    prop_oneof![4 => Just(None), 1 => churn.prop_map(Some)]
}

fn bounds() -> impl Strategy<Value = TopologyConfig> {
    let others = (1_usize..4, 1_usize..3).prop_map(|(min_degree, more)| (min_degree, min_degree + more));
    let bounds = prop_oneof![2 => Just((2, 3)), 1 => others];
    bounds.prop_map(|(min_degree, max_degree)| TopologyConfig { min_degree, max_degree, ..TopologyConfig::default() })
}

prop_compose! {
    fn scenario()(nodes in 2_u32..14, meeting in prop_oneof![Just(Meeting::Seed), Just(Meeting::Segment)])(
        nodes in Just(nodes),
        seed in any::<u64>(),
        network in network(),
        faults in prop::collection::vec(fault(nodes, meeting, true), 0..3),
        churn in churn(),
        joining in any::<bool>(),
        overlay in bounds(),
        meeting in Just(meeting),
    ) -> Scenario {
        // Few nodes cannot have many links; the default asks for no more than there are.
        let overlay = if overlay.max_degree < nodes as usize { overlay } else { TopologyConfig::default() };
        let seeds = u32::from(meeting == Meeting::Seed);
        let segments = if meeting == Meeting::Segment { vec![Selection::All] } else { Vec::new() };
        Scenario {
            network: Network { segments, ..network },
            start: if joining { Start::Join { per_second: 4.0, seeds } } else { Start::Together { seeds } },
            protocols: Protocols { overlay: Overlay::Degree(overlay), ..Protocols::default() },
            churn,
            ..calmed(nodes, seed, faults)
        }
    }
}

prop_compose! {
    fn pinned()(nodes in 2_u32..14)(
        nodes in Just(nodes),
        seed in any::<u64>(),
        network in network(),
        faults in prop::collection::vec(fault(nodes, Meeting::Segment, false), 0..3),
        graph in prop_oneof![
            Just(Graph::Ring), Just(Graph::Line), Just(Graph::Star), Just(Graph::Full), (2_u32..5).prop_map(Graph::RandomRegular),
        ],
    ) -> Scenario {
        let impossible = matches!(graph, Graph::RandomRegular(degree) if degree >= nodes || degree * nodes % 2 == 1);
        let graph = if impossible { Graph::Ring } else { graph };
        Scenario {
            network,
            protocols: Protocols { overlay: Overlay::Pinned(graph), ..Protocols::default() },
            ..calmed(nodes, seed, faults)
        }
    }
}

/// A scenario in which everything is whole again after the faults.
fn calmed(nodes: u32, seed: u64, faults: Vec<Vec<Fault>>) -> Scenario {
    let mut faults: Vec<Fault> = faults.into_iter().flatten().collect();
    faults.sort_by_key(|fault| fault.at);
    faults.push(Fault { at: Duration::from_secs(FAULTS_UNTIL), kind: FaultKind::Heal });
    Scenario {
        seed,
        crypto: CryptoMode::Modelled,
        faults,
        workload: vec![Workload {
            kind: WorkloadKind::Broadcast,
            from: Selection::All,
            rate: 0.5,
            size: 32,
            start: Duration::from_secs(4),
            stop: Some(Duration::from_secs(FAULTS_UNTIL + 20)),
            arrivals: Arrivals::Poisson,
        }],
        expect: vec![
            Expectation::AllMembersKnown { within: Duration::from_secs(60), after: Since::LastFault },
            Expectation::Reliability(1.0),
            Expectation::NoDuplicateDelivery,
            Expectation::Connected,
        ],
        ..Scenario::new("property", nodes, Duration::from_secs(DURATION))
    }
}

/// With `n` running nodes, links cannot be more than to all others.
fn degree_bounds(scenario: &Scenario, running: usize) -> (usize, usize) {
    let Overlay::Degree(config) = &scenario.protocols.overlay else { return (0, usize::MAX) };
    (config.min_degree.min(running.saturating_sub(1)), config.max_degree)
}

fn outcome(scenario: &Scenario, threads: usize) -> Result<RunRecord, TestCaseError> {
    run(scenario, &RunOptions { threads, ..RunOptions::default() }).map_err(|error| TestCaseError::fail(error.to_string()))
}

/// Whether all that the scenario expects came true.
fn hold_all(scenario: &Scenario) -> Result<RunRecord, TestCaseError> {
    let record = outcome(scenario, 1)?;
    let running = record.nodes.iter().filter(|node| node.up).count();
    for verdict in judge(scenario, &record) {
        // A crash of all but one leaves nobody to be connected with or to talk to.
        let vacuous = running < 2 && verdict.name != "no duplicate delivery";
        prop_assert!(verdict.held || vacuous, "{}: {}\n{}", verdict.name, verdict.detail, to_ron(scenario));
    }
    Ok(record)
}

fn to_ron(scenario: &Scenario) -> String {
    murmuration::scenario::to_ron(scenario).unwrap_or_else(|error| error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(40), max_shrink_iters: 64, failure_persistence: None, rng_seed: seed(), ..ProptestConfig::default() })]

    #[test]
    fn after_the_last_fault_views_links_and_broadcasts_are_whole(scenario in scenario()) {
        let record = hold_all(&scenario)?;
        let running = record.nodes.iter().filter(|node| node.up).count();
        let (least, most) = degree_bounds(&scenario, running);
        for node in record.nodes.iter().filter(|node| node.up) {
            let degree = node.degree as usize;
            prop_assert!((least..=most).contains(&degree), "n{} has {degree} links of {least} to {most}\n{}", node.node, to_ron(&scenario));
        }
    }

    #[test]
    fn a_given_graph_stays_as_it_is_given_and_carries_everything(scenario in pinned()) {
        let record = hold_all(&scenario)?;
        let undisturbed = outcome(&Scenario { faults: Vec::new(), ..scenario.clone() }, 1)?;
        let degrees = |record: &RunRecord| record.nodes.iter().map(|node| node.degree).collect::<Vec<_>>();
        prop_assert_eq!(degrees(&record), degrees(&undisturbed), "{}", to_ron(&scenario));
    }
}

/// What repeats its last message until it is answered must not be answered for ever.
#[test]
fn handshakes_end_also_when_the_network_repeats_every_frame() {
    let link = LinkSpec { latency: Latency::Constant(Duration::from_millis(400)), duplicate: 1.0, ..LinkSpec::default() };
    let network = Network { service: ServiceKind::Datagram, link, ..Network::default() };
    let scenario = Scenario { network, ..Scenario::new("repeats", 2, Duration::from_secs(60)) };
    let record = run(&scenario, &RunOptions::default()).expect("a sound scenario");
    let frames = record.samples.last().expect("samples").frames[Protocol::Handshake as usize];
    assert!((3..100).contains(&frames), "{frames} handshake frames for one session");
}

/// The same scenarios each time; `PROPTEST_RNG_SEED` asks for others.
fn seed() -> RngSeed {
    let given = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    RngSeed::Fixed(given.unwrap_or(1))
}

/// How many random scenarios: so many, or as `PROPTEST_CASES` says.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}
