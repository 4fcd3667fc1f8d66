//! Chat, topics and what they stand on, over links with latency.

use std::collections::BTreeMap;
use std::time::Duration;

use bevy_ecs::prelude::*;
use murmuration::kernel::{AccessList, Contact, Instant};
use murmuration::mesh::admission::{AdmissionConfig, Invite, Revoke};
use murmuration::mesh::chat::{Chat, Say, SayTo, TextHeard};
use murmuration::mesh::topics::{JoinTopic, LOBBY};
use murmuration::scenario::{Fault, FaultKind, Latency, LinkSpec, Network, Protocols, Scenario, Selection, Start};
use murmuration::wire::admission::{PastRule, Rules};
use murmuration::wire::chat::EntryBody;
use murmuration::wire::{NodeId, TopicId};

use crate::harness::{Step, node, observe};

pub fn scenario(nodes: u32, seconds: u64) -> Scenario {
    let link = LinkSpec { latency: Latency::Constant(Duration::from_millis(20)), ..LinkSpec::default() };
    let protocols = Protocols {
        prekeys: Some(Default::default()),
        routing: Some(Default::default()),
        topics: Some(Default::default()),
        chat: Some(Default::default()),
        ..Protocols::default()
    };
    Scenario { network: Network { link, ..Network::default() }, protocols, ..Scenario::new("chat", nodes, Duration::from_secs(seconds)) }
}

pub fn say(world: &mut World, at: Instant, from: u32, topic: &str, text: &str) {
    let node = node(world, from);
    world.write_message(Say { node, topic: TopicId::of(topic), text: text.as_bytes().into(), at });
}

pub fn say_to(world: &mut World, at: Instant, from: u32, to: u32, text: &str) {
    let (node, to) = (node(world, from), id(world, to));
    world.write_message(SayTo { node, to, text: text.as_bytes().into(), at });
}

pub fn id(world: &mut World, ordinal: u32) -> NodeId {
    let node = node(world, ordinal);
    world.get::<Contact>(node).expect("it has a contact").id
}

pub fn chat(world: &mut World, ordinal: u32) -> &Chat {
    let node = node(world, ordinal);
    world.get::<Chat>(node).expect("it has chat")
}

pub fn fault(seconds: u64, kind: FaultKind) -> Fault {
    Fault { at: Duration::from_secs(seconds), kind }
}

/// It crashes, and starts with nothing later.
pub fn away(node: u32, from: u64, to: u64) -> [Fault; 2] {
    let nodes = Selection::Nodes(vec![node]);
    [fault(from, FaultKind::Crash(nodes.clone())), fault(to, FaultKind::Restart { nodes, memory: false })]
}

pub fn join(world: &mut World, at: Instant, who: u32, topic: &str) {
    let node = node(world, who);
    world.write_message(JoinTopic { node, name: topic.to_owned(), at });
}

/// Who heard what, by text: each as often as it was told.
pub fn heard(scenario: &Scenario, script: &[Step]) -> BTreeMap<String, Vec<u32>> {
    let mut all: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (ordinal, TextHeard { text, .. }) in observe::<TextHeard>(scenario, script) {
        all.entry(String::from_utf8_lossy(&text.text).into_owned()).or_default().push(ordinal);
    }
    all.values_mut().for_each(|who| who.sort_unstable());
    all
}

pub fn everybody(nodes: u32) -> Vec<u32> {
    (0..nodes).collect()
}

#[test]
fn what_is_said_in_the_lobby_is_read_by_all_once() {
    let heard = heard(
        &scenario(8, 30),
        &[
            (10_000, |world, at| say(world, at, 0, LOBBY, "first")),
            (10_500, |world, at| say(world, at, 7, LOBBY, "second")),
            (11_000, |world, at| say(world, at, 0, LOBBY, "third")),
        ],
    );
    assert_eq!(heard["first"], everybody(8));
    assert_eq!(heard["second"], everybody(8));
    assert_eq!(heard["third"], everybody(8));
}

