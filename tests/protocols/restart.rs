//! Chat and what it stands on, when nodes begin again with what was on their disks, or with an older copy of it.

use bevy_ecs::prelude::*;
use murmuration::kernel::{Incarnation, Instant, Outgoing, Session, SessionPhase, Sessions};
use murmuration::mesh::admission::{AdmissionConfig, Invite};
use murmuration::mesh::chat::ForkSeen;
use murmuration::mesh::routing::{DatagramReceived, RoutingCounts, SendTo};
use murmuration::mesh::topics::LOBBY;
use murmuration::scenario::{FaultKind, Graph, Overlay, Selection, Start};
use murmuration::wire::chat::{EntryBody, LogId};
use murmuration::wire::routing::{DatagramBody, RoutingMessage};
use murmuration::wire::{NodeId, Payload, TopicId, WireMessage};

use crate::chat::{away, chat, everybody, fault, heard, id, join, say, say_to, scenario};
use crate::disk::{back_up, restore, restore_backup};
use crate::harness::{Step, node, observe};

fn lobby() -> TopicId {
    TopicId::of(LOBBY)
}

/// The logs that `of` has of what `author` says in the lobby, each with the number of its last entry.
fn logs(world: &mut World, of: u32, author: u32) -> Vec<(LogId, u64)> {
    let author = id(world, author);
    let all = chat(world, of).logs().of_topic(lobby());
    all.filter(|(log, _)| log.author == author).map(|(log, held)| (*log, held.last())).collect()
}

#[test]
fn a_node_that_comes_back_from_a_backup_begins_another_log_and_reaches_all() {
    let script: [Step; 7] = [
        (8_000, |world, at| say(world, at, 2, LOBBY, "before the backup")),
        (9_500, back_up),
        (10_000, |world, at| say(world, at, 2, LOBBY, "after the backup")),
        (20_000, |world, at| restore_backup(world, at, 2)),
        (20_100, |world, at| say(world, at, 2, LOBBY, "after the return")),
        (40_000, |world, at| say(world, at, 2, LOBBY, "later")),
        (59_000, |world, _| {
            let kept = logs(world, 2, 2);
            assert_eq!(kept.len(), 2, "the one that it had, and another: {kept:?}");
            (0..6).for_each(|of| assert_eq!(logs(world, of, 2), kept, "at node {of}"));
        }),
    ];
    let scenario = murmuration::scenario::Scenario { faults: away(2, 12, 20).to_vec(), ..scenario(6, 60) };
    let heard = heard(&scenario, &script);
    for text in ["before the backup", "after the return", "later"] {
        assert_eq!(heard[text], everybody(6), "{text}");
    }
    assert_eq!(heard["after the backup"], [0, 1, 2, 2, 3, 4, 5], "it hears what it had forgotten");
    assert_eq!(observe::<ForkSeen>(&scenario, &script).len(), 0, "it has signed no number twice");
}

#[test]
fn a_node_that_comes_back_says_nothing_before_it_has_compared_its_log_and_then_goes_on_in_it() {
    let script: [Step; 5] = [
        (8_000, |world, at| say(world, at, 2, LOBBY, "before")),
        (20_000, |world, at| restore(world, at, 2)),
        (21_000, |world, at| say(world, at, 2, LOBBY, "alone")),
        (39_000, |world, _| {
            assert_eq!((chat(world, 2).waiting(), chat(world, 0).waiting()), (1, 0));
            assert_eq!(logs(world, 2, 2), logs(world, 0, 2));
        }),
        (79_000, |world, _| {
            assert_eq!(chat(world, 2).waiting(), 0);
            assert_eq!(logs(world, 0, 2).len(), 1, "the same log");
        }),
    ];
    let mut scenario = scenario(6, 80);
    scenario.faults = away(2, 12, 20).to_vec();
    scenario.faults.insert(1, fault(15, FaultKind::Partition(vec![Selection::Nodes(vec![2])])));
    scenario.faults.push(fault(40, FaultKind::Heal));
    let heard = heard(&scenario, &script);
    assert_eq!(heard["alone"], everybody(6));
}

