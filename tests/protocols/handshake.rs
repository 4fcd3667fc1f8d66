use std::time::Duration;

use bevy_ecs::prelude::*;
use murmuration::crypto::CryptoMode;
use murmuration::kernel::{Instant, Refusals, Role, SessionClosed, SessionOpened};
use murmuration::mesh::handshake::NetworkKey;
use murmuration::scenario::{Fault, FaultKind, Latency, LinkSpec, Network, Scenario, Selection, ServiceKind};
use murmuration::sim::{RunOptions, run};
use murmuration::wire::CloseReason;

use crate::harness::{Step, connect, node, observe, strangers};

const DIAL: Step = (1000, |world, at| connect(world, at, 0, 1));

/// Node 1 is cut off from then on.
fn cut(millis: u64) -> Vec<Fault> {
    vec![Fault { at: Duration::from_millis(millis), kind: FaultKind::Partition(vec![Selection::Nodes(vec![1])]) }]
}

fn closed(scenario: &Scenario, script: &[Step]) -> Vec<(u32, CloseReason, u64)> {
    let closed = observe::<SessionClosed>(scenario, script);
    closed.iter().map(|(node, closed)| (*node, closed.reason, closed.at.as_nanos() / 1_000_000)).collect()
}

#[test]
fn of_two_sessions_opened_at_once_both_sides_keep_the_one_that_the_higher_id_dialled() {
    let both: [Step; 2] = [DIAL, (1000, |world, at| connect(world, at, 1, 0))];
    for seed in 1..=4 {
        let scenario = Scenario { seed, ..strangers(2, 5) };
        let mut left: Vec<(u32, SessionOpened)> = observe(&scenario, &both);
        let closed: Vec<(u32, SessionClosed)> = observe(&scenario, &both);
        assert!(closed.iter().all(|(_, closed)| closed.reason == CloseReason::Duplicate), "{closed:?}");
        left.retain(|(node, opened)| !closed.iter().any(|(other, closed)| other == node && closed.session == opened.session));
        left.sort_by_key(|(node, _)| *node);
        let [(0, first), (1, second)] = left[..] else { panic!("one session is left on each side: {left:?}") };
        // Each is told the id of the other.
        let higher = if second.remote > first.remote { (Role::Initiator, Role::Responder) } else { (Role::Responder, Role::Initiator) };
        assert_eq!((first.role, second.role), higher);
    }
}

#[test]
fn who_dials_a_silent_address_gives_up_after_the_connect_timeout() {
    let scenario = Scenario { faults: cut(500), ..strangers(2, 10) };
    assert_eq!(closed(&scenario, &[DIAL]), [(0, CloseReason::Unreachable, 6000)]);
}

#[test]
fn a_handshake_that_does_not_go_on_ends_after_its_timeout() {
    // The dial has reached node 1, its answer has not reached node 0.
    let scenario = Scenario { faults: cut(1150), ..strangers(2, 10) };
    assert_eq!(closed(&scenario, &[DIAL]), [(0, CloseReason::Unreachable, 6000), (1, CloseReason::HandshakeTimeout, 6100)]);
}

#[test]
fn a_wrong_network_key_is_refused_by_name_on_both_sides() {
    fn change_key(world: &mut World, _: Instant) {
        let node = node(world, 1);
        world.entity_mut(node).insert(NetworkKey([7; 32]));
    }
    fn counted(world: &mut World, _: Instant) {
        let refusals: Vec<_> = world.resource::<Refusals>().iter().collect();
        assert_eq!(refusals, [(CloseReason::WrongNetworkKey, 1)], "counted where it was found");
    }
    let scenario = Scenario { crypto: CryptoMode::Real, ..strangers(2, 5) };
    let script: [Step; 3] = [(500, change_key), DIAL, (4000, counted)];
    let mut closed = closed(&scenario, &script);
    closed.sort_by_key(|(node, ..)| *node);
    assert_eq!(
        closed.iter().map(|(node, reason, _)| (*node, *reason)).collect::<Vec<_>>(),
        [0, 1].map(|node| (node, CloseReason::WrongNetworkKey))
    );
    // Who dials cannot know until it is told: the other side checks the last message. That one never opens.
    assert_eq!(observe::<SessionOpened>(&scenario, &script).iter().map(|(node, _)| *node).collect::<Vec<_>>(), [0]);
}

#[test]
fn what_overtakes_the_last_message_of_a_handshake_waits_for_it() {
    let latency = Latency::Uniform(Duration::from_millis(5), Duration::from_millis(30));
    for crypto in [CryptoMode::Modelled, CryptoMode::Real] {
        let network = Network {
            service: ServiceKind::Datagram,
            link: LinkSpec { latency: latency.clone(), ..LinkSpec::default() },
            ..Network::default()
        };
        let scenario = Scenario { crypto, network, ..Scenario::new("reordering", 8, Duration::from_secs(8)) };
        let record = run(&scenario, &RunOptions::default()).unwrap();
        assert!(!record.refusals.contains_key("out_of_phase"), "{crypto:?}: {:?}", record.refusals);
        assert!(record.samples.iter().any(|sample| sample.seconds <= 3.0 && sample.whole_views() == 8), "{crypto:?}");
    }
}
