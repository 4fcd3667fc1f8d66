use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bevy_app::App;
use bevy_ecs::prelude::*;
use murmuration::crypto::CryptoMode;
use murmuration::kernel::{
    CloseSession, Contact, Incarnation, Instant, LinkState, Neighbors, Node, Outgoing, Session, SessionOf, Sessions, Tick, TickSystems,
};
use murmuration::mesh::prekeys::PrekeyConfig;
use murmuration::mesh::routing::{DatagramReceived, RoutingConfig, RoutingCounts, SendFailed, SendTo};
use murmuration::scenario::{Fault, FaultKind, Graph, Overlay, Protocols, Scenario, Selection, Start};
use murmuration::sim::{RunOptions, run};
use murmuration::trial::Planned;
use murmuration::wire::routing::{Datagram, DatagramBody, RoutingFailure};
use murmuration::wire::{CloseReason, NodeId, Payload, RoutingMessage, WireMessage};

use crate::harness::{Step, node, observe, perform, strangers};

/// Nodes that route, over links that take 100 ms.
fn routing(nodes: u32, seconds: u64) -> Scenario {
    let protocols = Protocols { prekeys: Some(PrekeyConfig::default()), routing: Some(RoutingConfig::default()), ..Protocols::default() };
    Scenario { protocols, start: Start::Together { seeds: 1 }, crypto: CryptoMode::Modelled, ..strangers(nodes, seconds) }
}

fn pinned(nodes: u32, seconds: u64, edges: &[(u32, u32)]) -> Scenario {
    let mut scenario = routing(nodes, seconds);
    scenario.protocols.overlay = Overlay::Pinned(Graph::Edges(edges.to_vec()));
    scenario
}

fn crash(at: u64, node: u32) -> Vec<Fault> {
    vec![Fault { at: Duration::from_secs(at), kind: FaultKind::Crash(Selection::Nodes(vec![node])) }]
}

fn id(world: &mut World, ordinal: u32) -> NodeId {
    let node = node(world, ordinal);
    world.get::<Contact>(node).expect("it has a contact").id
}

fn body(from: u32, to: u32) -> DatagramBody {
    DatagramBody::Raw(Payload(format!("{from} to {to}").into_bytes().into()))
}

fn send(world: &mut World, at: Instant, from: u32, to: u32) {
    let id = id(world, to);
    let node = node(world, from);
    world.write_message(SendTo { node, to: id, body: body(from, to), at });
}

/// Each of 20 sends to one that is as good as random.
fn partner(from: u32) -> u32 {
    (from * 7 + 3) % 20
}

fn each_to_another(world: &mut World, at: Instant) {
    (0..20).for_each(|from| send(world, at, from, partner(from)));
}

#[test]
fn each_of_twenty_reaches_any_other_and_nobody_else_gets_it() {
    fn counted(world: &mut World, _: Instant) {
        let counts = *world.resource::<RoutingCounts>();
        let links = (0..20).map(|from| (from, partner(from))).filter(|(from, to)| from != to).count() as u64;
        assert_eq!((counts.sent, counts.delivered, counts.failed), (links, links, 0), "{counts:?}");
        assert!(counts.forwarded > 5, "few are neighbours: {counts:?}");
    }
    let received = observe::<DatagramReceived>(&routing(20, 28), &[(24_000, each_to_another), (27_000, counted)]);
    let mut came: Vec<(u32, DatagramBody)> = received.iter().map(|(node, it)| (*node, it.body.clone())).collect();
    came.sort_unstable_by_key(|(node, _)| *node);
    let mut expected: Vec<(u32, DatagramBody)> = (0..20).map(|from| (partner(from), body(from, partner(from)))).collect();
    expected.sort_unstable_by_key(|(node, _)| *node);
    assert_eq!(came, expected);
    assert!(received.iter().all(|(_, it)| it.at.as_secs_f64() < 26.0 && it.hops <= 8));
}

/// Two ways from node 0 to node 3: over node 1 or node 2.
const DIAMOND: &[(u32, u32)] = &[(0, 1), (1, 3), (0, 2), (2, 3)];

fn zero_to_three(world: &mut World, at: Instant) {
    send(world, at, 0, 3);
}

#[test]
fn when_one_on_the_way_crashes_the_others_are_used() {
    for relay in [1, 2] {
        let scenario = Scenario { faults: crash(20, relay), ..pinned(4, 48, DIAMOND) };
        let received = observe::<DatagramReceived>(&scenario, &[(18_000, zero_to_three), (45_000, zero_to_three)]);
        let hops: Vec<(u32, u8)> = received.iter().map(|(node, it)| (*node, it.hops)).collect();
        assert_eq!(hops, [(3, 2), (3, 2)], "without node {relay}");
    }
}