/// What it writes with is not on the disk: a message key that was used can never be used again.
#[test]
fn each_life_begins_new_epochs() {
    let script: [Step; 4] = [
        (8_000, |world, at| say(world, at, 2, LOBBY, "in one life")),
        (20_000, |world, at| restore(world, at, 2)),
        (30_000, |world, at| say(world, at, 2, LOBBY, "in another")),
        (39_000, |world, _| {
            let author = id(world, 2);
            let entries =
                chat(world, 0).logs().of_topic(lobby()).filter(|(log, _)| log.author == author).flat_map(|(_, log)| log.entries());
            let kinds: Vec<(char, u64, u64)> = entries
                .map(|entry| match entry.body {
                    EntryBody::Keys { epoch, .. } => ('k', epoch, 0),
                    EntryBody::Text { epoch, index, .. } => ('t', epoch, index),
                    EntryBody::Direct { .. } => ('d', 0, 0),
                })
                .collect();
            assert_eq!(kinds, [('k', 1, 0), ('t', 1, 0), ('k', 3, 0), ('t', 3, 0)]);
        }),
    ];
    let scenario = murmuration::scenario::Scenario { faults: away(2, 12, 20).to_vec(), ..scenario(4, 40) };
    assert_eq!(heard(&scenario, &script)["in another"], everybody(4));
}

#[test]
fn a_text_to_somebody_who_was_never_here_outlives_its_author_and_is_delivered() {
    let script: [Step; 4] = [
        (2_000, |world, at| {
            let node = node(world, 0);
            for target in 1..4 {
                let target = id(world, target);
                world.write_message(Invite { node, target, at });
            }
        }),
        (15_000, |world, at| say_to(world, at, 1, 3, "welcome")),
        (24_000, |world, at| restore(world, at, 1)),
        (39_000, |world, _| assert_eq!(chat(world, 1).waiting(), 1)),
    ];
    let mut scenario = scenario(4, 90);
    scenario.start = Start::Together { seeds: 1 };
    scenario.protocols.admission = Some(AdmissionConfig { invite_only: true, ..AdmissionConfig::default() });
    scenario.faults = vec![fault(0, FaultKind::Partition(vec![Selection::Nodes(vec![3])]))];
    scenario.faults.extend(away(1, 20, 24));
    scenario.faults.push(fault(40, FaultKind::Heal));
    assert_eq!(heard(&scenario, &script)["welcome"], [1, 3]);
}

#[test]
fn a_text_to_somebody_who_is_away_is_delivered_by_others_though_its_author_is_gone() {
    let mut scenario = scenario(6, 60);
    let one = |node| Selection::Nodes(vec![node]);
    scenario.faults = vec![
        fault(10, FaultKind::Crash(one(3))),
        fault(20, FaultKind::Crash(one(1))),
        fault(30, FaultKind::Restart { nodes: one(3), memory: true }),
    ];
    assert_eq!(heard(&scenario, &[(15_000, |world, at| say_to(world, at, 1, 3, "a letter"))])["a letter"], [1, 3]);
}

#[test]
fn who_subscribes_is_remembered_over_restarts_and_a_text_is_sealed_to_it_though_it_is_away() {
    fn sealed_to(world: &mut World) -> Vec<NodeId> {
        let author = id(world, 1);
        let logs = chat(world, 1).logs();
        let log = logs.newest(TopicId::of("birds"), author).and_then(|log| logs.get(&log)).expect("it has said something");
        let last =
            log.entries().filter_map(|entry| if let EntryBody::Keys { keys, .. } = &entry.body { Some(keys) } else { None }).next_back();
        last.expect("there are keys").iter().map(|key| key.reader).collect()
    }
    let script: [Step; 4] = [
        (8_000, |world, at| (1..4).for_each(|who| join(world, at, who, "birds"))),
        (22_000, |world, at| restore(world, at, 1)),
        (30_000, |world, at| say(world, at, 1, "birds", "a kestrel")),
        (31_000, |world, _| {
            let away = id(world, 3);
            assert!(chat(world, 1).subscribers(&TopicId::of("birds")).any(|member| *member == away));
            assert!(sealed_to(world).contains(&away));
            assert_eq!(chat(world, 3).texts().len(), 0);
        }),
    ];
    let mut scenario = scenario(5, 60);
    let one = Selection::Nodes(vec![3]);
    scenario.faults = vec![fault(15, FaultKind::Crash(one.clone()))];
    scenario.faults.extend(away(1, 18, 22));
    scenario.faults.push(fault(40, FaultKind::Restart { nodes: one, memory: true }));
    assert_eq!(heard(&scenario, &script)["a kestrel"], [1, 2, 3]);
}

