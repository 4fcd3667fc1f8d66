use std::time::Duration;

use bevy_ecs::prelude::*;
use murmuration::crypto::{CryptoMode, Signature};
use murmuration::kernel::{Contact, Instant, Outgoing, SessionClosed, Sessions};
use murmuration::mesh::leave::MemberLeft;
use murmuration::scenario::{Fault, FaultKind, Protocols, Scenario, Selection, Start};
use murmuration::sim::{RunOptions, run};
use murmuration::wire::{CloseReason, LeaveMessage};

use crate::harness::{node, observe, strangers};

fn meshed(nodes: u32) -> Scenario {
    Scenario { protocols: Protocols::default(), start: Start::Together { seeds: 1 }, crypto: CryptoMode::Real, ..strangers(nodes, 25) }
}

#[test]
fn a_goodbye_is_heard_by_all_others_once_and_soon() {
    let fault = Fault { at: Duration::from_secs(20), kind: FaultKind::Leave(Selection::Nodes(vec![3])) };
    let left = observe::<MemberLeft>(&Scenario { faults: vec![fault], ..meshed(8) }, &[]);
    let mut who: Vec<u32> = left.iter().map(|(node, _)| *node).collect();
    who.sort_unstable();
    assert_eq!(who, [0, 1, 2, 4, 5, 6, 7]);
    let latest = left.iter().map(|(_, left)| left.at.as_secs_f64()).fold(0.0, f64::max);
    assert!(latest < 22.0, "the last heard it at {latest}");
}

#[test]
fn a_node_that_stands_still_says_goodbye_when_it_resumes() {
    let node = || Selection::Nodes(vec![3]);
    let pause = Fault { at: Duration::from_secs(10), kind: FaultKind::Pause { nodes: node(), period: Duration::from_secs(8) } };
    let leave = Fault { at: Duration::from_secs(12), kind: FaultKind::Leave(node()) };
    let left = observe::<MemberLeft>(&Scenario { faults: vec![pause, leave], ..meshed(5) }, &[]);
    let earliest = left.iter().map(|(_, left)| left.at.as_secs_f64()).fold(f64::INFINITY, f64::min);
    assert!(left.len() == 4 && earliest > 18.0, "{left:?}");
}

#[test]
fn who_does_not_run_has_nothing_to_leave() {
    let at = |seconds, kind| Fault { at: Duration::from_secs(seconds), kind };
    let node = |node| Selection::Nodes(vec![node]);
    let faults = vec![
        at(10, FaultKind::Crash(node(1))),
        at(12, FaultKind::Leave(node(1))),
        at(13, FaultKind::Leave(node(2))),
        at(15, FaultKind::Leave(node(2))),
    ];
    let record = run(&Scenario { faults, ..meshed(5) }, &RunOptions::default()).unwrap();
    assert_eq!(record.leaves.iter().map(|leave| (leave.node, leave.at)).collect::<Vec<_>>(), [(2, 13.0)]);
}

#[test]
fn a_goodbye_that_its_member_did_not_sign_closes_the_session_and_nobody_leaves() {
    fn forge(world: &mut World, at: Instant) {
        let (liar, victim) = (node(world, 0), node(world, 2));
        let member = world.get::<Contact>(victim).expect("it has a contact").id;
        let sessions: Vec<Entity> = world.get::<Sessions>(liar).expect("it has sessions").iter().collect();
        for session in sessions {
            let message = LeaveMessage::Goodbye { member, incarnation: 1, signature: Signature([1; 64]) };
            world.write_message(Outgoing { session, at, message: message.into() });
        }
    }
    assert!(observe::<MemberLeft>(&meshed(4), &[(20_000, forge)]).is_empty());
    let closed = observe::<SessionClosed>(&meshed(4), &[(20_000, forge)]);
    assert!(closed.iter().any(|(_, closed)| closed.reason == CloseReason::ForgedIdentity), "{closed:?}");
}
