//! What of chat outlives a node: entries, texts, and how far chains have come.

use bevy_ecs::prelude::*;
use serde::Serialize;
use zeroize::Zeroizing;

use super::components::{Chat, Unsaid};
use super::outlets::Outlets;
use super::sender::KeptChain;
use super::timeline::Text;
use crate::crypto::Opening;
use crate::kernel::{Contact, Persist, Restored, row};
use crate::wire::chat::{EntryBody, EntryId, LogEntry, LogId};
use crate::wire::codec::{decode_value, encode_secret};
use crate::wire::{NodeId, TopicId};

/// The kinds of rows.
const ENTRY: &str = "chat-entry";
const TEXT: &str = "chat-text";
const OWN: &str = "chat-own";
const SUBSCRIBER: &str = "chat-subscriber";
const READER: &str = "chat-reader";
const UNSAID: &str = "chat-unsaid";
const NAME: &str = "chat-name";
const ALL: [&str; 7] = [ENTRY, TEXT, OWN, SUBSCRIBER, READER, UNSAID, NAME];

fn log_name(log: &LogId) -> Vec<u8> {
    [&log.topic.0[..], &log.author.0, &log.life.to_be_bytes()].concat()
}

fn entry_name(id: &EntryId) -> Vec<u8> {
    let mut name = log_name(&id.log);
    name.extend_from_slice(&id.sequence.to_be_bytes());
    name
}

fn log_of(name: &[u8]) -> Option<LogId> {
    let (topic, rest) = name.split_first_chunk()?;
    let (author, life) = rest.split_first_chunk()?;
    Some(LogId { topic: TopicId(*topic), author: NodeId(*author), life: u64::from_be_bytes(life.try_into().ok()?) })
}

fn entry_of(name: &[u8]) -> Option<EntryId> {
    let (log, sequence) = name.split_last_chunk()?;
    Some(EntryId { log: log_of(log)?, sequence: u64::from_be_bytes(*sequence) })
}

/// What rows hold can always be encoded.
fn value(of: &impl Serialize) -> Zeroizing<Vec<u8>> {
    encode_secret(of).unwrap_or_default()
}

/// The row of an entry, and of its text.
pub(super) fn entry_row(id: &EntryId) -> Vec<u8> {
    row(ENTRY, &entry_name(id))
}

/// What it holds: since when the entry is kept, in milliseconds by the node's own clock, and the entry.
pub(super) fn entry_value(entry: &LogEntry, since: u64) -> Vec<u8> {
    [&since.to_le_bytes()[..], &value(entry)].concat()
}

pub(super) fn text_row(id: &EntryId) -> Vec<u8> {
    row(TEXT, &entry_name(id))
}

pub(super) fn text_value(text: &Text) -> Vec<u8> {
    [&text.opening.0[..], &text.text].concat()
}

impl Outlets<'_> {
    /// Keeps which log the node writes in a topic.
    pub(super) fn keep_own(&mut self, node: Entity, log: &LogId) {
        self.keep(node, row(OWN, &log.topic.0), log.life.to_be_bytes().to_vec());
    }

    /// Forgets it.
    pub(super) fn forget_own(&mut self, node: Entity, topic: &TopicId) {
        self.forget(node, row(OWN, &topic.0));
    }

    /// Keeps who subscribes to a topic.
    pub(super) fn keep_subscriber(&mut self, node: Entity, topic: &TopicId, member: &NodeId, subscribed: bool) {
        let row = row(SUBSCRIBER, &[&topic.0[..], &member.0].concat());
        self.persist.write(if subscribed { Persist::keep(node, row, Vec::new()) } else { Persist::forget(node, row) });
    }

    /// Keeps how far the chain has come with which the node reads a log.
    pub(super) fn keep_reader(&mut self, node: Entity, log: &LogId, chat: &Chat) {
        let row = row(READER, &log_name(log));
        match chat.readers.get(log) {
            Some(reader) => self.keep(node, row, value(&KeptChain::of_reader(reader))),
            None => self.forget(node, row),
        }
    }

    /// Keeps what a member calls itself.
    pub(super) fn keep_name(&mut self, node: Entity, member: &NodeId, name: &str) {
        self.keep(node, row(NAME, &member.0), name.as_bytes().to_vec());
    }

    /// Forgets what a member called itself.
    pub(super) fn forget_name(&mut self, node: Entity, member: &NodeId) {
        self.forget(node, row(NAME, &member.0));
    }

    /// Keeps a text that waits, or forgets it.
    pub(super) fn keep_unsaid(&mut self, node: Entity, number: u64, unsaid: Option<&Unsaid>) {
        let row = row(UNSAID, &number.to_be_bytes());
        match unsaid {
            Some(unsaid) => self.keep(node, row, value(unsaid)),
            None => self.forget(node, row),
        }
    }
}

