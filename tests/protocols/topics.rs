//! Topics: what is refused, what leaving and joining again does, and what is counted.

use std::collections::BTreeMap;
use std::time::Duration;

use bevy_ecs::prelude::*;
use murmuration::kernel::Instant;
use murmuration::mesh::membership::KeyChanged;
use murmuration::mesh::topics::{
    LOBBY, LeaveTopic, MAX_SUBSCRIPTIONS, MAX_TOPICS, PublishTo, SubscriptionChanged, TopicCounts, TopicDelivered, TopicError,
    TopicRefused, Topics,
};
use murmuration::scenario::{Graph, Overlay, Scenario};
use murmuration::wire::{NodeId, Payload, TopicId};

use crate::chat::{id, join};
use crate::harness::{Step, node, observe};

/// In a line.
fn scenario(nodes: u32, seconds: u64) -> Scenario {
    let mut scenario = crate::chat::scenario(nodes, seconds);
    scenario.protocols.chat = None;
    scenario.protocols.overlay = Overlay::Pinned(Graph::Edges((1..nodes).map(|node| (node - 1, node)).collect()));
    scenario
}

fn topics(world: &mut World, ordinal: u32) -> &Topics {
    let node = node(world, ordinal);
    world.get::<Topics>(node).expect("it has topics")
}

fn leave(world: &mut World, at: Instant, who: u32, topic: &str) {
    let node = node(world, who);
    world.write_message(LeaveTopic { node, name: topic.to_owned(), at });
}

fn publish(world: &mut World, at: Instant, who: u32, topic: &str, text: &str) {
    let node = node(world, who);
    world.write_message(PublishTo { node, topic: TopicId::of(topic), payload: Payload(text.as_bytes().into()), at });
}

fn refused(scenario: &Scenario, script: &[Step]) -> Vec<(u32, Option<String>, TopicError)> {
    observe::<TopicRefused>(scenario, script).into_iter().map(|(node, it)| (node, it.name, it.reason)).collect()
}

#[test]
fn a_node_subscribes_to_so_many_topics_and_no_more_until_it_leaves_one() {
    let script: [Step; 6] = [
        (5_000, |world, at| (0..MAX_SUBSCRIPTIONS).for_each(|number| join(world, at, 0, &format!("topic{number}")))),
        (6_000, |world, at| join(world, at, 0, "topic0")),
        (7_000, |world, at| join(world, at, 0, "one-more")),
        (8_000, |world, at| leave(world, at, 0, "topic7")),
        (9_000, |world, at| join(world, at, 0, "another")),
        (20_000, |world, _| {
            let all: Vec<String> = topics(world, 0).subscriptions().map(str::to_owned).collect();
            assert_eq!(all.len(), MAX_SUBSCRIPTIONS + 1, "with the lobby");
            assert!(all.iter().any(|name| name == "another") && !all.iter().any(|name| name == "topic7" || name == "one-more"));
            // The others know it: each takes a key of its namespace.
            assert_eq!(topics(world, 1).list().count(), MAX_SUBSCRIPTIONS);
        }),
    ];
    assert_eq!(refused(&scenario(2, 21), &script), [(0, Some("one-more".to_owned()), TopicError::TooMany)]);
}

/// Members that are not there subscribe to more topics than are listed.
#[test]
fn of_topics_that_others_subscribe_to_a_bounded_number_is_known() {
    fn flood(world: &mut World, at: Instant) {
        let node = node(world, 0);
        for number in 0..MAX_TOPICS + 100 {
            let member = NodeId(std::array::from_fn(|place| if place < 4 { (number as u32 / 32).to_le_bytes()[place] } else { 9 }));
            world.write_message(KeyChanged { node, member, key: format!("topic/t{number}").into(), value: Some([].into()), at });
        }
    }
    let script: [Step; 5] = [
        (5_000, flood),
        (6_000, |world, at| {
            assert_eq!(topics(world, 0).list().count(), MAX_TOPICS);
            join(world, at, 0, "mine");
        }),
        (7_000, |world, at| {
            assert!(topics(world, 0).is_subscribed(&TopicId::of("mine")), "its own it joins all the same");
            let (node, member) = (node(world, 0), NodeId([1; 32]));
            let mut say = |key: &str, value: Option<Box<[u8]>>| {
                world.write_message(KeyChanged { node, member, key: key.into(), value, at });
            };
            say("topic/t1", Some([].into()));
            say("topic/", Some([].into()));
            say("topic/two words", Some([].into()));
            say("topic/lobby", Some([].into()));
            say("topic/beyond", Some([].into()));
            say("topic/beyond", None);
        }),
        (8_000, |world, _| {
            let topics = topics(world, 0);
            assert_eq!((topics.list().count(), topics.subscribers(&TopicId::of("t1")).count()), (MAX_TOPICS + 1, 2));
            assert_eq!(topics.name(&TopicId::of("beyond")), None);
            assert_eq!(topics.subscribers(&TopicId::of(LOBBY)).count(), 0);
        }),
        (8_500, |_, _| {}),
    ];
    assert_eq!(refused(&scenario(2, 9), &script), []);
}

