//! Members compare their logs, two at a time, and fill each other's gaps.

use std::collections::BTreeMap;
use std::sync::Arc;

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::ChatConfig;
use super::entries::{may_read, take_in};
use super::messages::{ForkSeen, ReceiptsChanged};
use super::outlets::{Outlets, Speaker, SpeakerItem};
use super::timeline::Text;
use crate::kernel::{Instant, NeighborUp, Standing};
use crate::mesh::membership::KeyChanged;
use crate::mesh::prekeys::PREKEY;
use crate::mesh::routing::DatagramReceived;
use crate::wire::chat::{EntryBody, EntryId, Head, LogEntry, LogId, MAX_ASKED, MAX_HEADS, SharedText, SyncMessage};
use crate::wire::codec::encode_value;
use crate::wire::routing::DatagramBody;
use crate::wire::{NodeId, TopicId};

/// Most bytes of entries or texts in one message.
const BATCH: usize = 48 << 10;
/// Most messages with entries that answer one comparison.
const WINDOW: usize = 8;

/// Compares logs with a new neighbour as soon as something can be sealed to it.
pub(super) fn greet(
    mut up: MessageReader<NeighborUp>,
    mut changed: MessageReader<KeyChanged>,
    mut nodes: Query<Speaker>,
    mut out: Outlets,
) {
    let up = up.read().map(|NeighborUp { node, neighbor, at }| (*node, neighbor.id, *at));
    let keys = changed.read().filter(|change| &*change.key == PREKEY).map(|change| (change.node, change.member, change.at));
    for (node, member, at) in up.chain(keys) {
        let Ok(it) = nodes.get_mut(node) else { continue };
        if it.neighbors.contains(&member) && it.prekeys.others.contains_key(&member) {
            for topic in it.topics().into_iter().filter(|topic| it.is_entitled(topic, &member)) {
                compare(&it, topic, member, false, at, &mut out);
            }
        }
    }
}

/// Tells `partner` what the node has of `topic`.
pub(super) fn compare(it: &SpeakerItem, topic: TopicId, partner: NodeId, answer: bool, at: Instant, out: &mut Outlets) {
    let heads = it.chat.logs.heads(topic);
    let mut from = NodeId([0; 32]);
    let mut rest = heads.as_slice();
    loop {
        let mut count = rest.len().min(MAX_HEADS);
        // All logs of an author stand in one message, unless it has more than fit.
        while count < rest.len() && count > 1 && rest[count].author == rest[count - 1].author {
            count -= 1;
        }
        let (these, others) = rest.split_at(count);
        let to = if others.is_empty() { NodeId([0xff; 32]) } else { these.last().map_or(from, |head| head.author) };
        out.sync(it.entity, partner, SyncMessage::Heads { topic, from, to, heads: these.to_vec(), answer }, at);
        if others.is_empty() {
            return;
        }
        (from, rest) = (others[0].author, others);
    }
}

/// A member with whom to compare the logs of `topic`: neighbours by preference, for they are near.
pub(super) fn partner(it: &mut SpeakerItem, topic: &TopicId) -> Option<NodeId> {
    let near: Vec<NodeId> = it.neighbors.iter().map(|neighbor| neighbor.id).filter(|id| it.is_entitled(topic, id)).collect();
    // Every other time somebody further away, lest two halves that hang together by few compare notes only within.
    if !near.is_empty() && it.rng.0.random_range(0..2) == 0 {
        return Some(near[it.rng.0.random_range(0..near.len())]);
    }
    let (access, subscribers, me) = (it.access, it.chat.subscribers.get(topic), it.me.id);
    let lobby = *topic == TopicId::of(crate::mesh::topics::LOBBY);
    let wanted = |id: &NodeId| *id != me && access.admits(id) && (lobby || subscribers.is_some_and(|all| all.contains(id)));
    it.book.pick(&mut it.rng.0, |id, peer| peer.standing == Standing::Alive && wanted(id)).map(|(id, _)| id)
}

/// Answers what other members tell and ask.
pub(super) fn answer(mut received: MessageReader<DatagramReceived>, config: Res<ChatConfig>, mut nodes: Query<Speaker>, mut out: Outlets) {
    for DatagramReceived { node, from, body, at, .. } in received.read() {
        let (DatagramBody::Sync(message), Ok(mut it)) = (body, nodes.get_mut(*node)) else { continue };
        if !it.access.admits(from) {
            continue;
        }
        match message {
            SyncMessage::Heads { topic, from: first, to, heads, answer } => {
                if it.is_subscribed(topic) && it.belongs(topic, from) && heads.len() <= MAX_HEADS {
                    on_heads(&mut it, *topic, (first, to), heads, *answer, *from, *at, &mut out);
                }
            }
            SyncMessage::Entries { entries, more } => {
                let news = entries.iter().filter(|entry| take_in(&mut it, Arc::clone(entry), &config, *at, &mut out)).count();
                // Whoever has more sends it when it hears how far this node is.
                if let (true, true, Some(entry)) = (*more, news > 0, entries.first()) {
                    compare(&it, entry.id.log.topic, *from, false, *at, &mut out);
                }
            }
            SyncMessage::Ask { wanted } => share(&mut it, &wanted[..wanted.len().min(MAX_ASKED)], *from, *at, &mut out),
            SyncMessage::Share { texts } => texts.iter().for_each(|text| learn_text(&mut it, text, *at, &mut out)),
        }
    }
}

