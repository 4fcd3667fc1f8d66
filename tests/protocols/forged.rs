//! Entries that their author did not sign as they are, and texts that are not what was signed: they change nothing, and are counted.
//! What is tried is handed to a node that is cut off, so that nothing else reaches it.

use std::sync::Arc;

use bevy_ecs::prelude::*;
use murmuration::crypto::{Commitment, CryptoMode, Identity, MESSAGE_OVERHEAD, Opening, PrekeyId, SealedBox, Signature};
use murmuration::kernel::{Instant, Keys, NetworkTag};
use murmuration::mesh::chat::{ChatCounts, TextHeard};
use murmuration::mesh::routing::{DatagramReceived, SendTo};
use murmuration::mesh::topics::{LOBBY, TopicDelivered};
use murmuration::scenario::{FaultKind, Scenario, Selection};
use murmuration::wire::chat::{EntryBody, EntryHash, EntryId, LogEntry, LogId, SharedText, SyncMessage};
use murmuration::wire::codec::encode_value;
use murmuration::wire::routing::DatagramBody;
use murmuration::wire::{MessageId, NodeId, Payload, Rumor, TopicId};

use crate::chat::{chat, fault, heard, id, join, say, say_to, scenario};
use crate::harness::{Step, node, observe};

/// Who is cut off.
const VICTIM: u32 = 2;

/// Node 2 is cut off from `from` on, for good.
fn cut_off(from: u64, seconds: u64, crypto: CryptoMode) -> Scenario {
    let faults = vec![fault(from, FaultKind::Partition(vec![Selection::Nodes(vec![VICTIM])]))];
    Scenario { faults, crypto, ..scenario(3, seconds) }
}

/// What node 0 has said, as node 1 has it.
fn said(world: &mut World) -> Vec<LogEntry> {
    let author = id(world, 0);
    let logs = chat(world, 1).logs();
    logs.iter().filter(|(log, _)| log.author == author).flat_map(|(_, log)| log.entries()).map(|entry| LogEntry::clone(entry)).collect()
}

/// An entry comes to the victim over a topic's tree.
fn bring(world: &mut World, at: Instant, number: u64, entry: &LogEntry) {
    let (node, origin) = (node(world, VICTIM), id(world, 1));
    let id = MessageId { origin, life: 1, sequence: number };
    let rumor = Arc::new(Rumor { id, shapes: false, payload: Payload(encode_value(entry).expect("it is short").into()) });
    world.write_message(TopicDelivered { node, topic: entry.id.log.topic, rumor, hops: 1, at });
}

/// `from` tells the victim something, as if it had come over the mesh.
fn tell(world: &mut World, at: Instant, from: u32, message: SyncMessage) {
    let (node, from) = (node(world, VICTIM), id(world, from));
    world.write_message(DatagramReceived { node, from, body: DatagramBody::Sync(message), hops: 1, at });
}

fn counts(world: &mut World) -> ChatCounts {
    chat(world, VICTIM).counts()
}

type Change = fn(&mut LogEntry);

/// What stands in every entry.
const ANY: [Change; 10] = [
    |entry| entry.id.log.topic = TopicId::of("another"),
    |entry| entry.id.log.author.0[0] ^= 1,
    |entry| entry.id.log.life += 1,
    |entry| entry.id.sequence += 1,
    |entry| entry.previous.0[0] ^= 1,
    |entry| entry.clock += 1,
    |entry| entry.time += 1,
    |entry| entry.signature.0[0] ^= 1,
    |entry| entry.signature = Signature([0; 64]),
    |entry| entry.body = EntryBody::Keys { epoch: 1, keys: Vec::new() },
];

fn alter_box(sealed: &mut SealedBox, place: usize) {
    match place {
        0 => sealed.ephemeral[0] ^= 1,
        1 => sealed.ciphertext[0] ^= 1,
        _ => sealed.ciphertext = sealed.ciphertext[1..].into(),
    }
}

