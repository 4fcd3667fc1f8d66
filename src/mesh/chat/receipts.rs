//! Who has what: how far each member says to have each log.
//!
//! A member tells it in its namespace, under one key of one KiB: the logs that grew last, 14 bytes each. What has left that list is
//! remembered by those who saw it.

use std::collections::{BTreeMap, VecDeque};

use sha2::{Digest, Sha256};

use crate::wire::NodeId;
use crate::wire::chat::LogId;

/// The key of a namespace that says how far its owner has which logs.
pub const HAVE: &str = "have";
/// Most logs that a member tells about.
const MAX_TOLD: usize = 64;
/// Most logs for which it is remembered how far one member has them.
const MAX_LOGS: usize = 8_192;

/// Stands for a log in receipts: the first bytes of a hash of its name.
type LogTag = [u8; 8];

fn tag(log: &LogId) -> LogTag {
    let hash: [u8; 32] =
        Sha256::new().chain_update(log.topic.0).chain_update(log.author.0).chain_update(log.life.to_le_bytes()).finalize().into();
    std::array::from_fn(|index| hash[index])
}

/// What a node tells, and what it was told.
#[derive(Default, Debug)]
pub struct Receipts {
    /// The logs that grew last, the newest at the back.
    own: VecDeque<(LogTag, u64)>,
    /// Names of logs, by what stands for them.
    logs: BTreeMap<LogTag, LogId>,
    /// How far each member has which logs.
    told: BTreeMap<NodeId, BTreeMap<LogTag, u64>>,
}

impl Receipts {
    /// The node has `log` up to `last`.
    pub fn note_own(&mut self, log: LogId, last: u64) {
        let tag = tag(&log);
        self.own.retain(|(other, _)| *other != tag);
        self.own.push_back((tag, last));
        if self.own.len() > MAX_TOLD {
            self.own.pop_front();
        }
        if self.logs.len() < MAX_LOGS {
            self.logs.insert(tag, log);
        }
    }

    /// `member` has `log` up to `last`; says whether that is news.
    pub fn note(&mut self, log: LogId, member: NodeId, last: u64) -> bool {
        self.note_tag(tag(&log), member, last)
    }

    fn note_tag(&mut self, tag: LogTag, member: NodeId, last: u64) -> bool {
        let told = self.told.entry(member).or_default();
        if told.len() >= MAX_LOGS && !told.contains_key(&tag) {
            return false;
        }
        let known = told.entry(tag).or_default();
        let news = *known < last;
        *known = last.max(*known);
        news
    }

    /// Forgets what was told by those who have gone for good.
    pub fn forget(&mut self, is_stranger: impl Fn(&NodeId) -> bool) {
        self.told.retain(|member, _| !is_stranger(member));
    }

    /// What to tell.
    pub fn to_bytes(&self) -> Vec<u8> {
        let one = |(tag, last): &(LogTag, u64)| tag.iter().copied().chain(last.to_le_bytes().into_iter().take(6)).collect::<Vec<u8>>();
        self.own.iter().flat_map(one).collect()
    }

    /// What `member` tells; returns the logs of which it has more than was known.
    pub fn learn(&mut self, member: NodeId, bytes: &[u8]) -> Vec<LogId> {
        let mut grown = Vec::new();
        for one in bytes.chunks_exact(14).take(MAX_TOLD) {
            let (tag, last) = one.split_at(8);
            let tag: LogTag = std::array::from_fn(|index| tag[index]);
            let last = u64::from_le_bytes(std::array::from_fn(|index| last.get(index).copied().unwrap_or(0)));
            if self.note_tag(tag, member, last)
                && let Some(log) = self.logs.get(&tag)
            {
                grown.push(*log);
            }
        }
        grown
    }

    /// Whether `member` says to have the entry `sequence` of `log`.
    pub fn has(&self, log: &LogId, member: &NodeId, sequence: u64) -> bool {
        self.told.get(member).and_then(|told| told.get(&tag(log))).is_some_and(|last| *last >= sequence)
    }

    /// The members who say to have the entry `sequence` of `log`, besides its author.
    pub fn holders(&self, log: &LogId, sequence: u64) -> impl Iterator<Item = &NodeId> {
        let (tag, author) = (tag(log), log.author);
        let has = move |told: &BTreeMap<LogTag, u64>| told.get(&tag).is_some_and(|last| *last >= sequence);
        self.told.iter().filter(move |(member, told)| **member != author && has(told)).map(|(member, _)| member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::TopicId;

    fn log(author: u8) -> LogId {
        LogId { topic: TopicId::of("t"), author: NodeId([author; 32]), life: 1 }
    }

    #[test]
    fn what_is_told_is_learnt_and_never_less() {
        let (mut alice, mut bob) = (Receipts::default(), Receipts::default());
        (1..=100).for_each(|author| alice.note_own(log(author), u64::from(author)));
        alice.note_own(log(99), 500);
        bob.note_own(log(99), 1);
        assert!(alice.to_bytes().len() <= crate::mesh::membership::MAX_VALUE);
        assert_eq!(bob.learn(NodeId([200; 32]), &alice.to_bytes()), [log(99)]);
        let holders = |bob: &Receipts, author: u8, sequence: u64| bob.holders(&log(author), sequence).count();
        assert_eq!((holders(&bob, 99, 500), holders(&bob, 99, 501)), (1, 0));
        assert_eq!(holders(&bob, 1, 1), 0, "it has left the list");
        bob.note(log(99), NodeId([200; 32]), 3);
        assert_eq!(holders(&bob, 99, 500), 1);
        let has = |member: u8| bob.has(&log(99), &NodeId([member; 32]), 500);
        assert!(has(200) && !has(201));
        assert!(bob.learn(NodeId([201; 32]), &[1, 2, 3]).is_empty(), "what is too short is ignored");
    }
}
