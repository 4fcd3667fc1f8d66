//! Who was away catches up as fast as members pace what they send.

use std::time::Duration;

use murmuration::kernel::Instant;
use murmuration::mesh::chat::TextHeard;
use murmuration::mesh::topics::LOBBY;
use murmuration::scenario::{FaultKind, Selection};

use crate::chat::{fault, say, scenario};
use crate::harness::{Step, observe};

/// More than may be sent in a second: 256 messages of 48 KiB.
const TEXTS: usize = 1_200;

/// The time from the return of node 1 to the last of what was said while it was away.
fn catches_up(memory: bool) -> Duration {
    let mut script: Vec<Step> = Vec::new();
    for second in 0..12 {
        script.push((12_000 + second * 500, |world, at| {
            let text = "a".repeat(16_000);
            (0..TEXTS / 12).for_each(|_| say(world, at, 0, LOBBY, &text));
        }));
    }
    let mut scenario = scenario(2, 80);
    let nodes = Selection::Nodes(vec![1]);
    scenario.faults = vec![fault(10, FaultKind::Crash(nodes.clone())), fault(40, FaultKind::Restart { nodes, memory })];
    let heard = observe::<TextHeard>(&scenario, &script);
    let of_the_other: Vec<Instant> = heard.iter().filter(|(node, _)| *node == 1).map(|(_, heard)| heard.at).collect();
    assert_eq!(of_the_other.len(), TEXTS);
    of_the_other.iter().max().expect("it has some").since(Instant::ZERO + Duration::from_secs(40))
}

#[test]
fn what_does_not_fit_into_a_second_comes_in_the_next() {
    let took = catches_up(true);
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// What was sealed to keys that are gone must be asked for, text by text.
#[test]
fn who_has_lost_its_keys_is_told_many_texts_at_once() {
    let took = catches_up(false);
    assert!(took < Duration::from_secs(30), "{took:?}");
}
