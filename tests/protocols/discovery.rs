use std::time::Duration;

use murmuration::kernel::{BeaconOut, Connect};
use murmuration::mesh::discovery::{DiscoveryConfig, WentOffline, WentOnline};
use murmuration::scenario::{Fault, FaultKind, Network, Protocols, Scenario, Selection, Start};

use crate::harness::{observe, strangers};

fn searching(nodes: u32, seconds: u64, seeds: u32) -> Scenario {
    Scenario { protocols: Protocols::default(), start: Start::Together { seeds }, ..strangers(nodes, seconds) }
}

/// Node 1 is cut off from its only seed until 300 s have passed.
fn cut_off() -> Scenario {
    let fault = |seconds, kind| Fault { at: Duration::from_secs(seconds), kind };
    let faults = vec![fault(0, FaultKind::Partition(vec![Selection::Nodes(vec![1])])), fault(300, FaultKind::Heal)];
    Scenario { faults, ..searching(2, 400, 1) }
}

#[test]
fn a_hello_is_said_at_once_and_every_fifteen_seconds() {
    let scenario = searching(1, 50, 0);
    let scenario = Scenario { network: Network { segments: vec![Selection::All], ..scenario.network }, ..scenario };
    let hellos = observe::<BeaconOut>(&scenario, &[]);
    let seconds: Vec<f64> = hellos.iter().map(|(_, hello)| hello.at.as_secs_f64()).collect();
    assert_eq!(seconds, [0.0, 15.0, 30.0, 45.0]);
}

#[test]
fn attempts_at_a_seed_come_ever_more_slowly_up_to_the_cap() {
    let attempts = observe::<Connect>(&cut_off(), &[]);
    let times: Vec<f64> = attempts.iter().filter(|(node, _)| *node == 1).map(|(_, connect)| connect.at.as_secs_f64()).collect();
    let waits = times.windows(2).map(|pair| pair[1] - pair[0]).take_while(|_| true);
    // Each dial is given up after five seconds; the next attempt comes after the wait, give or take a tenth.
    let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0];
    for (wait, expected) in waits.zip(expected) {
        assert!(
            (wait - 5.0 - expected).abs() <= 0.1 * expected + 0.01,
            "{wait} s between attempts instead of 5 s and {expected} s: {times:?}"
        );
    }
    assert!(times.len() > 9, "{times:?}");
}

#[test]
fn a_node_is_offline_after_ten_failures_and_online_again_with_its_first_session() {
    let offline = observe::<WentOffline>(&cut_off(), &[]);
    let online = observe::<WentOnline>(&cut_off(), &[]);
    let [(1, offline)] = offline[..] else { panic!("node 1 once: {offline:?}") };
    let [(1, online)] = online[..] else { panic!("node 1 once: {online:?}") };
    let failed = observe::<Connect>(&cut_off(), &[]).iter().filter(|(node, connect)| *node == 1 && connect.at < offline.at).count();
    assert_eq!(failed, DiscoveryConfig::default().offline_after as usize);
    // At the latest after the attempt that was under way, and the longest wait.
    let after = online.at.as_secs_f64() - 300.0;
    assert!((0.0..40.0).contains(&after), "online {after} s after the heal");
}