/// Takes in what an earlier life has kept.
pub(super) fn restore(mut restored: MessageReader<Restored>, mut nodes: Query<(&Contact, &mut Chat)>) {
    let mut rows: Vec<&Restored> = restored.read().filter(|row| ALL.iter().any(|kind| row.of_kind(kind).is_some())).collect();
    // Entries in their order, before the texts they say. The names of kinds stand in that order too.
    rows.sort_by(|a, b| (a.node, &a.row).cmp(&(b.node, &b.row)));
    let mut restored_nodes: Vec<Entity> = rows.iter().map(|message| message.node).collect();
    for message in rows {
        let Ok((_, mut chat)) = nodes.get_mut(message.node) else { continue };
        // What cannot be read is as if it were not there; the store has said what is damaged.
        let _ = restore_row(&mut chat, message);
    }
    restored_nodes.dedup();
    for node in restored_nodes {
        if let Ok((me, mut chat)) = nodes.get_mut(node) {
            lock_unread(&mut chat, &me.id);
            let held = chat.logs.iter().filter(|(log, _)| log.author != me.id).map(|(log, held)| (*log, held.last()));
            for (log, last) in held.collect::<Vec<_>>() {
                chat.receipts.note(log, me.id, last);
            }
        }
    }
}

fn restore_row(chat: &mut Chat, message: &Restored) -> Option<()> {
    if message.of_kind(ENTRY).is_some() {
        let (since, entry) = message.value.split_first_chunk()?;
        let entry: LogEntry = decode_value(entry).ok()?;
        chat.receipts.note_own(entry.id.log, entry.id.sequence);
        chat.logs.restore(entry, u64::from_le_bytes(*since));
    } else if let Some(name) = message.of_kind(TEXT) {
        let entry = chat.logs.entry(&entry_of(name)?)?;
        let (opening, text) = message.value.split_first_chunk()?;
        let to = if let EntryBody::Direct { to, .. } = &entry.body { Some(*to) } else { None };
        let text = Text::new(entry, to, Opening(*opening), text.into());
        chat.texts.insert(text.into());
    } else if let Some(name) = message.of_kind(READER) {
        let kept: KeptChain = decode_value(&message.value).ok()?;
        chat.readers.insert(log_of(name)?, kept.reader());
    } else if let Some(name) = message.of_kind(OWN) {
        // Its author is the node itself, which is filled in at its start.
        let (topic, life) = (TopicId(name.try_into().ok()?), u64::from_be_bytes(message.value.as_slice().try_into().ok()?));
        chat.own.insert(topic, LogId { topic, author: NodeId([0; 32]), life });
        chat.unsettled.insert(topic);
    } else if let Some(name) = message.of_kind(SUBSCRIBER) {
        let (topic, member) = name.split_first_chunk()?;
        chat.subscribers.entry(TopicId(*topic)).or_default().insert(NodeId(member.try_into().ok()?));
    } else if let Some(name) = message.of_kind(UNSAID) {
        let number = u64::from_be_bytes(name.try_into().ok()?);
        chat.outbox.push_back((number, decode_value(&message.value).ok()?));
        chat.unsaid = chat.unsaid.max(number + 1);
    } else if let Some(name) = message.of_kind(NAME) {
        chat.names.insert(NodeId(name.try_into().ok()?), std::str::from_utf8(&message.value).ok()?.into());
    }
    Some(())
}

/// What has an entry and no text was not readable, and is asked for again.
fn lock_unread(chat: &mut Chat, me: &NodeId) {
    let concerns = |entry: &LogEntry| match &entry.body {
        EntryBody::Keys { .. } => false,
        EntryBody::Text { .. } => true,
        EntryBody::Direct { to, .. } => to == me || entry.id.log.author == *me,
    };
    let unread = |entry: &LogEntry| concerns(entry) && chat.texts.get(&entry.id).is_none();
    let entries = chat.logs.iter().flat_map(|(_, log)| log.entries());
    let locked = entries.filter(|entry| unread(entry)).map(|entry| entry.id).collect();
    chat.locked = locked;
}