/// The entry with each field of its body altered.
fn altered_bodies(entry: &LogEntry) -> Vec<LogEntry> {
    let mut bodies = Vec::new();
    match &entry.body {
        EntryBody::Keys { epoch, keys } => {
            bodies.push(EntryBody::Keys { epoch: epoch + 1, keys: keys.clone() });
            bodies.push(EntryBody::Keys { epoch: *epoch, keys: keys[1..].to_vec() });
            bodies.push(EntryBody::Keys { epoch: *epoch, keys: [&keys[..], &keys[..1]].concat() });
            for index in 0..keys.len() {
                for place in 0..5 {
                    let mut keys = keys.clone();
                    match place {
                        3 => keys[index].reader.0[0] ^= 1,
                        4 => keys[index].prekey.0[0] ^= 1,
                        _ => alter_box(&mut keys[index].sealed, place),
                    }
                    bodies.push(EntryBody::Keys { epoch: *epoch, keys });
                }
            }
        }
        EntryBody::Text { epoch, index, commitment, ciphertext } => {
            let text =
                |epoch, index, commitment, ciphertext: &[u8]| EntryBody::Text { epoch, index, commitment, ciphertext: ciphertext.into() };
            let mut flipped = ciphertext.clone();
            flipped[0] ^= 1;
            bodies.push(text(epoch + 1, *index, *commitment, ciphertext));
            bodies.push(text(*epoch, index + 1, *commitment, ciphertext));
            bodies.push(text(*epoch, *index, Commitment([1; 32]), ciphertext));
            bodies.push(text(*epoch, *index, *commitment, &flipped));
            bodies.push(text(*epoch, *index, *commitment, &ciphertext[1..]));
        }
        EntryBody::Direct { to, prekey, commitment, sealed } => {
            let direct = |to, prekey, commitment, sealed| EntryBody::Direct { to, prekey, commitment, sealed };
            bodies.push(direct(NodeId([1; 32]), *prekey, *commitment, sealed.clone()));
            bodies.push(direct(*to, PrekeyId([1; 8]), *commitment, sealed.clone()));
            bodies.push(direct(*to, *prekey, Commitment([1; 32]), sealed.clone()));
            for place in 0..3 {
                let mut sealed = sealed.clone();
                alter_box(&mut sealed, place);
                bodies.push(direct(*to, *prekey, *commitment, sealed));
            }
        }
    }
    bodies.into_iter().map(|body| LogEntry { body, ..entry.clone() }).collect()
}

/// All that can be made of an entry without its author, and of what its author has signed for another network.
fn falsified(world: &mut World, entry: &LogEntry) -> Vec<LogEntry> {
    let mut all = altered_bodies(entry);
    all.extend(ANY.iter().map(|change| {
        let mut altered = entry.clone();
        change(&mut altered);
        altered
    }));
    let mut sign = |by: u32, network: Option<[u8; 8]>| {
        let by = node(world, by);
        let network = network.unwrap_or(world.get::<NetworkTag>(by).expect("a network").0);
        let identity: &Identity = &world.get::<Keys>(by).expect("keys").0;
        LogEntry::sign(identity, &network, entry.clone())
    };
    all.extend([sign(0, Some(*b"another ")), sign(1, None)]);
    all.retain(|other| other != entry);
    all
}

