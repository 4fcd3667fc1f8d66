//! What liars say.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::liar::MeansItem;
use crate::crypto::{Commitment, Opening, Signature};
use crate::kernel::Instant;
use crate::mesh::topics::LOBBY;
use crate::wire::admission::{Record, Statement};
use crate::wire::chat::{EntryBody, EntryHash, EntryId, Head, LogEntry, LogId, MAX_ASKED, SharedText, SyncMessage};
use crate::wire::{AdmissionMessage, NodeId, TopicId};

/// What floods others.
pub(super) enum Flood {
    Chat(SyncMessage),
    Admission(AdmissionMessage),
}

/// Makes lies of what it has.
pub(super) fn about(heads: &mut [Head], rng: &mut ChaCha8Rng) {
    for head in heads {
        match rng.random_range(0..6) {
            // Entries that do not exist.
            0 => {
                head.last += rng.random_range(1..1_000);
                head.hash = EntryHash(rng.random());
            }
            // Another branch.
            1 => head.hash = EntryHash(rng.random()),
            // Its beginning is gone, up to where somebody may lack it.
            2 => head.first = rng.random_range(1..=head.last + 1),
            // A log of an earlier life, that nobody has written.
            3 => head.life = head.life.saturating_sub(rng.random_range(1..1_000)),
            // It has hardly anything.
            4 => head.last = head.first,
            _ => {}
        }
    }
}

/// Something that nobody has asked for.
pub(super) fn flood(it: &MeansItem, at: Instant, rng: &mut ChaCha8Rng) -> Option<Flood> {
    let message = match rng.random_range(0..7) {
        // Its own, with a gap before it that nobody can fill.
        0 => entries(it, it.me.id, rng.random_range(2..1_000_000), at, rng),
        // In the name of another.
        1 => {
            let (other, _) = it.book.pick(rng, |_, _| true)?;
            entries(it, other, rng.random_range(1..100), at, rng)
        }
        2 => SyncMessage::Ask { wanted: some(it, rng) },
        // It has nothing: all shall be sent.
        3 => {
            let (from, to) = (NodeId([0; 32]), NodeId([0xff; 32]));
            SyncMessage::Heads { topic: TopicId::of(LOBBY), from, to, heads: Vec::new(), answer: false }
        }
        4 => {
            let about = some(it, rng);
            let text = |id: EntryId| SharedText { id, opening: Opening(rng.random()), text: b"a lie".as_slice().into() };
            SyncMessage::Share { texts: about.into_iter().map(text).collect() }
        }
        // The same with records.
        5 => return it.admission.map(|_| Flood::Admission(AdmissionMessage::Have(Vec::new()))),
        _ => {
            let ledger = it.admission?.ledger()?;
            let record = Record::sign(&it.keys.0, ledger.network(), millis(at), Statement::Invite(NodeId(rng.random())));
            return Some(Flood::Admission(AdmissionMessage::Records(vec![record])));
        }
    };
    Some(Flood::Chat(message))
}

fn millis(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000
}

/// Some entries that it knows of, for whomever they are.
fn some(it: &MeansItem, rng: &mut ChaCha8Rng) -> Vec<EntryId> {
    let all: Vec<EntryId> = it.chat.logs().iter().flat_map(|(_, log)| log.entries()).map(|entry| entry.id).collect();
    if all.is_empty() {
        return all;
    }
    (0..MAX_ASKED).map(|_| all[rng.random_range(0..all.len())]).collect()
}

/// An entry of a log that there is not, signed by itself whoever the author is.
fn entries(it: &MeansItem, author: NodeId, sequence: u64, at: Instant, rng: &mut ChaCha8Rng) -> SyncMessage {
    let topic = TopicId::of(LOBBY);
    let entry = LogEntry {
        id: EntryId { log: LogId { topic, author, life: 1 }, sequence },
        previous: EntryHash(rng.random()),
        clock: it.chat.logs().next_clock(topic),
        time: millis(at),
        body: EntryBody::Text { epoch: 1, index: 0, commitment: Commitment(rng.random()), ciphertext: [7; 1_024].into() },
        signature: Signature([0; 64]),
    };
    let entry = LogEntry::sign(&it.keys.0, &it.network.0, entry);
    SyncMessage::Entries { entries: vec![Arc::new(entry)], more: false }
}