#[test]
fn what_is_said_before_anybody_is_there_waits_and_is_delivered() {
    let heard = heard(&scenario(3, 30), &[(0, |world, at| say(world, at, 1, LOBBY, "early"))]);
    assert_eq!(heard["early"], everybody(3));
}

#[test]
fn a_direct_text_is_read_by_its_recipient_only() {
    let heard = heard(&scenario(8, 30), &[(10_000, |world, at| say_to(world, at, 2, 5, "for you"))]);
    assert_eq!(heard["for you"], [2, 5]);
}

#[test]
fn a_topic_is_read_by_its_subscribers_though_others_lie_between() {
    let heard = heard(
        &scenario(16, 40),
        &[
            (8_000, |world, at| [1, 6, 11, 14].into_iter().for_each(|who| join(world, at, who, "birds"))),
            (15_000, |world, at| say(world, at, 6, "birds", "a kestrel")),
            (16_000, |world, at| say(world, at, 3, "birds", "not subscribed")),
        ],
    );
    assert_eq!(heard["a kestrel"], [1, 6, 11, 14]);
    assert!(!heard.contains_key("not subscribed"));
}

#[test]
fn who_was_away_reads_what_was_said_meanwhile() {
    let mut scenario = scenario(8, 60);
    scenario.faults = vec![
        fault(10, FaultKind::Crash(Selection::Nodes(vec![4]))),
        fault(40, FaultKind::Restart { nodes: Selection::Nodes(vec![4]), memory: true }),
    ];
    let heard = heard(&scenario, &[(25_000, |world, at| say(world, at, 0, LOBBY, "while you slept"))]);
    assert_eq!(heard["while you slept"], everybody(8));
}

#[test]
fn who_comes_later_is_told_what_was_said_before() {
    let mut scenario = scenario(6, 60);
    scenario.faults = vec![
        fault(10, FaultKind::Crash(Selection::Nodes(vec![4]))),
        fault(40, FaultKind::Restart { nodes: Selection::Nodes(vec![4]), memory: false }),
    ];
    let heard = heard(
        &scenario,
        &[(8_000, |world, at| say(world, at, 4, LOBBY, "my own words")), (25_000, |world, at| say(world, at, 0, LOBBY, "before you came"))],
    );
    assert_eq!(heard["before you came"], everybody(6));
    // It hears again what it had said itself, in the life that it has forgotten.
    assert_eq!(heard["my own words"], [0, 1, 2, 3, 4, 4, 5]);
}

#[test]
fn both_sides_of_a_partition_read_all_when_it_has_healed() {
    let mut scenario = scenario(10, 90);
    scenario.faults =
        vec![fault(10, FaultKind::Partition(vec![Selection::Range(0, 5), Selection::Range(5, 10)])), fault(40, FaultKind::Heal)];
    let heard = heard(
        &scenario,
        &[
            (25_000, |world, at| say(world, at, 0, LOBBY, "left")),
            (25_500, |world, at| say(world, at, 9, LOBBY, "right")),
            (30_000, |world, at| say(world, at, 9, LOBBY, "right again")),
        ],
    );
    for text in ["left", "right", "right again"] {
        assert_eq!(heard[text], everybody(10), "{text}");
    }
}

#[test]
fn a_text_costs_one_entry_whatever_the_size_of_the_group() {
    let heard = heard(
        &scenario(12, 30),
        &[
            (10_000, |world, at| (0..20).for_each(|number| say(world, at, 0, LOBBY, &format!("text {number}")))),
            (25_000, |world, _| {
                let node = node(world, 5);
                let (chat, access) = (world.get::<Chat>(node).unwrap(), world.get::<AccessList>(node).unwrap());
                let (_, log) = chat.logs().iter().next().unwrap();
                let keys = log.entries().filter(|entry| matches!(entry.body, EntryBody::Keys { .. })).count();
                assert_eq!((keys, log.last()), (1, 21));
                let text = chat.texts().iter().next().unwrap();
                assert_eq!(chat.delivered_to(&text.id, access), 12);
            }),
        ],
    );
    assert_eq!(heard.len(), 20);
}

