use std::time::Duration;

use murmuration::kernel::{BeaconOut, Connect, SessionLimits};
use murmuration::mesh::discovery::{DiscoveryConfig, KnownPeers, WentOffline, WentOnline};
use murmuration::mesh::handshake::NetworkKey;
use murmuration::scenario::{Fault, FaultKind, Network, Protocols, Scenario, Selection, Start};

use murmuration::wire::Address;

use crate::harness::{Step, node, observe, strangers};

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

/// A thousand that start at once have ten seeds, which refuse most of them at first.
#[test]
fn a_seed_that_is_full_is_tried_every_two_seconds() {
    let crowd: Step = (0, |world, _| world.insert_resource(SessionLimits { max_sessions: 1 }));
    let attempts = observe::<Connect>(&searching(4, 60, 1), &[crowd]);
    let times = |node: u32| attempts.iter().filter(move |(other, _)| *other == node).map(|(_, connect)| connect.at.as_secs_f64());
    let kept_out: Vec<Vec<f64>> = (1..4).map(|node| times(node).collect::<Vec<f64>>()).filter(|times| times.len() > 20).collect();
    assert_eq!(kept_out.len(), 2, "one of three gets in: {attempts:?}");
    for times in kept_out {
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] < 2.3), "{times:?}");
    }
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

/// Who dials is open before the other side has checked its key: a refusal after that is a failure all the same.
#[test]
fn a_node_with_a_wrong_key_tries_ever_more_slowly_and_is_offline_in_the_end() {
    let key: Step = (0, |world, _| {
        let node = node(world, 1);
        world.entity_mut(node).insert(NetworkKey([7; 32]));
    });
    let scenario = |seconds| searching(2, seconds, 1);
    let dials = observe::<Connect>(&scenario(30), &[key]).iter().filter(|(node, _)| *node == 1).count();
    assert!((4..=7).contains(&dials), "{dials} dials in 30 s");
    assert_eq!(observe::<WentOffline>(&scenario(200), &[key]).len(), 1);
    assert_eq!(observe::<WentOnline>(&scenario(200), &[key]).len(), 0);
}

#[test]
fn a_seed_is_tried_every_second_time_however_many_were_known() {
    let known: Step = (0, |world, _| {
        let node = node(world, 1);
        world.entity_mut(node).insert(KnownPeers([2, 3, 4].map(Address::Memory).to_vec()));
    });
    let fault = Fault { at: Duration::ZERO, kind: FaultKind::Partition(vec![Selection::Nodes(vec![1])]) };
    let scenario = Scenario { faults: vec![fault], ..searching(5, 200, 1) };
    let attempts = observe::<Connect>(&scenario, &[known]);
    let tried: Vec<Address> = attempts.iter().filter(|(node, _)| *node == 1).map(|(_, connect)| connect.to).collect();
    let expected = [0, 2, 0, 3, 0, 4, 0, 2].map(Address::Memory);
    assert_eq!(tried[..8], expected, "{tried:?}");
}

/// One seed is there, two are not: those are looked for by turns and ever less often.
#[test]
fn seeds_that_are_not_found_are_looked_for_by_turns_and_ever_less_often() {
    let fault = Fault { at: Duration::ZERO, kind: FaultKind::Partition(vec![Selection::Nodes(vec![1, 2])]) };
    let scenario = Scenario { faults: vec![fault], ..searching(4, 600, 3) };
    let attempts = observe::<Connect>(&scenario, &[]);
    let to = |seed: u32| {
        let times = attempts.iter().filter(|(node, connect)| *node == 3 && connect.to == Address::Memory(seed));
        times.map(|(_, connect)| connect.at.as_secs_f64()).collect::<Vec<_>>()
    };
    for seed in [1, 2] {
        let times = to(seed);
        // Ten minutes at one look in five seconds would be sixty each.
        assert!((5..=12).contains(&times.len()), "seed {seed} at {times:?}");
    }
}