/// A node that holds a datagram when the link of its choice goes turns to another that is longer.
#[test]
fn what_is_under_way_when_a_link_dies_goes_another_way() {
    // Node 1 loses its session with node 3 while the datagram is on its way to node 1.
    fn send_and_cut(world: &mut World, at: Instant) {
        send(world, at, 0, 3);
        let (first, last) = (node(world, 1), id(world, 3));
        let sessions: Vec<Entity> = world.get::<Sessions>(first).expect("it has sessions").iter().collect();
        let session = sessions.into_iter().find(|it| world.get::<Session>(*it).is_some_and(|it| it.remote == Some(last)));
        let session = session.expect("they are linked");
        let reason = CloseReason::Reset;
        world.write_message(CloseSession { session, reason, at });
    }
    let scenario = pinned(5, 32, &[(0, 1), (1, 3), (1, 2), (2, 4), (4, 3)]);
    let received = observe::<DatagramReceived>(&scenario, &[(30_000, send_and_cut)]);
    let hops: Vec<(u32, u8)> = received.iter().map(|(node, it)| (*node, it.hops)).collect();
    assert_eq!(hops, [(3, 4)]);
}

#[test]
fn who_is_not_there_is_not_reached_and_the_sender_hears_of_it_soon() {
    fn to_nobody(world: &mut World, at: Instant) {
        let node = node(world, 0);
        world.write_message(SendTo { node, to: NodeId([5; 32]), body: body(0, 0), at });
    }
    let scenario = Scenario { faults: crash(20, 3), ..routing(8, 52) };
    let failed = observe::<SendFailed>(&scenario, &[(40_000, to_nobody), (42_000, zero_to_three)]);
    let told: Vec<(u32, RoutingFailure, Option<DatagramBody>)> =
        failed.iter().map(|(node, it)| (*node, it.reason, it.body.clone())).collect();
    assert_eq!(told, [(0, RoutingFailure::NoKey, Some(body(0, 0))), (0, RoutingFailure::NoRoute, Some(body(0, 3)))]);
    let times: Vec<f64> = failed.iter().map(|(_, it)| it.at.as_secs_f64()).collect();
    assert!(times[0] <= 42.1 && times[1] <= 44.6, "{times:?}");
}

#[test]
fn a_loop_of_wrong_beliefs_ends() {
    /// Each of three thinks that node 3, which has crashed, is linked with the next one.
    fn mislead(world: &mut World, at: Instant) {
        let ids: Vec<NodeId> = (0..4).map(|ordinal| id(world, ordinal)).collect();
        for who in 0..3 {
            let next = (who + 1) % 3;
            let entity = node(world, who as u32);
            let mut links = world.get_mut::<LinkState>(entity).expect("it routes");
            links.set(ids[3], [(&ids[next]).into()]);
            links.set(ids[next], ids.iter().filter(|other| **other != ids[next]).map(Into::into));
        }
        send(world, at, 0, 3);
    }
    let scenario = Scenario { faults: crash(20, 3), ..pinned(4, 52, &[(0, 1), (1, 2), (2, 0), (0, 3)]) };
    let failed = observe::<SendFailed>(&scenario, &[(45_000, mislead)]);
    assert_eq!(failed.len(), 1);
    let (node, failure) = &failed[0];
    assert_eq!((*node, failure.reason), (0, RoutingFailure::TooManyHops));
    // There are 32 hops of 100 ms, and the way back.
    assert!((48.2..48.6).contains(&failure.at.as_secs_f64()), "{failure:?}");
}

/// What a relay does to the datagrams that it passes on.
type Tampering = fn(&mut RoutingMessage) -> bool;

/// Node 1 of a line stands between node 0 and node 2, and does `tampering` to each datagram; `true` says that it passes it on twice.
fn tampered(tampering: Tampering) -> (Vec<u32>, RoutingCounts) {
    let counts = Arc::new(Mutex::new(RoutingCounts::default()));
    let received = Arc::new(Mutex::new(Vec::new()));
    let (noted, came) = (counts.clone(), received.clone());
    let prepare = move |app: &mut App| {
        perform(app, &[(30_000, |world, at| send(world, at, 0, 2))]);
        let tamper = move |mut outgoing: ResMut<Messages<Outgoing>>, sessions: Query<&SessionOf>, nodes: Query<&Node>| {
            let mut again = Vec::new();
            for mut it in outgoing.drain().collect::<Vec<_>>() {
                let by_relay = sessions.get(it.session).is_ok_and(|of| nodes.get(of.0).is_ok_and(|node| node.ordinal == 1));
                if let WireMessage::Routing(message) = &mut it.message
                    && by_relay
                    && tampering(message)
                {
                    again.push(it.clone());
                }
                again.push(it);
            }
            outgoing.write_batch(again);
        };
        let (noted, came) = (noted.clone(), came.clone());
        let note = move |mut messages: MessageReader<DatagramReceived>, nodes: Query<&Node>, counts: Res<RoutingCounts>| {
            *noted.lock().expect("no panic") = *counts;
            came.lock().expect("no panic").extend(messages.read().map(|it| nodes.get(it.node).expect("a node").ordinal));
        };
        app.add_systems(Tick, (tamper.after(TickSystems::Protocols).before(TickSystems::Seal), note.in_set(TickSystems::Observe)));
    };
    let scenario = Scenario { crypto: CryptoMode::Real, ..pinned(3, 34, &[(0, 1), (1, 2)]) };
    run(&scenario, &RunOptions { prepare: Some(&prepare), ..RunOptions::default() }).expect("a sound scenario");
    let counts = *counts.lock().expect("no panic");
    (std::mem::take(&mut *received.lock().expect("no panic")), counts)
}

