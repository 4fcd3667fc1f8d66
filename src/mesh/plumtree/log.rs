//! What is kept to be sent again.

use std::collections::VecDeque;
use std::sync::Arc;

use super::tree::Link;
use crate::wire::{MessageId, NodeId, Rumor};

/// How far back [`Log::via`] looks. A payload that comes twice comes twice soon.
const RECENT: usize = 64;

/// A message that is kept, or waits to be announced.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Hops it had come.
    pub round: u16,
    /// The message.
    pub rumor: Arc<Rumor>,
    /// Who brought it; `None`: it is the node's own.
    pub via: Option<Link>,
}

/// The most recent messages, whoever said them.
#[derive(Debug, Default)]
pub struct Log {
    kept: VecDeque<Kept>,
    bytes: usize,
}

impl Log {
    /// Whether a log of at most `messages` and `bytes` of payload keeps a message, if only that one.
    pub fn takes(message: &Kept, messages: usize, bytes: usize) -> bool {
        messages > 0 && message.rumor.payload.0.len() <= bytes
    }

    /// Whether it keeps a message together with the `count` that came last.
    #[inline]
    pub fn has_room_behind(&self, count: usize, message: &Kept, messages: usize, bytes: usize) -> bool {
        let size = |kept: &Kept| kept.rumor.payload.0.len();
        // Almost always there is room for all.
        count < messages && (self.bytes + size(message) <= bytes || self.latest(count).map(size).sum::<usize>() + size(message) <= bytes)
    }

    /// Keeps a message that it [`takes`](Self::takes), and lets the oldest go until no more than `messages` and `bytes` of payload are
    /// kept.
    pub fn push(&mut self, message: Kept, messages: usize, bytes: usize) {
        if !Self::takes(&message, messages, bytes) {
            return;
        }
        self.bytes += message.rumor.payload.0.len();
        // Before the new one comes, so that a full log does not grow.
        while self.kept.len() >= messages || self.bytes > bytes {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.rumor.payload.0.len();
        }
        self.kept.push_back(message);
    }

    /// The `count` that came last, if so many are kept; oldest first.
    pub fn latest(&self, count: usize) -> impl Iterator<Item = &Kept> {
        self.kept.range(self.kept.len().saturating_sub(count)..)
    }

    /// A glance at where the next message will stand, or the one before it.
    #[inline]
    pub fn glance(&self) -> u64 {
        self.kept.back().map_or(0, |kept| u64::from(kept.round))
    }

    /// The message called `id`. Asked for are mostly recent ones, so it looks from the end.
    pub fn get(&self, id: &MessageId) -> Option<&Kept> {
        self.kept.iter().rev().find(|kept| kept.rumor.id == *id)
    }

    /// Who brought the message called `id`, if that was recently and by somebody.
    pub fn via(&self, id: &MessageId) -> Option<Link> {
        self.kept.iter().rev().take(RECENT).find(|kept| kept.rumor.id == *id)?.via
    }

    /// All that are kept of one origin's life, oldest first.
    pub fn of_life(&self, origin: NodeId, life: u64) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter(move |kept| kept.rumor.id.origin == origin && kept.rumor.id.life == life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Payload;

    fn message(sequence: u64, bytes: usize) -> Kept {
        let id = MessageId { origin: NodeId([1; 32]), life: 1, sequence };
        Kept { round: 0, via: None, rumor: Arc::new(Rumor { id, shapes: false, payload: Payload(vec![0; bytes].into()) }) }
    }

    fn kept(log: &Log) -> Vec<u64> {
        log.of_life(NodeId([1; 32]), 1).map(|kept| kept.rumor.id.sequence).collect()
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_are_too_long() {
        let mut log = Log::default();
        (1..=5).for_each(|sequence| log.push(message(sequence, 10), 3, 1000));
        assert_eq!(kept(&log), [3, 4, 5]);
        assert_eq!(log.latest(2).map(|kept| kept.rumor.id.sequence).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(log.latest(9).count(), 3);
        log.push(message(6, 85), 3, 100);
        assert_eq!((kept(&log), log.bytes), (vec![5, 6], 95));
        log.push(message(7, 101), 3, 100);
        assert_eq!((kept(&log), log.bytes), (vec![5, 6], 95), "what is too long on its own drives nothing out");
        log.push(message(8, 1), 0, 100);
        assert_eq!(kept(&log), [5, 6]);
    }

    #[test]
    fn there_is_room_behind_the_latest_if_all_of_them_stay() {
        let mut log = Log::default();
        (1..=3).for_each(|sequence| log.push(message(sequence, 30), 3, 100));
        for (behind, size, room) in [(2, 40, true), (2, 41, false), (1, 41, true), (3, 1, false), (0, 100, true)] {
            assert_eq!(log.has_room_behind(behind, &message(4, size), 3, 100), room, "{behind} {size}");
            let mut log = Log { kept: log.kept.clone(), bytes: log.bytes };
            let stay: Vec<_> = log.latest(behind).map(|kept| kept.rumor.id.sequence).chain([4]).collect();
            log.push(message(4, size), 3, 100);
            assert_eq!(kept(&log).ends_with(&stay), room, "{behind} {size}");
        }
    }
}
