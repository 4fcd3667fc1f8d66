//! Texts that wait, and that nobody will ever read.

use bevy_ecs::prelude::*;
use murmuration::kernel::Instant;
use murmuration::mesh::admission::{AdmissionConfig, Invite, Revoke};
use murmuration::mesh::chat::NotSaid;
use murmuration::mesh::topics::{LOBBY, LeaveTopic};
use murmuration::scenario::{FaultKind, Selection, Start};
use murmuration::wire::chat::EntryBody;

use crate::chat::{chat, fault, id, join, say, say_to, scenario};
use crate::disk::restore;
use crate::harness::{node, observe};

fn invite(world: &mut World, at: Instant, target: u32) {
    let (node, target) = (node(world, 0), id(world, target));
    world.write_message(Invite { node, target, at });
}

#[test]
fn what_waits_for_somebody_who_is_revoked_meanwhile_is_not_said() {
    let mut scenario = scenario(4, 60);
    scenario.start = Start::Together { seeds: 1 };
    scenario.protocols.admission = Some(AdmissionConfig { invite_only: true, ..AdmissionConfig::default() });
    scenario.faults = vec![
        fault(10, FaultKind::Partition(vec![Selection::Nodes(vec![2])])),
        fault(12, FaultKind::Crash(Selection::Nodes(vec![2]))),
        fault(20, FaultKind::Restart { nodes: Selection::Nodes(vec![2]), memory: false }),
        fault(30, FaultKind::Heal),
    ];
    let not_said = observe::<NotSaid>(
        &scenario,
        &[
            (1_000, |world, at| (1..4).for_each(|who| invite(world, at, who))),
            (8_000, |world, at| say(world, at, 2, LOBBY, "so that it has a log")),
            (14_000, |world, at| {
                let (node, target) = (node(world, 0), id(world, 3));
                world.write_message(Revoke { node, target, at });
            }),
            // It knows where it stopped only when another has told; until then everything waits.
            (20_000, |world, at| restore(world, at, 2)),
            (20_500, |world, at| say_to(world, at, 2, 3, "for your eyes")),
            (59_000, |world, _| {
                let author = id(world, 2);
                let of_all = chat(world, 0);
                let logs = of_all.logs().iter().filter(|(log, _)| log.author == author);
                let directs = logs.flat_map(|(_, log)| log.entries()).filter(|entry| matches!(entry.body, EntryBody::Direct { .. }));
                assert_eq!(directs.count(), 0);
                assert_eq!(chat(world, 2).waiting(), 0);
            }),
        ],
    );
    let texts: Vec<(u32, &[u8])> = not_said.iter().map(|(node, message)| (*node, &*message.text)).collect();
    assert_eq!(texts, [(2, &b"for your eyes"[..])]);
}

#[test]
fn what_waits_for_a_topic_that_is_left_is_not_said() {
    let not_said = observe::<NotSaid>(
        &scenario(3, 30),
        &[
            (8_000, |world, at| join(world, at, 1, "birds")),
            (9_000, |world, at| say(world, at, 1, "birds", "anybody?")),
            (12_000, |world, at| {
                assert_eq!(chat(world, 1).waiting(), 1, "nobody else subscribes");
                let node = node(world, 1);
                world.write_message(LeaveTopic { node, name: "birds".to_owned(), at });
            }),
            (15_000, |world, _| assert_eq!(chat(world, 1).waiting(), 0)),
        ],
    );
    assert_eq!(not_said.len(), 1);
}