#[test]
fn an_entry_that_is_altered_in_any_field_changes_nothing_and_is_counted() {
    #[derive(Resource)]
    struct Tried(u64);
    fn speak(world: &mut World, at: Instant) {
        say(world, at, 0, LOBBY, "to all");
        say_to(world, at, 0, VICTIM, "to you");
    }
    fn try_all(world: &mut World, at: Instant) {
        let entries = said(world);
        assert_eq!(entries.len(), 3, "keys, a text for all and one for the victim");
        let falsified: Vec<LogEntry> = entries.iter().flat_map(|entry| falsified(world, entry)).collect();
        assert!(falsified.len() > 40);
        assert_eq!(chat(world, VICTIM).logs().iter().count(), 0, "it is cut off");
        world.insert_resource(Tried(falsified.len() as u64));
        falsified.iter().zip(0..).for_each(|(entry, number)| bring(world, at, number, entry));
    }
    fn look(world: &mut World, _: Instant) {
        let tried = world.resource::<Tried>().0;
        assert_eq!(counts(world), ChatCounts { forged: tried, ..ChatCounts::default() });
        let chat = chat(world, VICTIM);
        assert_eq!((chat.logs().iter().count(), chat.texts().len(), chat.locked()), (0, 0, 0));
    }
    /// They do not stand in the way of the true ones; and when those are there it is the same.
    fn bring_true(world: &mut World, at: Instant) {
        said(world).iter().zip(1_000..).for_each(|(entry, number)| bring(world, at, number, entry));
    }
    fn look_again(world: &mut World, _: Instant) {
        let tried = world.resource::<Tried>().0;
        assert_eq!(counts(world), ChatCounts { forged: 2 * tried, entries: 3, texts: 2, ..ChatCounts::default() });
        let hashes = |chat: &murmuration::mesh::chat::Chat| {
            chat.logs().iter().flat_map(|(_, log)| log.entries()).map(|entry| entry.hash()).collect::<Vec<EntryHash>>()
        };
        assert_eq!(hashes(chat(world, VICTIM)), hashes(chat(world, 1)));
        assert!(chat(world, VICTIM).logs().iter().all(|(_, log)| !log.forked));
    }
    fn try_again(world: &mut World, at: Instant) {
        let falsified: Vec<LogEntry> = said(world).iter().flat_map(|entry| falsified(world, entry)).collect();
        falsified.iter().zip(2_000..).for_each(|(entry, number)| bring(world, at, number, entry));
    }
    let script: [Step; 6] =
        [(10_100, speak), (11_000, try_all), (11_500, look), (12_000, bring_true), (12_500, try_again), (13_000, look_again)];
    let scenario = cut_off(10, 14, CryptoMode::Real);
    let heard = heard(&scenario, &script);
    assert_eq!((&heard["to all"][..], &heard["to you"][..]), (&[0, 1, 2][..], &[0, 2][..]), "each once");
    assert_eq!(heard.len(), 2);
}

/// What node 0 has said to all, as it would share it.
fn shared(world: &mut World, direct: bool) -> SharedText {
    let texts = chat(world, 0).texts();
    let text = texts.iter().find(|text| text.to.is_some() == direct).expect("it was said");
    SharedText { id: text.id, opening: text.opening, text: text.text.clone() }
}

#[test]
fn a_shared_text_that_is_not_the_one_that_was_signed_or_was_not_asked_for_is_not_told() {
    fn speak(world: &mut World, at: Instant) {
        say(world, at, 0, LOBBY, "to all");
        say_to(world, at, 0, 1, "to another");
    }
    /// The victim was not there when it was said, so it has to ask.
    fn bring_all(world: &mut World, at: Instant) {
        said(world).iter().zip(0..).for_each(|(entry, number)| bring(world, at, number, entry));
    }
    fn lie(world: &mut World, at: Instant) {
        assert_eq!((chat(world, VICTIM).locked(), chat(world, VICTIM).logs().iter().count()), (1, 1));
        let (all, direct) = (shared(world, false), shared(world, true));
        let wrong_text = SharedText { text: (*b"to nobody").into(), ..all.clone() };
        let wrong_opening = SharedText { opening: Opening([1; 32]), ..all.clone() };
        let of_another = SharedText { id: all.id, ..direct.clone() };
        let unknown = SharedText { id: EntryId { sequence: 99, ..all.id }, ..all.clone() };
        tell(world, at, 1, SyncMessage::Share { texts: vec![wrong_text, wrong_opening, of_another, direct, unknown] });
    }
    fn look(world: &mut World, _: Instant) {
        assert_eq!(counts(world), ChatCounts { entries: 3, false_texts: 3, ..ChatCounts::default() });
        assert_eq!((chat(world, VICTIM).texts().len(), chat(world, VICTIM).locked()), (0, 1), "it still asks");
    }
    fn share(world: &mut World, at: Instant) {
        let all = shared(world, false);
        let wrong = SharedText { text: (*b"to nobody").into(), ..all.clone() };
        tell(world, at, 1, SyncMessage::Share { texts: vec![all, wrong] });
    }
    let script: [Step; 6] = [
        (10_000, speak),
        (12_000, bring_all),
        (12_500, lie),
        (13_000, look),
        (13_500, share),
        (14_000, |world, _| {
            assert_eq!(counts(world), ChatCounts { entries: 3, texts: 1, false_texts: 3, ..ChatCounts::default() });
            assert_eq!(chat(world, VICTIM).locked(), 0);
        }),
    ];
    let told = observe::<TextHeard>(&cut_off(0, 15, CryptoMode::Real), &script);
    let told: Vec<&[u8]> = told.iter().filter(|(node, _)| *node == VICTIM).map(|(_, told)| &*told.text.text).collect();
    assert_eq!(told, [b"to all"]);
}

