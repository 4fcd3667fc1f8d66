//! What the node itself says.

use std::collections::BTreeSet;
use std::sync::Arc;

use bevy_ecs::prelude::*;
use rand::Rng;
use zeroize::Zeroizing;

use super::components::Unsaid;
use super::entries::{CHAIN, DIRECT, context, make_room, note_head};
use super::messages::{ChatError, NotSaid, Say, SayTo, TextWaits};
use super::outlets::{Outlets, Speaker, SpeakerItem};
use super::sender::Writer;
use super::timeline::Text;
use super::{ChatConfig, store};
use crate::crypto::{Chain, Opening, Secret, Signature};
use crate::kernel::Instant;
use crate::mesh::topics::{LOBBY, PublishTo};
use crate::wire::admission::Belonging;
use crate::wire::chat::{EntryBody, EntryId, LogEntry, LogId, MAX_SEALED_KEYS, MAX_TEXT, SealedKey};
use crate::wire::codec::encode_value;
use crate::wire::{NodeId, Payload, TopicId};

/// Says what was asked for, or keeps it until somebody may read it.
pub(super) fn say(mut asked: ResMut<Messages<Say>>, config: Res<ChatConfig>, mut nodes: Query<Speaker>, mut out: Outlets) {
    for Say { node, topic, text, at } in asked.drain() {
        let Ok(mut it) = nodes.get_mut(node) else { continue };
        let refused = if it.is_subscribed(&topic) { None } else { Some(ChatError::NotSubscribed) };
        say_unless(refused, &mut it, (topic, None, text), &config, at, &mut out);
    }
}

/// Says what was asked for to one member. It goes the way of all entries, through the lobby, so it reaches whoever is away too.
pub(super) fn say_to(mut asked: ResMut<Messages<SayTo>>, config: Res<ChatConfig>, mut nodes: Query<Speaker>, mut out: Outlets) {
    for SayTo { node, to, text, at } in asked.drain() {
        let Ok(mut it) = nodes.get_mut(node) else { continue };
        // Who is invited and was never here is written to when it comes.
        let known = it.access.is_member(&to) && (it.access.admitted.is_some() || it.prekeys.others.contains_key(&to));
        let refused = if known { None } else { Some(ChatError::UnknownRecipient(to)) };
        say_unless(refused, &mut it, (TopicId::of(LOBBY), Some(to), text), &config, at, &mut out);
    }
}

/// Says something, or keeps it, unless there is a reason why not; that is told then.
fn say_unless(
    refused: Option<ChatError>,
    it: &mut SpeakerItem,
    (topic, to, text): (TopicId, Option<NodeId>, Box<[u8]>),
    config: &ChatConfig,
    at: Instant,
    out: &mut Outlets,
) {
    let node = it.entity;
    let unsaid = Unsaid { topic, to, text, closed: it.access.belonging != Belonging::Open };
    if let Some(reason) = refused.or_else(|| say_or_keep(it, &unsaid, config, at, out)) {
        let Unsaid { topic, to, text, .. } = unsaid;
        out.not_said.write(NotSaid { node, topic, to, text, reason, at });
    }
}

/// Says something, or keeps it; or says why neither.
fn say_or_keep(it: &mut SpeakerItem, unsaid: &Unsaid, config: &ChatConfig, at: Instant, out: &mut Outlets) -> Option<ChatError> {
    let length = unsaid.text.len();
    if length == 0 {
        return Some(ChatError::Empty);
    }
    if length > MAX_TEXT {
        return Some(ChatError::TooLong(length));
    }
    if it.access.revoked.contains(&it.me.id) {
        return Some(ChatError::Revoked);
    }
    // What waits is said first.
    let waits = it.chat.outbox.iter().any(|(_, other)| (other.topic, other.to) == (unsaid.topic, unsaid.to));
    if !waits && say_now(it, unsaid, config, at, out) {
        return None;
    }
    if it.chat.outbox.len() >= config.outbox {
        return Some(ChatError::OutboxFull(it.chat.outbox.len()));
    }
    let number = it.chat.unsaid;
    out.keep_unsaid(it.entity, number, Some(unsaid));
    let Unsaid { topic, to, text, .. } = unsaid.clone();
    let unsettled = it.chat.unsettled.contains(&topic);
    out.waits.write(TextWaits { node: it.entity, topic, to, text, unsettled, at });
    it.chat.outbox.push_back((number, unsaid.clone()));
    it.chat.unsaid += 1;
    None
}

