//! What a newcomer reads of what was said before it came, by the rule of its network.

use bevy_ecs::prelude::*;
use murmuration::kernel::Instant;
use murmuration::mesh::admission::{AdmissionConfig, Invite};
use murmuration::mesh::topics::LOBBY;
use murmuration::scenario::{Scenario, Start};
use murmuration::wire::admission::{PastRule, Rules};

use crate::chat::{chat, heard, id, join, say, say_to, scenario};
use crate::harness::{Step, node};

const NEWCOMER: u32 = 3;

/// Of four the last is invited at 25 s, when five texts have been said in the lobby and three in a topic that it joins.
fn with_newcomer(past: PastRule) -> Scenario {
    let rules = Rules { past, ..Rules::default() };
    let mut scenario = scenario(4, 90);
    scenario.start = Start::Together { seeds: 1 };
    scenario.protocols.admission = Some(AdmissionConfig { invite_only: true, rules, ..AdmissionConfig::default() });
    scenario
}

fn invite(world: &mut World, at: Instant, who: std::ops::Range<u32>) {
    let node = node(world, 0);
    for target in who {
        let target = id(world, target);
        world.write_message(Invite { node, target, at });
    }
}

const SCRIPT: [Step; 9] = [
    (2_000, |world, at| invite(world, at, 1..NEWCOMER)),
    (10_000, |world, at| (0..NEWCOMER).for_each(|who| join(world, at, who, "birds"))),
    (15_000, |world, at| (0..3).for_each(|number| say(world, at, number, LOBBY, &format!("early {number}")))),
    (16_000, |world, at| say_to(world, at, 0, 1, "between two")),
    (17_000, |world, at| (3..5).for_each(|number| say(world, at, 1, LOBBY, &format!("early {number}")))),
    (18_000, |world, at| (0..3).for_each(|number| say(world, at, 2, "birds", &format!("bird {number}")))),
    (25_000, |world, at| invite(world, at, NEWCOMER..4)),
    (40_000, |world, at| join(world, at, NEWCOMER, "birds")),
    (75_000, |world, at| {
        say(world, at, 1, LOBBY, "late");
        say(world, at, 1, "birds", "late bird");
    }),
];

/// What the newcomer has heard at the end, in order; `look` looks at the world then.
fn read(past: PastRule, look: fn(&mut World, Instant)) -> Vec<String> {
    let script: Vec<Step> = SCRIPT.into_iter().chain([(89_000, look as _)]).collect();
    let heard = heard(&with_newcomer(past), &script);
    assert!(heard.values().all(|who| who.windows(2).all(|pair| pair[0] != pair[1])), "each hears a text once");
    assert_eq!(heard["early 4"][..3], [0, 1, 2]);
    heard.into_iter().filter(|(_, who)| who.contains(&NEWCOMER)).map(|(text, _)| text).collect()
}

#[test]
fn by_the_rule_of_nothing_a_newcomer_reads_what_is_said_from_then_on_and_waits_for_nothing() {
    let read = read(PastRule::Nothing, |world, _| {
        let entries = |world: &mut World, of| chat(world, of).logs().iter().map(|(_, log)| log.last()).sum::<u64>();
        assert_eq!(entries(world, NEWCOMER), entries(world, 0), "it has everything, and cannot read it");
        assert_eq!(chat(world, NEWCOMER).locked(), 0, "it does not ask for what nobody may tell it");
        assert_eq!((0..3).map(|of| chat(world, of).counts().not_shared).sum::<u64>(), 0);
    });
    assert_eq!(read, ["late", "late bird"]);
}

#[test]
fn by_the_rule_of_the_last_two_a_newcomer_reads_the_last_two_of_each_topic() {
    let read = read(PastRule::Last(2), |world, _| {
        assert_eq!(chat(world, NEWCOMER).counts().false_texts, 0);
        assert_eq!(chat(world, NEWCOMER).locked(), 0, "it does not wait for what came before them");
    });
    assert_eq!(read, ["bird 1", "bird 2", "early 3", "early 4", "late", "late bird"]);
}

#[test]
fn by_the_rule_of_all_a_newcomer_reads_everything_but_what_was_between_others() {
    let read = read(PastRule::All, |world, _| assert_eq!(chat(world, NEWCOMER).locked(), 0));
    let texts = ["bird 0", "bird 1", "bird 2", "early 0", "early 1", "early 2", "early 3", "early 4", "late", "late bird"];
    assert_eq!(read, texts);
}