/// The founder invites them.
fn invite(world: &mut World, at: Instant, who: std::ops::Range<u32>) {
    let node = node(world, 0);
    for target in who {
        let target = id(world, target);
        world.write_message(Invite { node, target, at });
    }
}

/// How many of its readers have the text that says `what`, as far as its author knows.
fn delivered(world: &mut World, author: u32, what: &str) -> usize {
    let node = node(world, author);
    let access = world.get::<AccessList>(node).expect("it knows who is a member");
    let chat = world.get::<Chat>(node).expect("it has chat");
    let text = chat.texts().iter().find(|text| *text.text == *what.as_bytes()).expect("it was said");
    chat.delivered_to(&text.id, access)
}

#[test]
fn a_direct_text_is_delivered_when_its_recipient_has_it_and_not_when_others_pass_it_on() {
    let mut scenario = scenario(6, 70);
    scenario.faults = vec![
        fault(10, FaultKind::Crash(Selection::Nodes(vec![4]))),
        fault(45, FaultKind::Restart { nodes: Selection::Nodes(vec![4]), memory: true }),
    ];
    let heard = heard(
        &scenario,
        &[
            (15_000, |world, at| say_to(world, at, 0, 4, "for you")),
            (16_000, |world, at| say(world, at, 0, LOBBY, "for all")),
            (40_000, |world, _| assert_eq!((delivered(world, 0, "for you"), delivered(world, 0, "for all")), (1, 5))),
            (65_000, |world, _| {
                assert_eq!((delivered(world, 0, "for you"), delivered(world, 0, "for all")), (2, 6));
                assert_eq!(delivered(world, 4, "for you"), 2, "its reader knows so too");
            }),
        ],
    );
    assert_eq!(heard["for you"], [0, 4]);
}

#[test]
fn who_is_revoked_counts_no_more_among_those_who_have_a_text() {
    let mut scenario = scenario(4, 50);
    scenario.start = Start::Together { seeds: 1 };
    scenario.protocols.admission = Some(AdmissionConfig { invite_only: true, ..AdmissionConfig::default() });
    heard(
        &scenario,
        &[
            (2_000, |world, at| invite(world, at, 1..4)),
            (15_000, |world, at| say(world, at, 0, LOBBY, "to four")),
            (30_000, |world, at| {
                assert_eq!(delivered(world, 0, "to four"), 4);
                let (node, target) = (node(world, 0), id(world, 3));
                world.write_message(Revoke { node, target, at });
            }),
            (45_000, |world, _| assert_eq!(delivered(world, 0, "to four"), 3)),
        ],
    );
}

/// Of those who have the entry only the founder can read it, and may tell it to its author.
#[test]
fn what_only_one_member_can_tell_is_asked_of_each_in_turn() {
    let rules = Rules { past: PastRule::Nothing, ..Rules::default() };
    let mut scenario = scenario(10, 70);
    scenario.start = Start::Together { seeds: 1 };
    scenario.protocols.admission = Some(AdmissionConfig { invite_only: true, rules, ..AdmissionConfig::default() });
    scenario.faults = away(1, 40, 50).to_vec();
    let heard = heard(
        &scenario,
        &[
            (2_000, |world, at| invite(world, at, 1..2)),
            (12_000, |world, at| say(world, at, 1, LOBBY, "between us")),
            (15_000, |world, at| invite(world, at, 2..10)),
            (39_000, |world, _| {
                assert!((2..10).all(|who| chat(world, who).logs().iter().count() == 1), "they have the entry");
                assert!((2..10).all(|who| chat(world, who).locked() == 0), "and do not ask for what nobody may tell them");
            }),
        ],
    );
    assert_eq!(heard["between us"], [0, 1, 1]);
}