#[test]
fn what_a_relay_alters_has_no_effect_and_is_counted() {
    fn datagram(message: &mut RoutingMessage) -> &mut Datagram {
        match message {
            RoutingMessage::Datagram(datagram) => datagram,
            RoutingMessage::Undeliverable(_) => panic!("nothing is undeliverable here"),
        }
    }
    let tamperings: [Tampering; 3] = [
        |message| {
            datagram(message).source = NodeId([9; 32]);
            false
        },
        |message| {
            datagram(message).number += 1;
            false
        },
        |message| {
            datagram(message).sealed.ciphertext[0] ^= 1;
            false
        },
    ];
    for tampering in tamperings {
        let (received, counts) = tampered(tampering);
        assert_eq!((received.len(), counts.forged, counts.delivered), (0, 1, 0), "{counts:?}");
    }
}

#[test]
fn what_a_relay_repeats_comes_once() {
    let (received, counts) = tampered(|_| true);
    assert_eq!((&received[..], counts.replayed, counts.delivered), (&[2][..], 1, 1), "{counts:?}");
}

#[test]
fn links_are_published_and_those_of_who_left_forgotten() {
    fn all(world: &mut World, _: Instant) {
        let linked: BTreeMap<NodeId, usize> =
            world.query::<(&Contact, &Node, &Neighbors)>().iter(world).map(|(me, _, neighbors)| (me.id, neighbors.len())).collect();
        for (me, links) in world.query::<(&Contact, &LinkState)>().iter(world) {
            for (other, degree) in &linked {
                assert_eq!(links.published(other).map_or(0, <[_]>::len), if *other == me.id { 0 } else { *degree });
            }
        }
    }
    fn without_one(world: &mut World, _: Instant) {
        let gone = id(world, 3);
        for (node, links) in world.query::<(&Node, &LinkState)>().iter(world) {
            assert!(node.ordinal == 3 || links.published(&gone).is_none(), "node {} still has it", node.ordinal);
        }
    }
    let leave = Fault { at: Duration::from_secs(30), kind: FaultKind::Leave(Selection::Nodes(vec![3])) };
    let scenario = Scenario { faults: vec![leave], ..routing(8, 36) };
    observe::<SendFailed>(&scenario, &[(29_000, all), (35_000, without_one)]);
}

#[test]
fn a_node_that_starts_with_nothing_is_reached_again() {
    fn new_life(world: &mut World, at: Instant) {
        let node = node(world, 3);
        assert!(world.get::<Incarnation>(node).expect("a life").0 > 20_000);
        send(world, at, 0, 3);
        send(world, at, 3, 0);
    }
    let mut faults = crash(20, 3);
    faults.push(Fault { at: Duration::from_secs(25), kind: FaultKind::Restart { nodes: Selection::Nodes(vec![3]), memory: false } });
    let scenario = Scenario { faults, ..routing(8, 48) };
    let received = observe::<DatagramReceived>(&scenario, &[(18_000, zero_to_three), (45_000, new_life)]);
    let mut who: Vec<u32> = received.iter().map(|(node, _)| *node).collect();
    who.sort_unstable();
    assert_eq!(who, [0, 3, 3]);
}

#[test]
fn it_makes_no_difference_how_many_threads_there_are() {
    let steps: [Step; 1] = [(14_000, |world, at| {
        let plan = world.resource::<Planned>().0.clone();
        let here: Vec<(Entity, u32)> = world.query::<(Entity, &Node)>().iter(world).map(|(entity, node)| (entity, node.ordinal)).collect();
        for (node, from) in here {
            let to = plan.ids[partner(from) as usize];
            world.write_message(SendTo { node, to, body: body(from, partner(from)), at });
        }
    })];
    let prepare = move |app: &mut App| perform(app, &steps);
    let digest = |threads| {
        let options = RunOptions { threads, prepare: Some(&prepare), ..RunOptions::default() };
        run(&routing(20, 16), &options).expect("a sound scenario").meta.digest
    };
    assert_eq!(digest(1), digest(3));
}
