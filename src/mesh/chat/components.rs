//! What a node knows of chat.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bevy_ecs::prelude::*;

use super::log::Logs;
use super::receipts::Receipts;
use super::sender::{Readers, Writer};
use super::timeline::{Text, Timeline};
use crate::kernel::{AccessList, Instant, Pace};
use crate::mesh::topics::LOBBY;
use crate::wire::chat::{EntryBody, EntryId, LogId};
use crate::wire::{NodeId, TopicId};

/// The state of chat at a node.
#[derive(Component, Default, Debug)]
pub struct Chat {
    pub(super) logs: Logs,
    pub(super) texts: Timeline,
    /// The log that the node itself writes in each topic.
    pub(super) own: BTreeMap<TopicId, LogId>,
    /// Topics in which the node wrote in an earlier life and has not compared its log with anybody's yet: it may have said more than it knows,
    /// if what it comes from is an older copy.
    pub(super) unsettled: BTreeSet<TopicId>,
    pub(super) writers: BTreeMap<TopicId, Writer>,
    pub(super) readers: Readers,
    pub(super) receipts: Receipts,
    /// Texts of others that cannot be read.
    pub(super) locked: BTreeSet<EntryId>,
    /// How often they have been asked for since one was added.
    pub(super) asked: u32,
    /// Whose turn it is to be asked, and for which.
    pub(super) turn: usize,
    /// Who subscribes to topics, also of those who are away.
    pub(super) subscribers: BTreeMap<TopicId, BTreeSet<NodeId>>,
    /// What members call themselves, also those who are away.
    pub(super) names: BTreeMap<NodeId, Box<str>>,
    /// Texts that wait for somebody who may read them, and the number of the next.
    pub(super) outbox: VecDeque<(u64, Unsaid)>,
    pub(super) unsaid: u64,
    /// Which timers are set.
    pub(super) armed: Armed,
    /// Who had news of which topic a moment ago.
    pub(super) catching_up: BTreeMap<TopicId, NodeId>,
    /// What was done for whom.
    pub(super) pace: Pace,
    pub(super) counts: ChatCounts,
}

/// A text that waits.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Unsaid {
    pub topic: TopicId,
    /// For whom alone.
    pub to: Option<NodeId>,
    pub text: Box<[u8]>,
    /// Whether it is meant for a network by invitation.
    pub closed: bool,
}

/// Which timers of a node are set, of those that are set when they are needed.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Armed {
    pub gap: bool,
    pub receipts: bool,
    /// For when the next is set that counts.
    pub ask: Option<Instant>,
}

/// What a node has seen of chat since it started.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ChatCounts {
    /// Entries taken in, own ones among them.
    pub entries: u64,
    /// Texts read.
    pub texts: u64,
    /// Entries that were not what an entry can be, or not signed by their author.
    pub forged: u64,
    /// Logs whose authors have signed what contradicts what they had signed before.
    pub forked: u64,
    /// Keys and texts that were sealed for the node, and could not be opened.
    pub unopened: u64,
    /// Texts of others that were shared, and are not those that were signed.
    pub false_texts: u64,
    /// Entries for which there was no room.
    pub refused: u64,
    /// Texts that were asked for by somebody who may not read them.
    pub not_shared: u64,
    /// Questions that were not answered, or not to the end, because they were too many in a second.
    pub paced: u64,
}

impl ChatCounts {
    /// What was refused, not opened or not answered: each with its name.
    pub fn refusals(&self) -> [(&'static str, u64); 7] {
        [
            ("forged", self.forged),
            ("forked", self.forked),
            ("unopened", self.unopened),
            ("false_texts", self.false_texts),
            ("refused", self.refused),
            ("not_shared", self.not_shared),
            ("paced", self.paced),
        ]
    }
}

impl Chat {
    /// The logs.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// What can be read.
    pub fn texts(&self) -> &Timeline {
        &self.texts
    }

    /// What was said since `since`, in milliseconds by the authors' clocks, in all topics; 0 for all.
    pub fn history(&self, since: u64) -> impl Iterator<Item = &Arc<Text>> {
        self.texts.iter().filter(move |text| text.time >= since)
    }

    /// How many of those whom an entry is for are known to have it, its author among them. Others have it too, to pass it on: of what is
    /// said to one only that one counts, of all else the members who may read it.
    pub fn delivered_to(&self, id: &EntryId, access: &AccessList) -> usize {
        let others = match self.logs.entry(id).map(|entry| &entry.body) {
            Some(EntryBody::Direct { to, .. }) => usize::from(self.receipts.has(&id.log, to, id.sequence)),
            _ => {
                let reads = |member: &&NodeId| access.is_member(member) && self.belongs(&id.log.topic, member);
                self.receipts.holders(&id.log, id.sequence).filter(reads).count()
            }
        };
        others + 1
    }

    /// Whether `member` subscribes to `topic`; to the lobby all do.
    pub(super) fn belongs(&self, topic: &TopicId, member: &NodeId) -> bool {
        *topic == TopicId::of(LOBBY) || self.subscribers.get(topic).is_some_and(|all| all.contains(member))
    }

    /// How many texts of others wait to be readable.
    pub fn locked(&self) -> usize {
        self.locked.len()
    }

    /// How many own texts wait for somebody who may read them.
    pub fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// What was seen so far.
    pub fn counts(&self) -> ChatCounts {
        self.counts
    }

    /// What `member` called itself when it was heard of last.
    pub fn name(&self, member: &NodeId) -> Option<&str> {
        self.names.get(member).map(|name| &**name)
    }

    /// Who subscribes to a topic, also those who are away. Of the lobby nobody is listed, for all belong to it.
    pub fn subscribers(&self, topic: &TopicId) -> impl Iterator<Item = &NodeId> {
        self.subscribers.get(topic).into_iter().flatten()
    }

    /// The log that the node itself writes in `topic`.
    pub fn own_log(&self, topic: &TopicId) -> Option<LogId> {
        self.own.get(topic).copied()
    }
}
