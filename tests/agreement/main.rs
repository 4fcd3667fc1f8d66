//! One scenario, two worlds: what the simulator says of a mesh is what sockets do.
//!
//! Each scenario is run by the simulator and played by a swarm on the loopback interface in wall time, under the same link model. The
//! bounds are wide enough for a busy machine, and narrow enough to catch a world that behaves otherwise: a swarm without the link model fails all of them.

use murmuration::report::{Tolerance, compare, judge, summary};
use murmuration::scenario::{Scenario, parse};
use murmuration::sim::{RunOptions, run};

/// Runs `text` both ways, checks its expectations in both, and holds the figures against each other.
fn agree(name: &str, text: &str, bounds: &[&str]) {
    let scenario: Scenario = parse(text, name.into()).expect("the scenario is sound").scenario;
    let simulated = run(&scenario, &RunOptions::default()).expect("it can be simulated");
    let played = murmuration::live::swarm::play(&scenario, None, &|_| ()).expect("it can be played");
    let [a, b] = [&simulated, &played].map(|record| {
        let verdicts = judge(&scenario, record);
        let missed: Vec<_> = verdicts.iter().filter(|verdict| !verdict.held).collect();
        assert!(missed.is_empty(), "{name}: {missed:#?}");
        summary(record, &verdicts)
    });
    let tolerances: Vec<Tolerance> = bounds.iter().map(|bound| bound.parse().expect("a bound")).collect();
    let comparison = compare(&a, &b);
    for bound in bounds {
        let figure = bound.split('=').next().and_then(|figure| comparison.figure(figure));
        assert!(figure.is_some_and(|figure| figure.a.is_some()), "{name}: there is no {bound}");
    }
    let excess: Vec<String> = comparison.within(&tolerances).iter().map(ToString::to_string).collect();
    assert!(excess.is_empty(), "{name}: {excess:#?}");
}

#[test]
fn a_quiet_mesh_with_long_links_converges_and_delivers_alike() {
    agree(
        "long-links",
        r#"(
            nodes: 12, duration: "20s",
            network: (link: (latency: Uniform("40ms", "60ms"))),
            workload: [(from: All, rate: 1, size: 200, start: "8s", stop: "16s")],
            expect: [AllMembersKnown(within: "8s"), Reliability(1.0), NoDuplicateDelivery, Connected],
        )"#,
        // One of a hundred may wait for a graft timer (500 ms), or for a second one, in one of the worlds and not in the other.
        &["reliability=0", "convergence=3s", "latency_p50=60ms", "latency_p99=1s", "degree_mean=0.5", "bytes_membership=30%"],
    );
}

#[test]
fn a_partition_splits_heals_and_is_made_up_for_alike() {
    agree(
        "split",
        r#"(
            nodes: 12, duration: "35s",
            network: (link: (latency: Constant("20ms"))),
            faults: [(at: "10s", do: Partition([Share(0.0, 0.5)])), (at: "18s", do: Heal)],
            workload: [(from: Random(3), rate: 1, size: 200, start: "8s", stop: "28s")],
            expect: [AllMembersKnown(within: "15s", after: Heal), Reliability(1.0), NoDuplicateDelivery],
        )"#,
        // Whether the median broadcast waited for the heal depends on where the tree is cut, so it has no bound.
        &["reliability=0", "convergence=8s", "latency_p90=4s", "latency_p99=4s", "bytes=40%"],
    );
}

#[test]
fn lossy_links_and_a_crash_are_borne_alike() {
    agree(
        "lossy-crash",
        r#"(
            nodes: 10, duration: "35s",
            network: (link: (latency: Constant("30ms"), loss: Independent(0.05))),
            faults: [(at: "10s", do: Crash(Nodes([4])))],
            workload: [(from: Random(3), rate: 1, size: 200, start: "14s", stop: "28s")],
            expect: [AllMembersKnown(within: "8s"), Reliability(1.0), NoDuplicateDelivery],
        )"#,
        &["reliability=0", "convergence=8s", "latency_p50=80ms", "latency_p99=1500ms", "detection_p50=6s", "bytes_membership=30%"],
    );
}
