//! What is remembered of those who have gone for good.

use bevy_ecs::prelude::*;
use murmuration::kernel::{AddressBook, Prekeys};
use murmuration::mesh::topics::LOBBY;
use murmuration::scenario::{FaultKind, Selection};
use murmuration::wire::TopicId;

use crate::chat::{chat, fault, id, join, say, scenario};
use crate::harness::{node, observe};

/// Whether the first node remembers that `who` subscribes, and holds what it said.
fn known(world: &mut World, who: u32) -> (bool, bool) {
    let (birds, who) = (TopicId::of("birds"), id(world, who));
    let chat = chat(world, 0);
    let said = chat.logs().iter().any(|(log, _)| log.author == who);
    (chat.subscribers(&birds).any(|other| *other == who), said)
}

#[test]
fn of_whoever_cannot_be_written_to_any_more_only_what_it_said_stays() {
    let mut scenario = scenario(4, 70);
    scenario.faults = vec![fault(15, FaultKind::Crash(Selection::Nodes(vec![2, 3])))];
    observe::<murmuration::mesh::chat::TextHeard>(
        &scenario,
        &[
            (8_000, |world, at| (1..4).for_each(|who| join(world, at, who, "birds"))),
            (8_001, |world, at| join(world, at, 0, "birds")),
            (10_000, |world, at| say(world, at, 2, LOBBY, "remember me")),
            (40_000, |world, _| {
                assert_eq!(known(world, 2), (true, true), "it may come back");
                // As when ever new members have pushed it out.
                let (node, gone) = (node(world, 0), id(world, 2));
                world.get_mut::<Prekeys>(node).expect("it has prekeys").others.swap_remove(&gone);
                world.get_mut::<AddressBook>(node).expect("it has a book").remove(&gone);
            }),
            (65_000, |world, _| {
                assert_eq!(known(world, 2), (false, true));
                assert_eq!(known(world, 3), (true, false), "its prekey is known: it may come back");
                assert_eq!(known(world, 1), (true, false));
            }),
        ],
    );
}