/// What the relay, node 1, has passed on to node 2.
#[derive(Resource)]
struct Recorded(Outgoing);

fn raw(world: &mut World, at: Instant, text: &'static str) {
    let (node, to) = (node(world, 0), id(world, 2));
    world.write_message(SendTo { node, to, body: DatagramBody::Raw(Payload(text.as_bytes().into())), at });
}

#[test]
fn a_datagram_that_is_repeated_after_a_restart_of_its_target_is_not_taken_twice() {
    fn record(world: &mut World, _: Instant) {
        let relay = node(world, 1);
        let mut passed = world.resource_mut::<Messages<Outgoing>>();
        let all: Vec<Outgoing> = passed.drain().collect();
        passed.write_batch(all.clone());
        let of_relay = |message: &&Outgoing| world.get::<murmuration::kernel::SessionOf>(message.session).is_some_and(|of| of.0 == relay);
        let datagram = |message: &&Outgoing| matches!(message.message, WireMessage::Routing(RoutingMessage::Datagram(_)));
        if let Some(message) = all.iter().filter(of_relay).find(datagram) {
            world.insert_resource(Recorded(message.clone()));
        }
    }
    fn repeat(world: &mut World, at: Instant) {
        let (relay, target) = (node(world, 1), id(world, 2));
        let sessions: Vec<Entity> = world.get::<Sessions>(relay).expect("it has sessions").iter().collect();
        let open = |session: &Entity| {
            world.get::<Session>(*session).is_some_and(|it| it.phase == SessionPhase::Established && it.remote == Some(target))
        };
        let session = sessions.into_iter().find(open).expect("they are linked again");
        let message = world.resource::<Recorded>().0.message.clone();
        world.write_message(Outgoing { session, at, message });
    }
    let mut scenario = scenario(3, 60);
    scenario.protocols.chat = None;
    scenario.protocols.overlay = Overlay::Pinned(Graph::Edges(vec![(0, 1), (1, 2)]));
    scenario.faults = away(2, 20, 25).to_vec();
    let prepare = |app: &mut bevy_app::App| {
        let watch = |world: &mut World| record(world, Instant::ZERO);
        app.add_systems(
            murmuration::kernel::Tick,
            watch.after(murmuration::kernel::TickSystems::Protocols).before(murmuration::kernel::TickSystems::Seal),
        );
    };
    let script: [Step; 5] = [
        (15_000, |world, at| raw(world, at, "once")),
        (25_000, |world, at| restore(world, at, 2)),
        (40_000, |world, at| {
            let life = node(world, 2);
            assert!(world.get::<Incarnation>(life).expect("a life").0 >= 25_000);
            repeat(world, at);
        }),
        (45_000, |world, at| raw(world, at, "anew")),
        (50_000, |world, _| {
            let RoutingCounts { undeliverable, unbelieved, .. } = *world.resource();
            assert_eq!((undeliverable, unbelieved), (1, 1), "it came, was not opened, and its source does not send it again");
        }),
    ];
    let received = crate::harness::observe_with::<DatagramReceived>(&scenario, &script, &prepare);
    let bodies: Vec<(u32, DatagramBody)> = received.into_iter().map(|(node, it)| (node, it.body)).collect();
    let raw = |text: &str| DatagramBody::Raw(Payload(text.as_bytes().into()));
    assert_eq!(bodies, [(2, raw("once")), (2, raw("anew"))]);
}
