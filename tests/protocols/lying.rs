//! Members who lie in what they tell about logs, or ask without end.

use std::sync::Arc;

use bevy_ecs::prelude::*;
use murmuration::crypto::{Commitment, Signature};
use murmuration::kernel::{Instant, Keys, NetworkTag};
use murmuration::mesh::chat::{ChatConfig, ChatCounts, ForkSeen};
use murmuration::mesh::routing::{DatagramReceived, SendTo};
use murmuration::mesh::topics::LOBBY;
use murmuration::scenario::{FaultKind, Selection};
use murmuration::wire::chat::{EntryBody, EntryHash, EntryId, Head, LogEntry, LogId, SyncMessage};
use murmuration::wire::routing::DatagramBody;
use murmuration::wire::{NodeId, TopicId};

use crate::chat::{chat, everybody, fault, heard, id, say, scenario};
use crate::harness::{Step, node, observe};

fn tell(world: &mut World, at: Instant, from: u32, to: u32, message: SyncMessage) {
    let (node, to) = (node(world, from), id(world, to));
    world.write_message(SendTo { node, to, body: DatagramBody::Sync(message), at });
}

fn heads(heads: Vec<Head>) -> SyncMessage {
    SyncMessage::Heads { topic: TopicId::of(LOBBY), from: NodeId([0; 32]), to: NodeId([0xff; 32]), heads, answer: false }
}

/// The log of `author` in the lobby, as `of` has it.
fn log(world: &mut World, of: u32, author: u32) -> LogId {
    let author = id(world, author);
    chat(world, of).logs().newest(TopicId::of(LOBBY), author).expect("it has said something")
}

fn counts(world: &mut World, nodes: u32) -> Vec<ChatCounts> {
    (0..nodes).map(|of| chat(world, of).counts()).collect()
}

#[test]
fn a_fork_that_no_entry_shows_accuses_nobody() {
    /// Node 1 says that all logs have gone another way, also beyond their ends, and in earlier lives.
    fn accuse(world: &mut World, at: Instant) {
        let logs: Vec<LogId> = chat(world, 1).logs().of_topic(TopicId::of(LOBBY)).map(|(log, _)| *log).collect();
        let head = |log: &LogId, life, last| Head { author: log.author, life, first: 1, last, hash: EntryHash([7; 32]) };
        let lies = logs.iter().flat_map(|log| [head(log, log.life, 2), head(log, log.life - 1, 9), head(log, log.life, 99)]);
        tell(world, at, 1, 2, heads(lies.collect()));
    }
    let script: [Step; 4] = [
        (8_000, |world, at| say(world, at, 0, LOBBY, "mine")),
        (12_000, accuse),
        (15_000, |world, at| say(world, at, 0, LOBBY, "still mine")),
        (28_000, |world, _| {
            assert!(counts(world, 4).iter().all(|counts| (counts.forked, counts.forged) == (0, 0)));
            assert!((0..4).all(|of| chat(world, of).logs().iter().all(|(_, log)| !log.forked)));
        }),
    ];
    let scenario = scenario(4, 30);
    assert_eq!(observe::<ForkSeen>(&scenario, &script).len(), 0);
    assert_eq!(heard(&scenario, &script)["still mine"], everybody(4));
}

#[test]
fn two_entries_of_one_number_show_at_whoever_has_either() {
    /// Node 0 tells two of the others each something else.
    fn fork(world: &mut World, at: Instant) {
        let author = node(world, 0);
        let id = EntryId { log: LogId { topic: TopicId::of(LOBBY), author: id(world, 0), life: 1 }, sequence: 1 };
        for (to, epoch) in [(1, 1), (2, 2)] {
            let body = EntryBody::Keys { epoch, keys: Vec::new() };
            let entry = LogEntry { id, previous: EntryHash::default(), clock: 1, time: 1, body, signature: Signature([0; 64]) };
            let (keys, network) = (world.get::<Keys>(author).expect("keys"), world.get::<NetworkTag>(author).expect("a network"));
            let entry = Arc::new(LogEntry::sign(&keys.0, &network.0, entry));
            tell(world, at, 0, to, SyncMessage::Entries { entries: vec![entry], more: false });
        }
    }
    let seen = observe::<ForkSeen>(&scenario(4, 60), &[(10_000, fork)]);
    let mut who: Vec<u32> = seen.iter().map(|(node, _)| *node).collect();
    who.sort_unstable();
    assert!([1, 2].iter().all(|node| who.contains(node)), "{who:?}");
    who.dedup();
    assert_eq!(who.len(), seen.len(), "each says so once");
}