/// Says what has waited, as far as there is somebody now who may read it.
pub(super) fn say_waiting(it: &mut SpeakerItem, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    let waiting = std::mem::take(&mut it.chat.outbox);
    for (number, unsaid) in waiting {
        if let Some(reason) = hopeless(it, &unsaid) {
            out.keep_unsaid(it.entity, number, None);
            let (node, Unsaid { topic, to, text, .. }) = (it.entity, unsaid);
            out.not_said.write(NotSaid { node, topic, to, text, reason, at });
        } else if say_now(it, &unsaid, config, at, out) {
            out.keep_unsaid(it.entity, number, None);
        } else {
            it.chat.outbox.push_back((number, unsaid));
        }
    }
}

/// Why nobody will ever read what waits.
fn hopeless(it: &SpeakerItem, unsaid: &Unsaid) -> Option<ChatError> {
    match unsaid.to {
        _ if it.access.revoked.contains(&it.me.id) => Some(ChatError::Revoked),
        _ if unsaid.closed && it.access.belonging == Belonging::Open => Some(ChatError::OtherNetwork),
        Some(to) if it.access.revoked.contains(&to) => Some(ChatError::UnknownRecipient(to)),
        _ => (!it.is_subscribed(&unsaid.topic)).then_some(ChatError::NotSubscribed),
    }
}

/// Says something now, if it can be read by somebody, the node knows where it had stopped, and it has not left the topic meanwhile.
fn say_now(it: &mut SpeakerItem, Unsaid { topic, to, text, .. }: &Unsaid, config: &ChatConfig, at: Instant, out: &mut Outlets) -> bool {
    !it.chat.unsettled.contains(topic)
        && it.is_subscribed(topic)
        && match to {
            None => say_to_all(it, *topic, text, config, at, out),
            Some(to) => it.access.is_member(to) && say_direct(it, *to, text, config, at, out),
        }
}

/// Says `text` to all readers of `topic`; false if there is none.
fn say_to_all(it: &mut SpeakerItem, topic: TopicId, text: &[u8], config: &ChatConfig, at: Instant, out: &mut Outlets) -> bool {
    if !renew_epoch(it, topic, config, at, out) {
        return false;
    }
    let log = own_log(it, topic, config, at, out);
    let Some(writer) = it.chat.writers.get_mut(&topic) else { return false };
    let (epoch, index) = (writer.epoch, writer.chain.index);
    let key = writer.chain.advance();
    let ciphertext = key.encrypt(&context(&it.network.0, &log, [epoch, index]), text);
    let body = EntryBody::Text { epoch, index, commitment: key.opening.commit(text), ciphertext };
    let entry = append(it, log, body, config, at, out);
    it.tell(Text::new(&entry, None, key.opening, text.into()), at, out);
    true
}

/// Begins a new epoch if the old one is over; false if there is nobody to read it.
fn renew_epoch(it: &mut SpeakerItem, topic: TopicId, config: &ChatConfig, at: Instant, out: &mut Outlets) -> bool {
    let worn = |writer: &Writer| writer.is_worn(it.clock.elapsed(writer.since, at), config);
    if it.chat.writers.get(&topic).is_some_and(|writer| writer.checked && !worn(writer)) {
        return true;
    }
    let readers = it.readers(&topic);
    let goes_on = it.chat.writers.get(&topic).is_some_and(|writer| writer.readers == readers && !worn(writer));
    if !goes_on {
        // The old chain is erased, also if there is no new one.
        it.chat.writers.remove(&topic);
        if readers.is_empty() {
            return false;
        }
        begin_epoch(it, topic, readers, config, at, out);
    }
    if let Some(writer) = it.chat.writers.get_mut(&topic) {
        writer.checked = true;
    }
    true
}

