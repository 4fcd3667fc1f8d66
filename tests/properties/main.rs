//! Properties over random networks, seeds and fault timelines. A failure shrinks to a small scenario, printed as RON, that
//! `mesh-sim --scenario FILE` runs again.

use std::time::Duration;

use murmuration::crypto::CryptoMode;
use murmuration::report::judge;
use murmuration::scenario::{
    Arrivals, Expectation, Fault, FaultKind, Latency, LinkSpec, Loss, Network, Scenario, Selection, ServiceKind, Since, Start, Workload,
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
    ]
}

fn network() -> impl Strategy<Value = Network> {
    let service = prop_oneof![Just(ServiceKind::Stream), Just(ServiceKind::Datagram)];
    let loss = prop_oneof![3 => Just(Loss::None), 1 => (0.0..0.05).prop_map(Loss::Independent)];
    (service, latency(), loss, 0.0..0.03).prop_map(|(service, latency, loss, duplicate)| Network {
        service,
        link: LinkSpec { latency, loss, duplicate, ..LinkSpec::default() },
        ..Network::default()
    })
}

fn selection(nodes: u32) -> impl Strategy<Value = Selection> {
    // Node 0 is the seed that others start from, and stays.
    prop::collection::btree_set(1..nodes, 1..=(nodes as usize / 2).max(1)).prop_map(|nodes| Selection::Nodes(nodes.into_iter().collect()))
}

/// One fault, and its end.
fn fault(nodes: u32) -> impl Strategy<Value = Vec<Fault>> {
    let window = (seconds(5..25), seconds(3..15));
    (window, selection(nodes), 0..10_u8, any::<bool>()).prop_map(|((at, period), nodes, kind, memory)| {
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
    })
}

prop_compose! {
    fn scenario()(nodes in 2_u32..14)(
        nodes in Just(nodes),
        seed in any::<u64>(),
        network in network(),
        faults in prop::collection::vec(fault(nodes), 0..3),
        joining in any::<bool>(),
    ) -> Scenario {
        let mut faults: Vec<Fault> = faults.into_iter().flatten().collect();
        faults.sort_by_key(|fault| fault.at);
        faults.push(Fault { at: Duration::from_secs(FAULTS_UNTIL), kind: FaultKind::Heal });
        Scenario {
            seed,
            crypto: CryptoMode::Modelled,
            network,
            start: if joining { Start::Join { per_second: 4.0, seeds: 1 } } else { Start::Together { seeds: 1 } },
            faults,
            workload: vec![Workload {
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
}

/// With `n` running nodes, links cannot be more than to all others.
fn degree_bounds(running: usize) -> (usize, usize) {
    (2.min(running.saturating_sub(1)), 3)
}

fn to_ron(scenario: &Scenario) -> String {
    murmuration::scenario::to_ron(scenario).unwrap_or_else(|error| error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 64, failure_persistence: None, rng_seed: seed(), ..ProptestConfig::default() })]

    #[test]
    fn after_the_last_fault_views_links_and_broadcasts_are_whole(scenario in scenario()) {
        let record = run(&scenario, &RunOptions::default()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let running = record.nodes.iter().filter(|node| node.up).count();
        for verdict in judge(&scenario, &record) {
            // A crash of all but one leaves nobody to be connected with or to talk to.
            let vacuous = running < 2;
            prop_assert!(verdict.held || vacuous, "{}: {}\n{}", verdict.name, verdict.detail, to_ron(&scenario));
        }
        let (least, most) = degree_bounds(running);
        for node in record.nodes.iter().filter(|node| node.up) {
            let degree = node.degree as usize;
            prop_assert!((least..=most).contains(&degree), "n{} has {degree} links of {least} to {most}\n{}", node.node, to_ron(&scenario));
        }
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

/// How many random scenarios; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40)
}
