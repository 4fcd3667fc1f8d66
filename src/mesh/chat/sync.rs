//! Members compare their logs, two at a time, and fill each other's gaps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::ChatConfig;
use super::asking::{learn_text, share};
use super::entries::take_in;
use super::messages::ReceiptsChanged;
use super::outlets::{Outlets, Speaker, SpeakerItem};
use super::speaking::say_waiting;
use super::systems::ChatTimer;
use crate::kernel::{Instant, NeighborUp, Standing};
use crate::mesh::membership::KeyChanged;
use crate::mesh::prekeys::PREKEY;
use crate::mesh::routing::DatagramReceived;
use crate::wire::chat::{Head, LogEntry, LogId, MAX_ASKED, MAX_HEADS, MAX_NUMBER, SyncMessage};
use crate::wire::codec::encode_value;
use crate::wire::routing::DatagramBody;
use crate::wire::{NodeId, TopicId};

/// Most bytes of entries or texts in one message.
pub(super) const BATCH: usize = 48 << 10;
/// Most messages that answer one question.
pub(super) const WINDOW: usize = 8;
/// When whoever had news is asked for more. Members pace what they send by the second.
const CATCH_UP: Duration = Duration::from_millis(1_100);
/// All authors there can be.
pub(super) const ALL: (NodeId, NodeId) = (NodeId([0; 32]), NodeId([0xff; 32]));

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
        let Ok(mut it) = nodes.get_mut(node) else { continue };
        if it.neighbors.contains(&member) && it.prekeys.others.contains_key(&member) {
            let mut shared = it.topics();
            shared.retain(|topic| it.is_entitled(topic, &member));
            for topic in shared {
                compare(&mut it, topic, ALL, member, false, at, &mut out);
            }
        }
    }
}

/// Tells `partner` what the node has of `topic`, of the authors from the first to the last of a range; in answer to what it has told, or not.
pub(super) fn compare(
    it: &mut SpeakerItem,
    topic: TopicId,
    (mut from, last): (NodeId, NodeId),
    partner: NodeId,
    answer: bool,
    at: Instant,
    out: &mut Outlets,
) {
    let mut heads = it.chat.logs.heads(topic);
    heads.retain(|head| (from..=last).contains(&head.author));
    let mut rest = heads.as_slice();
    loop {
        if answer && !pace(it, partner, at) {
            return;
        }
        let mut count = rest.len().min(MAX_HEADS);
        // All logs of an author stand in one message, unless it has more than fit.
        while count < rest.len() && count > 1 && rest[count].author == rest[count - 1].author {
            count -= 1;
        }
        let (these, others) = rest.split_at(count);
        let to = if others.is_empty() { last } else { these.last().map_or(from, |head| head.author) };
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
        let asks = matches!(message, SyncMessage::Heads { .. } | SyncMessage::Ask { .. });
        if !it.access.is_member(from) || asks && !pace(&mut it, *from, *at) {
            continue;
        }
        match message {
            SyncMessage::Heads { topic, from: first, to, heads, answer } => {
                if it.is_subscribed(topic) && it.chat.belongs(topic, from) && heads.len() <= MAX_HEADS {
                    let told = Told { partner: *from, topic: *topic, range: (*first, *to), heads, answer: *answer };
                    on_heads(&mut it, &told, &config, *at, &mut out);
                }
            }
            SyncMessage::Entries { entries, more } => on_entries(&mut it, entries, *more, *from, &config, *at, &mut out),
            SyncMessage::Ask { wanted } => share(&mut it, &wanted[..wanted.len().min(MAX_ASKED)], *from, *at, &mut out),
            SyncMessage::Share { texts } => texts.iter().for_each(|text| learn_text(&mut it, text, &config, *at, &mut out)),
        }
    }
}

fn on_entries(
    it: &mut SpeakerItem,
    entries: &[Arc<LogEntry>],
    more: bool,
    partner: NodeId,
    config: &ChatConfig,
    at: Instant,
    out: &mut Outlets,
) {
    // Of which topic something new came.
    let mut news = None;
    let mut others = Vec::new();
    for entry in entries {
        let forked = |it: &SpeakerItem| it.chat.logs.get(&entry.id.log).is_some_and(|log| log.forked);
        let known = forked(it);
        if take_in(it, Arc::clone(entry), config, at, out) {
            news = Some(entry.id.log.topic);
        }
        // Once: the other side too shall see both.
        if !known && forked(it) {
            others.extend(it.chat.logs.entry(&entry.id).cloned());
        }
    }
    for entries in batches(others.into_iter()) {
        out.sync(it.entity, partner, SyncMessage::Entries { entries, more: false }, at);
    }
    let Some(topic) = news.filter(|topic| it.is_entitled(topic, &partner)) else { return };
    // Whoever has more sends it when it hears how far this node is.
    if more && pace(it, partner, at) {
        compare(it, topic, ALL, partner, false, at, out);
    }
    // It may have had more than it may send in a second.
    if it.chat.catching_up.insert(topic, partner).is_none() {
        it.arm(ChatTimer::CatchUp(topic), CATCH_UP, at, out);
    }
}