/// Seals a new chain key to all `readers`.
fn begin_epoch(it: &mut SpeakerItem, topic: TopicId, readers: BTreeSet<NodeId>, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    let log = own_log(it, topic, config, at, out);
    let epoch = it.chat.logs.get(&log).map_or(0, super::Log::last) + 1;
    let mut secret = Secret([0; 32]);
    it.key_rng.0.fill_bytes(&mut secret.0);
    let context = context(&it.network.0, &log, [epoch, 0]);
    let mut keys = Vec::with_capacity(readers.len());
    for reader in &readers {
        // Whoever announces a key that is none reads nothing.
        if let Ok((prekey, sealed)) = it.prekeys.seal(reader, CHAIN, &context, &secret.0, &mut it.key_rng.0) {
            keys.push(SealedKey { reader: *reader, prekey, sealed });
        }
    }
    while !keys.is_empty() {
        let rest = keys.split_off(keys.len().min(MAX_SEALED_KEYS));
        append(it, log, EntryBody::Keys { epoch, keys: std::mem::replace(&mut keys, rest) }, config, at, out);
    }
    let writer = Writer { epoch, chain: Chain::new(secret, 0), readers, since: at, checked: true };
    it.chat.writers.insert(topic, writer);
}

/// The log that the node writes in `topic`; a new one if it has none, or has lost it.
fn own_log(it: &mut SpeakerItem, topic: TopicId, config: &ChatConfig, at: Instant, out: &mut Outlets) -> LogId {
    if let Some(log) = it.chat.own.get(&topic) {
        return *log;
    }
    // Later than any that it, or an older copy of it, has written.
    let last = it.chat.logs.newest(topic, it.me.id).map_or(0, |log| log.life);
    let log = LogId { topic, author: it.me.id, life: it.incarnation.0.max(SpeakerItem::millis(at)).max(last + 1) };
    it.chat.own.insert(topic, log);
    out.keep_own(it.entity, &log);
    make_room(it, &log, config, at, out);
    log
}

/// Signs the next entry of an own log, keeps it and sends it out.
fn append(it: &mut SpeakerItem, log: LogId, body: EntryBody, config: &ChatConfig, at: Instant, out: &mut Outlets) -> Arc<LogEntry> {
    let held = it.chat.logs.get(&log);
    let (last, previous) = (held.map_or(0, super::Log::last), held.map_or_else(Default::default, super::Log::hash));
    let entry = LogEntry {
        id: EntryId { log, sequence: last + 1 },
        previous,
        clock: it.chat.logs.next_clock(log.topic),
        time: SpeakerItem::millis(at),
        body,
        signature: Signature([0; 64]),
    };
    let entry = Arc::new(LogEntry::sign(&it.keys.0, &it.network.0, entry));
    it.chat.logs.accept(Arc::clone(&entry), entry.time);
    it.chat.counts.entries += 1;
    out.keep(it.entity, store::entry_row(&entry.id), store::entry_value(&entry, entry.time));
    if let Ok(bytes) = encode_value(&*entry) {
        out.publish.write(PublishTo { node: it.entity, topic: log.topic, payload: Payload(bytes.into()), at });
    }
    note_head(it, log, config, at, out);
    entry
}

fn say_direct(it: &mut SpeakerItem, to: NodeId, text: &[u8], config: &ChatConfig, at: Instant, out: &mut Outlets) -> bool {
    let log = own_log(it, TopicId::of(LOBBY), config, at, out);
    let sequence = it.chat.logs.get(&log).map_or(0, super::Log::last) + 1;
    let mut opening = Opening([0; 32]);
    it.key_rng.0.fill_bytes(&mut opening.0);
    let plaintext = Zeroizing::new([&opening.0[..], text].concat());
    let context = context(&it.network.0, &log, [sequence, 0]);
    let Ok((prekey, sealed)) = it.prekeys.seal(&to, DIRECT, &context, &plaintext, &mut it.key_rng.0) else { return false };
    let body = EntryBody::Direct { to, prekey, commitment: opening.commit(text), sealed };
    let entry = append(it, log, body, config, at, out);
    it.tell(Text::new(&entry, Some(to), opening, text.into()), at, out);
    true
}