fn on_heads(
    it: &mut SpeakerItem,
    topic: TopicId,
    (first, to): (&NodeId, &NodeId),
    heads: &[Head],
    answer: bool,
    partner: NodeId,
    at: Instant,
    out: &mut Outlets,
) {
    let mut lacking = false;
    let mut theirs: BTreeMap<(NodeId, u64), u64> = BTreeMap::new();
    for head in heads.iter().filter(|head| head.last > 0 && head.first <= head.last + 1) {
        let log = LogId { topic, author: head.author, life: head.life };
        theirs.insert((head.author, head.life), head.last);
        if it.chat.receipts.note(log, partner, head.last) {
            out.receipts.write(ReceiptsChanged { node: it.entity, log, at });
        }
        let known = it.chat.logs.get(&log).map_or(0, super::Log::last);
        if head.last > known {
            lacking = true;
            if head.first > known + 1 {
                it.chat.logs.claim(log, head.first, partner);
            }
        } else if it.chat.logs.get(&log).and_then(|log| log.get(head.last)).is_some_and(|entry| entry.hash() != head.hash) {
            it.chat.counts.forked += 1;
            out.forks.write(ForkSeen { node: it.entity, log, at });
        }
    }
    let has = |log: &LogId| theirs.get(&(log.author, log.life)).copied().unwrap_or(0);
    let logs = it.chat.logs.of_topic(topic).filter(|(log, _)| *first <= log.author && log.author <= *to);
    let missing = logs.flat_map(|(id, log)| {
        let from = (has(id) + 1).max(log.first());
        (from..=log.last()).filter_map(|sequence| log.get(sequence)).cloned().collect::<Vec<_>>()
    });
    let messages = batches(missing);
    let count = messages.len();
    for (index, entries) in messages.into_iter().take(WINDOW).enumerate() {
        let more = count > WINDOW && index + 1 == WINDOW;
        out.sync(it.entity, partner, SyncMessage::Entries { entries, more }, at);
    }
    if lacking && !answer {
        compare(it, topic, partner, true, at, out);
    }
}

/// Puts entries into messages that are not too long; one more than are sent at a time, if there are so many.
fn batches(entries: impl Iterator<Item = Arc<LogEntry>>) -> Vec<Vec<Arc<LogEntry>>> {
    let mut messages: Vec<Vec<Arc<LogEntry>>> = Vec::new();
    let mut left = 0;
    for entry in entries {
        let size = encode_value(&*entry).map_or(BATCH, |bytes| bytes.len());
        if size > left {
            if messages.len() > WINDOW {
                break;
            }
            messages.push(Vec::new());
            left = BATCH;
        }
        left = left.saturating_sub(size);
        if let Some(last) = messages.last_mut() {
            last.push(entry);
        }
    }
    messages
}

/// Asks somebody for texts that the node cannot read.
pub(super) fn ask(it: &mut SpeakerItem, at: Instant, out: &mut Outlets) {
    let Some(first) = it.chat.locked.first().copied() else { return };
    let topic = first.log.topic;
    // What is for one only, nobody but its author can tell. Of the others anybody may.
    let author = first.log.author;
    let partner = if it.chat.asked.is_multiple_of(2) && author != it.me.id { Some(author) } else { partner(it, &topic) };
    let Some(partner) = partner else { return };
    let wanted: Vec<EntryId> = it.chat.locked.iter().filter(|id| id.log.topic == topic).take(MAX_ASKED).copied().collect();
    out.sync(it.entity, partner, SyncMessage::Ask { wanted }, at);
}

fn share(it: &mut SpeakerItem, wanted: &[EntryId], asker: NodeId, at: Instant, out: &mut Outlets) {
    let mut texts = Vec::new();
    let mut left = BATCH;
    for id in wanted {
        let (Some(entry), Some(text)) = (it.chat.logs.entry(id).cloned(), it.chat.texts.get(id).cloned()) else { continue };
        if !it.belongs(&id.log.topic, &asker) || !may_read(it, &entry, &asker) {
            it.chat.counts.not_shared += 1;
            continue;
        }
        let size = text.text.len() + 128;
        if size > left {
            break;
        }
        left -= size;
        texts.push(SharedText { id: *id, opening: text.opening, text: text.text.clone() });
    }
    if !texts.is_empty() {
        out.sync(it.entity, asker, SyncMessage::Share { texts }, at);
    }
}

/// A text that somebody shared: the commitment in its entry shows whether it is what its author said.
fn learn_text(it: &mut SpeakerItem, shared: &SharedText, at: Instant, out: &mut Outlets) {
    if !it.chat.locked.contains(&shared.id) {
        return;
    }
    let Some(entry) = it.chat.logs.entry(&shared.id).cloned() else { return };
    if entry.body.commitment() != Some(&shared.opening.commit(&shared.text)) {
        it.chat.counts.false_texts += 1;
        return;
    }
    it.chat.locked.remove(&shared.id);
    it.chat.asked = 0;
    let to = if let EntryBody::Direct { to, .. } = &entry.body { Some(*to) } else { None };
    it.tell(Text::new(&entry, to, shared.opening, shared.text.clone()), at, out);
}
