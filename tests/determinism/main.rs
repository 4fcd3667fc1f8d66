//! Same scenario, same seed, same run: whatever the threads, the order of unordered systems and the cryptography.

use std::time::Duration;

use bevy_app::App;
use bevy_ecs::schedule::ScheduleBuildSettings;
use murmuration::crypto::CryptoMode;
use murmuration::kernel::{Tick, forbid_rest};
use murmuration::report::RunRecord;
use murmuration::scenario::{
    self, Arrivals, Fault, FaultKind, Latency, LinkSpec, Loss, Network, Scenario, Selection, ServiceKind, Workload, WorkloadKind,
};
use murmuration::sim::{RunOptions, run};

/// Twelve nodes over a bad network that splits, heals, loses a node and gets it back.
fn eventful(service: ServiceKind) -> Scenario {
    let mut scenario: Scenario = Scenario::new("eventful", 12, Duration::from_secs(25));
    scenario.crypto = CryptoMode::Modelled;
    scenario.network = Network {
        service,
        link: LinkSpec {
            latency: Latency::Normal(Duration::from_millis(20), Duration::from_millis(5)),
            loss: Loss::Independent(0.02),
            duplicate: 0.01,
            ..LinkSpec::default()
        },
        ..Network::default()
    };
    let at = |seconds, kind| Fault { at: Duration::from_secs(seconds), kind };
    scenario.faults = vec![
        at(6, FaultKind::Partition(vec![Selection::Share(0.0, 0.5)])),
        at(10, FaultKind::Crash(Selection::Nodes(vec![3]))),
        at(14, FaultKind::Heal),
        at(15, FaultKind::Restart { nodes: Selection::Nodes(vec![3]), memory: true }),
        at(16, FaultKind::Pause { nodes: Selection::Nodes(vec![7]), period: Duration::from_secs(2) }),
        at(20, FaultKind::Leave(Selection::Nodes(vec![1]))),
    ];
    scenario.workload = vec![Workload {
        kind: WorkloadKind::Broadcast,
        from: Selection::All,
        rate: 1.0,
        size: 64,
        start: Duration::from_secs(2),
        stop: None,
        arrivals: Arrivals::Poisson,
    }];
    scenario
}

fn outcome(scenario: &Scenario, options: &RunOptions) -> RunRecord {
    let mut record = run(scenario, options).expect("the scenario is sound");
    // The only things that may differ between two runs.
    record.meta.wall_seconds = 0.0;
    record.meta.peak_rss_bytes = None;
    record
}

fn threads(threads: usize) -> RunOptions<'static> {
    RunOptions { threads, ..RunOptions::default() }
}

fn assert_same(a: &RunRecord, b: &RunRecord) {
    if let Some((first, other)) = a.events.iter().zip(&b.events).find(|(first, other)| first != other) {
        panic!("first difference: {first:?} against {other:?}");
    }
    assert_eq!(a.meta, b.meta);
    assert_eq!(a.checkpoints, b.checkpoints);
    assert!(a == b, "records differ though their events and digests do not");
}

#[test]
fn a_run_repeats_itself_to_the_last_event() {
    let scenario = eventful(ServiceKind::Stream);
    let first = outcome(&scenario, &threads(1));
    assert!(first.meta.events > 10_000 && !first.events.is_empty(), "the scenario is eventful: {:?}", first.meta);
    assert_same(&first, &outcome(&scenario, &threads(1)));
}

#[test]
fn threads_change_nothing() {
    for service in [ServiceKind::Stream, ServiceKind::Datagram] {
        let scenario = eventful(service);
        let one = outcome(&scenario, &threads(1));
        for count in [2, 3, 12] {
            assert_same(&one, &outcome(&scenario, &threads(count)));
        }
    }
}

#[test]
fn another_seed_is_another_run() {
    let scenario = eventful(ServiceKind::Stream);
    let other = Scenario { seed: scenario.seed + 1, ..scenario.clone() };
    assert_ne!(outcome(&scenario, &threads(1)).meta.digest, outcome(&other, &threads(1)).meta.digest);
}

#[test]
fn real_and_modelled_cryptography_give_the_same_trace() {
    for service in [ServiceKind::Stream, ServiceKind::Datagram] {
        let modelled = eventful(service);
        let real = Scenario { crypto: CryptoMode::Real, ..modelled.clone() };
        assert_same(&outcome(&modelled, &threads(1)), &outcome(&real, &threads(1)));
    }
}

#[test]
fn the_order_of_unordered_systems_changes_nothing() {
    let scenario = eventful(ServiceKind::Stream);
    let expected = outcome(&scenario, &threads(1));
    for seed in 1..=3 {
        let shuffle = move |app: &mut App| shuffle(app, seed);
        assert_same(&expected, &outcome(&scenario, &RunOptions { prepare: Some(&shuffle), ..threads(1) }));
    }
}

fn shuffle(app: &mut App, seed: u64) {
    app.edit_schedule(Tick, |schedule| {
        schedule.set_build_settings(ScheduleBuildSettings { shuffle_seed: Some(seed), ..ScheduleBuildSettings::new() });
    });
}

/// Systems that act on messages rest while none waits for them. That is no part of what they do.
#[test]
fn who_rests_changes_nothing() {
    let shipped = ["topics", "revoke-under-partition"].map(|name| scenario::load(name).expect("it is shipped").scenario);
    for scenario in shipped.into_iter().chain([eventful(ServiceKind::Stream)]) {
        let awake = RunOptions { prepare: Some(&forbid_rest), ..threads(1) };
        assert_same(&outcome(&scenario, &threads(1)), &outcome(&scenario, &awake));
    }
}

/// The guard itself: two systems whose order hides behind a static are found out.
#[test]
fn shuffling_finds_an_order_that_hides_behind_a_static() {
    use std::sync::atomic::{AtomicU64, Ordering};

    use bevy_ecs::prelude::*;
    use murmuration::kernel::{Instant, TickSystems};
    use murmuration::trial::Trace;

    let digests: std::collections::BTreeSet<String> = (0..8)
        .map(|seed| {
            static HIDDEN: AtomicU64 = AtomicU64::new(0);
            HIDDEN.store(0, Ordering::Relaxed);
            let plant = move |app: &mut App| {
                app.add_systems(
                    Tick,
                    (
                        || HIDDEN.store(HIDDEN.load(Ordering::Relaxed).wrapping_mul(3), Ordering::Relaxed),
                        || HIDDEN.store(HIDDEN.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed),
                    )
                        .in_set(TickSystems::Wake),
                )
                .add_systems(
                    Tick,
                    (|mut trace: ResMut<Trace>| trace.event(Instant::ZERO, 0, 0, 0, HIDDEN.load(Ordering::Relaxed)))
                        .in_set(TickSystems::Clear),
                );
                shuffle(app, seed);
            };
            let scenario = Scenario::new("planted", 2, Duration::from_secs(2));
            outcome(&scenario, &RunOptions { prepare: Some(&plant), ..threads(1) }).meta.digest
        })
        .collect();
    assert!(digests.len() > 1, "eight shuffles did not reveal the planted order");
}