#[test]
fn what_cannot_be_done_in_a_topic_is_refused_and_said() {
    let script: [Step; 1] = [(5_000, |world, at| {
        join(world, at, 0, "two words");
        join(world, at, 0, "");
        join(world, at, 0, LOBBY);
        leave(world, at, 0, LOBBY);
        leave(world, at, 0, "birds");
        publish(world, at, 0, "birds", "not subscribed");
        publish(world, at, 0, LOBBY, &"x".repeat(100_000));
    })];
    let reasons: Vec<TopicError> = refused(&scenario(2, 6), &script).into_iter().map(|(_, _, reason)| reason).collect();
    let expected = [
        TopicError::BadName,
        TopicError::BadName,
        TopicError::Lobby,
        TopicError::NotSubscribed,
        TopicError::NotSubscribed,
        TopicError::TooLong,
    ];
    assert_eq!(reasons, expected);
}

/// In a line 0 - 1 - 2 - 3 the ends subscribe, one of them leaves and comes back.
const COMINGS_AND_GOINGS: [Step; 12] = [
    (5_000, |world, at| [0, 3].into_iter().for_each(|who| join(world, at, who, "birds"))),
    (14_000, |world, _| {
        assert!([1, 2].into_iter().all(|who| topics(world, who).is_relay(&TopicId::of("birds"))));
    }),
    (15_000, |world, at| publish(world, at, 0, "birds", "one")),
    (20_000, |world, at| leave(world, at, 3, "birds")),
    (29_000, |world, _| {
        let birds = TopicId::of("birds");
        assert!(
            (1..4).all(|who| !topics(world, who).is_relay(&birds) && topics(world, who).counts(&birds).is_none()),
            "nobody relays for one"
        );
        assert_eq!(topics(world, 1).list().collect::<Vec<_>>(), [("birds", 1)]);
    }),
    (30_000, |world, at| publish(world, at, 0, "birds", "two")),
    (31_000, |world, at| publish(world, at, 3, "birds", "not any more")),
    (35_000, |world, at| join(world, at, 3, "birds")),
    (45_000, |world, at| publish(world, at, 0, "birds", "three")),
    (46_000, |world, at| publish(world, at, 3, "birds", "four")),
    (52_000, |world, at| [0, 3].into_iter().for_each(|who| leave(world, at, who, "birds"))),
    (59_000, |world, _| assert!((0..4).all(|who| topics(world, who).list().count() == 0), "a topic that nobody subscribes to is none")),
];

/// It begins with nothing when it joins again: what the others still keep it hears once more.
#[test]
fn who_has_left_hears_nothing_until_it_joins_again_and_relays_are_told_nothing() {
    let delivered = observe::<TopicDelivered>(&scenario(4, 60), &COMINGS_AND_GOINGS);
    let birds: Vec<_> = delivered.into_iter().filter(|(_, it)| it.topic == TopicId::of("birds")).collect();
    assert!(birds.iter().all(|(_, it)| it.hops == 3), "over both relays");
    let heard = |who: u32, from: u64, to: u64| {
        let (from, to) = (Instant::ZERO + Duration::from_secs(from), Instant::ZERO + Duration::from_secs(to));
        let of = birds.iter().filter(move |(node, it)| *node == who && (from..to).contains(&it.at));
        of.map(|(_, it)| String::from_utf8_lossy(&it.rumor.payload.0).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(heard(3, 0, 20), ["one"]);
    assert_eq!(heard(3, 20, 35), [""; 0]);
    assert_eq!(heard(3, 35, 45), ["one", "two"]);
    assert_eq!(heard(3, 45, 60), ["three"]);
    assert_eq!(heard(0, 0, 60), ["four"]);
    assert_eq!(heard(1, 0, 60).len() + heard(2, 0, 60).len(), 0);
    assert_eq!(refused(&scenario(4, 60), &COMINGS_AND_GOINGS), [(3, Some("birds".to_owned()), TopicError::NotSubscribed)]);
}

#[test]
fn a_change_of_subscription_is_told_to_each_once() {
    let told = observe::<SubscriptionChanged>(&scenario(4, 60), &COMINGS_AND_GOINGS);
    let mut all: BTreeMap<(u32, NodeId), Vec<bool>> = BTreeMap::new();
    for (node, SubscriptionChanged { member, subscribed, .. }) in told {
        all.entry((node, member)).or_default().push(subscribed);
    }
    for node in 0..4 {
        let mut of: Vec<&Vec<bool>> = all.iter().filter(|((at, _), _)| *at == node).map(|(_, changes)| changes).collect();
        of.sort_by_key(|changes| changes.len());
        assert_eq!(of, [&vec![true, false], &vec![true, false, true, false]], "at node {node}");
    }
}

#[test]
fn what_a_node_does_in_a_topic_is_counted() {
    fn look(world: &mut World, _: Instant) {
        let counts = |world: &mut World, who| topics(world, who).counts(&TopicId::of("birds")).expect("it takes part");
        let said = |published, delivered| TopicCounts { published, delivered, redundant: 0 };
        assert_eq!((0..4).map(|who| counts(world, who)).collect::<Vec<_>>(), [said(2, 1), said(0, 3), said(0, 3), said(1, 2)]);
        let (birds, known) = (TopicId::of("birds"), id(world, 3));
        assert_eq!(topics(world, 1).subscribers(&birds).count(), 2, "relays know for whom");
        assert_eq!(topics(world, 0).subscribers(&birds).copied().collect::<Vec<_>>(), [known]);
    }
    let script: [Step; 4] = [
        (5_000, |world, at| [0, 3].into_iter().for_each(|who| join(world, at, who, "birds"))),
        (15_000, |world, at| ["one", "two"].into_iter().for_each(|text| publish(world, at, 0, "birds", text))),
        (16_000, |world, at| publish(world, at, 3, "birds", "three")),
        (18_000, look),
    ];
    assert_eq!(refused(&scenario(4, 19), &script), []);
}