/// Compares again with whoever had news of `topic` a second ago: there may be more.
pub(super) fn catch_up(it: &mut SpeakerItem, topic: TopicId, at: Instant, out: &mut Outlets) {
    if let Some(partner) = it.chat.catching_up.remove(&topic).filter(|partner| it.is_entitled(&topic, partner)) {
        compare(it, topic, ALL, partner, false, at, out);
    }
}

/// What a member tells of its logs.
struct Told<'a> {
    partner: NodeId,
    topic: TopicId,
    /// Of the authors from the first to the last of these.
    range: (NodeId, NodeId),
    heads: &'a [Head],
    /// In answer to what this node has told.
    answer: bool,
}

/// How what is told differs from what the node has.
#[derive(Default)]
struct Difference {
    /// The other has something that the node lacks.
    lacking: bool,
    /// How far the other has each log; nothing follows on another branch.
    theirs: BTreeMap<(NodeId, u64), u64>,
    /// What the node has in the place of something else that the other says to have.
    contradicted: Vec<Arc<LogEntry>>,
}

/// Stands for all that could follow: whoever holds another branch would refuse it.
const ALL_OF_IT: u64 = MAX_NUMBER;

impl Difference {
    fn has(&self, log: &LogId) -> u64 {
        self.theirs.get(&(log.author, log.life)).copied().unwrap_or(0)
    }
}

fn on_heads(it: &mut SpeakerItem, told: &Told, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    let mut difference = differ(it, told, at, out);
    send_missing(it, told, &difference, at, out);
    send_contradicted(it, told.partner, std::mem::take(&mut difference.contradicted), at, out);
    if difference.lacking && !told.answer {
        compare(it, told.topic, told.range, told.partner, true, at, out);
    }
    let own = it.chat.own.get(&told.topic).copied();
    let knows_more = own.is_some_and(|own| difference.has(&own) > it.chat.logs.get(&own).map_or(0, super::Log::last));
    let (first, last) = told.range;
    if (first..=last).contains(&it.me.id) && !knows_more && it.chat.unsettled.remove(&told.topic) {
        say_waiting(it, config, at, out);
    }
}

fn differ(it: &mut SpeakerItem, told: &Told, at: Instant, out: &mut Outlets) -> Difference {
    let mut difference = Difference::default();
    for head in told.heads.iter().filter(|head| (1..=MAX_NUMBER).contains(&head.last) && head.first <= head.last + 1) {
        let log = LogId { topic: told.topic, author: head.author, life: head.life };
        difference.theirs.insert((head.author, head.life), head.last);
        if !it.access.admits(&head.author) && !it.access.revoked.contains(&head.author) {
            continue;
        }
        if it.chat.receipts.note(log, told.partner, head.last) {
            out.receipts.write(ReceiptsChanged { node: it.entity, log, at });
        }
        let known = it.chat.logs.get(&log).map_or(0, super::Log::last);
        if head.last > known {
            difference.lacking = true;
            if head.first > known + 1 {
                let gone = it.chat.logs.claim(log, head.first, told.partner, at);
                it.forget(gone, out);
            }
        } else if let Some(entry) = it.chat.logs.get(&log).and_then(|log| log.get(head.last)).filter(|entry| entry.hash() != head.hash) {
            // They hold another branch; or they say so. Only what its author has signed shows it.
            difference.theirs.insert((head.author, head.life), ALL_OF_IT);
            difference.contradicted.push(Arc::clone(entry));
        }
    }
    difference
}

fn send_missing(it: &mut SpeakerItem, told: &Told, difference: &Difference, at: Instant, out: &mut Outlets) {
    let (first, last) = told.range;
    let logs = it.chat.logs.of_topic(told.topic).filter(|(log, _)| (first..=last).contains(&log.author));
    let missing = logs.flat_map(|(id, log)| {
        let from = (difference.has(id) + 1).max(log.first());
        (from..=log.last()).filter_map(|sequence| log.get(sequence)).cloned()
    });
    let messages = batches(missing);
    let count = messages.len();
    for (index, entries) in messages.into_iter().take(WINDOW).enumerate() {
        if !pace(it, told.partner, at) {
            return;
        }
        let more = count > WINDOW && index + 1 == WINDOW;
        out.sync(it.entity, told.partner, SyncMessage::Entries { entries, more }, at);
    }
}

/// After what is missing, and no more than one message: nobody knows what of it the other has seen before. By turns, if it does not fit.
fn send_contradicted(it: &mut SpeakerItem, partner: NodeId, mut entries: Vec<Arc<LogEntry>>, at: Instant, out: &mut Outlets) {
    if entries.is_empty() {
        return;
    }
    let turn = it.rng.0.random_range(0..entries.len());
    entries.rotate_left(turn);
    if let Some(entries) = batches(entries.into_iter()).into_iter().next().filter(|_| pace(it, partner, at)) {
        out.sync(it.entity, partner, SyncMessage::Entries { entries, more: false }, at);
    }
}

/// Whether another question of `member` is answered, or another answer sent to it.
pub(super) fn pace(it: &mut SpeakerItem, member: NodeId, at: Instant) -> bool {
    let granted = it.chat.pace.grants(member, at);
    it.chat.counts.paced += u64::from(!granted);
    granted
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