#[test]
fn forks_do_not_stand_in_the_way_of_what_is_missing() {
    /// Node 0 has as many logs as an author may, each with another long end for everybody.
    fn fork(world: &mut World, at: Instant) {
        let author = node(world, 0);
        for (from, to, says) in [(1, 0, 9), (0, 1, 1), (0, 2, 2), (0, 3, 3)] {
            for life in 1..=16 {
                let id = EntryId { log: LogId { topic: TopicId::of(LOBBY), author: id(world, 0), life }, sequence: 1 };
                let body = EntryBody::Text { epoch: 1, index: 0, commitment: Commitment([0; 32]), ciphertext: [says; 16_384].into() };
                let entry = LogEntry { id, previous: EntryHash::default(), clock: 1, time: 1, body, signature: Signature([0; 64]) };
                let (keys, network) = (world.get::<Keys>(author).expect("keys"), world.get::<NetworkTag>(author).expect("a network"));
                let entry = Arc::new(LogEntry::sign(&keys.0, &network.0, entry));
                tell(world, at, from, to, SyncMessage::Entries { entries: vec![entry], more: false });
            }
        }
    }
    let script: [Step; 4] = [
        (8_000, fork),
        // More than the tree keeps, so that only a comparison of logs brings it.
        (22_000, |world, at| say(world, at, 1, LOBBY, "missed")),
        (23_000, |world, at| (0..160).for_each(|_| say(world, at, 1, LOBBY, &"a".repeat(16_000)))),
        (69_000, |world, _| {
            assert!(counts(world, 4)[1..].iter().all(|counts| (1..=16).contains(&counts.forked)), "each fork counts once");
        }),
    ];
    let mut scenario = scenario(4, 70);
    let alone = vec![Selection::Nodes(vec![2])];
    scenario.faults = vec![fault(20, FaultKind::Partition(alone)), fault(30, FaultKind::Heal)];
    assert_eq!(heard(&scenario, &script)["missed"], everybody(4));
}

/// What a node has let go it no longer has, but it has signed it: that is no reason to begin another log.
#[test]
fn an_old_entry_does_not_make_its_author_begin_another_log() {
    #[derive(Resource)]
    struct Kept(Arc<LogEntry>, LogId);
    let script: [Step; 4] = [
        (8_000, |world, at| (0..20).for_each(|number| say(world, at, 0, LOBBY, &format!("text {number}")))),
        (9_000, |world, _| {
            let log = log(world, 1, 0);
            let entry = chat(world, 1).logs().entry(&EntryId { log, sequence: 2 }).expect("it is there").clone();
            world.insert_resource(Kept(entry, log));
        }),
        (25_000, |world, at| {
            let Kept(entry, log) = world.remove_resource().expect("it was kept");
            assert!(chat(world, 0).logs().get(&log).expect("its log").first() > 2, "it has let it go");
            tell(world, at, 1, 0, SyncMessage::Entries { entries: vec![Arc::clone(&entry)], more: false });
            world.insert_resource(Kept(entry, log));
        }),
        (28_000, |world, _| {
            let log = world.resource::<Kept>().1;
            assert_eq!(chat(world, 0).own_log(&TopicId::of(LOBBY)), Some(log));
        }),
    ];
    let mut scenario = scenario(3, 30);
    scenario.protocols.chat = Some(ChatConfig { keep_bytes: 4_000, ..ChatConfig::default() });
    observe::<ForkSeen>(&scenario, &script);
}

fn long(world: &mut World, at: Instant) {
    for number in 0..200 {
        say(world, at, 0, LOBBY, &format!("{number:>9000}"));
    }
}

/// Bytes of texts in the entries that came to a node from node 0 in answer to questions, by second.
fn sent(received: &[(u32, DatagramReceived)], to: u32) -> usize {
    let entries = received.iter().filter(|(node, _)| *node == to).filter_map(|(_, it)| match &it.body {
        DatagramBody::Sync(SyncMessage::Entries { entries, .. }) => Some(entries.len()),
        _ => None,
    });
    entries.sum()
}

#[test]
fn a_small_question_has_an_answer_of_bounded_size() {
    let script: [Step; 2] = [(8_000, long), (16_000, |world, at| tell(world, at, 1, 0, heads(Vec::new())))];
    let received = observe::<DatagramReceived>(&scenario(2, 18), &script);
    let entries = sent(&received, 1);
    assert!((1..=9 * 6).contains(&entries), "{entries} of 9 KB: eight messages of 48 KiB are asked for");
}

#[test]
fn who_asks_without_end_gets_its_share_and_another_is_answered_at_once() {
    /// In the name of node 1, 2,000 times within a tenth of a second; and node 2 asks once.
    fn flood(world: &mut World, at: Instant) {
        (0..2_000).for_each(|_| tell(world, at, 1, 0, heads(Vec::new())));
        tell(world, at, 2, 0, heads(Vec::new()));
    }
    let script: [Step; 3] = [(8_000, long), (16_000, flood), (18_000, |world, _| assert!(chat(world, 0).counts().paced > 1_000))];
    let received = observe::<DatagramReceived>(&scenario(3, 19), &script);
    let (greedy, modest) = (sent(&received, 1), sent(&received, 2));
    assert!((100..=256 * 6).contains(&greedy), "{greedy} of 9 KB");
    assert!(modest >= 8 * 5, "{modest} of 9 KB");
}