#[test]
fn a_text_that_is_longer_than_its_entry_is_not_taken_though_its_author_committed_to_it() {
    const OPENING: Opening = Opening([9; 32]);
    const LONG: [u8; 10_000] = [b'a'; 10_000];
    fn bring_it(world: &mut World, at: Instant) {
        let author = node(world, 0);
        let id = EntryId { log: LogId { topic: TopicId::of(LOBBY), author: id(world, 0), life: 1 }, sequence: 1 };
        let body = EntryBody::Text { epoch: 1, index: 0, commitment: OPENING.commit(&LONG), ciphertext: [0; MESSAGE_OVERHEAD].into() };
        let entry = LogEntry { id, previous: EntryHash::default(), clock: 1, time: 1, body, signature: Signature([0; 64]) };
        let (keys, network) = (world.get::<Keys>(author).expect("keys"), world.get::<NetworkTag>(author).expect("a network"));
        let entry = LogEntry::sign(&keys.0, &network.0, entry);
        bring(world, at, 0, &entry);
    }
    let script: [Step; 3] = [
        (12_000, bring_it),
        (12_500, |world, at| {
            let id = *chat(world, VICTIM).logs().iter().next().expect("it is held").0;
            let text = SharedText { id: EntryId { log: id, sequence: 1 }, opening: OPENING, text: LONG.into() };
            tell(world, at, 1, SyncMessage::Share { texts: vec![text] });
        }),
        (13_000, |world, _| {
            assert_eq!(counts(world), ChatCounts { entries: 1, false_texts: 1, ..ChatCounts::default() });
            assert_eq!(chat(world, VICTIM).texts().len(), 0);
        }),
    ];
    observe::<TextHeard>(&cut_off(10, 14, CryptoMode::Real), &script);
}

#[test]
fn who_asks_for_what_it_may_not_read_is_counted_and_told_nothing() {
    fn speak(world: &mut World, at: Instant) {
        say_to(world, at, 0, 1, "to another");
        say(world, at, 0, "birds", "for those who subscribe");
        say_to(world, at, 0, VICTIM, "to you");
    }
    fn ask(world: &mut World, at: Instant) {
        let mut wanted: Vec<EntryId> = chat(world, 0).texts().iter().map(|text| text.id).collect();
        assert_eq!(wanted.len(), 3);
        // What is no text has nothing to tell.
        wanted.extend(said(world).iter().filter(|entry| matches!(entry.body, EntryBody::Keys { .. })).map(|entry| entry.id));
        let (from, to) = (node(world, VICTIM), id(world, 0));
        for wanted in wanted.chunk_by(|a, b| a.log.topic == b.log.topic).map(<[EntryId]>::to_vec) {
            world.write_message(SendTo { node: from, to, body: DatagramBody::Sync(SyncMessage::Ask { wanted }), at });
        }
    }
    let script: [Step; 4] = [
        (7_000, |world, at| (0..2).for_each(|who| join(world, at, who, "birds"))),
        (10_000, speak),
        (12_000, ask),
        (14_000, |world, _| assert_eq!(chat(world, 0).counts().not_shared, 2)),
    ];
    let received = observe::<DatagramReceived>(&scenario(3, 15), &script);
    let texts = received.into_iter().filter_map(|(node, it)| match it.body {
        DatagramBody::Sync(SyncMessage::Share { texts }) => Some((node, texts)),
        _ => None,
    });
    let told: Vec<(u32, Box<[u8]>)> = texts.flat_map(|(node, texts)| texts.into_iter().map(move |text| (node, text.text))).collect();
    assert_eq!(told, [(VICTIM, (*b"to you").into())]);
}
