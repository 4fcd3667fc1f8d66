//! How logs end: what is too old or too much goes, and what nobody has any more is given up.

use std::sync::Arc;
use std::time::Duration;

use super::{Log, Logs, MAX_LIVES, MAX_LOGS, MAX_WAITING, size};
use crate::kernel::Instant;
use crate::wire::chat::{EntryId, LogEntry, LogId};
use crate::wire::{NodeId, TopicId};

/// How many must say that the beginning of a log is no longer kept before it is given up; its author counts for all.
const CLAIMS: usize = 2;
/// For how long a single one must say so.
const LONE_CLAIM: Duration = Duration::from_secs(60);

impl Logs {
    /// Makes room for a log called `id`, if there is none for it: the oldest log of its author in that topic goes, for whoever has lost its
    /// log again and again must not be mute; or, of all logs that `may_go`, the one that has been quiet for longest, if only its last entry
    /// is left and came before `before`, or whatever it holds if that is `None`. Returns which log went, and which entries with it.
    pub fn make_room(&mut self, id: &LogId, before: Option<u64>, may_go: impl Fn(&LogId) -> bool) -> Option<(LogId, Vec<EntryId>)> {
        if self.logs.contains_key(id) {
            return None;
        }
        let gone = if self.lives(id.topic, id.author) >= MAX_LIVES {
            let first = LogId { life: 0, ..*id };
            self.logs.range(first..*id).next().map(|(oldest, _)| *oldest)
        } else if self.logs.len() >= MAX_LOGS {
            let quiet_since = |log: &Log| log.entries.back().map_or(0, |held| held.since);
            let is_over = |log: &Log| before.is_none_or(|before| log.entries.len() <= 1 && quiet_since(log) < before);
            let all = self.logs.iter().filter(|(id, log)| may_go(id) && is_over(log));
            all.min_by_key(|(id, log)| (quiet_since(log), **id)).map(|(id, _)| *id)
        } else {
            None
        };
        let (gone, log) = self.logs.remove_entry(&gone?)?;
        self.waiting -= log.waiting.values().map(|entry| size(entry)).sum::<usize>();
        Some((gone, log.entries().map(|entry| entry.id).collect()))
    }

    /// `by` says that a log begins at `first`, later than what is lacking here. What lies before is given up when enough have said so and
    /// an entry from there on is here, signed by the author: nobody can say so of what is not. Returns what goes.
    pub fn claim(&mut self, id: LogId, first: u64, by: NodeId, now: Instant) -> Vec<EntryId> {
        let Some(log) = self.logs.get_mut(&id) else { return Vec::new() };
        if first <= log.last() + 1 || log.claims.len() >= MAX_WAITING && !log.claims.contains_key(&by) {
            return Vec::new();
        }
        log.claims.entry(by).or_insert((first, now)).0 = first;
        let alone = log.claims.values().all(|(_, since)| now.since(*since) < LONE_CLAIM);
        let Some(first) = log.claims.values().map(|(first, _)| *first).min() else { return Vec::new() };
        if by != id.author && log.claims.len() < CLAIMS && alone || !log.waiting.contains_key(&first) {
            return Vec::new();
        }
        let rest = log.waiting.split_off(&first);
        self.waiting -= log.waiting.values().map(|entry| size(entry)).sum::<usize>();
        let gone = log.entries().map(|entry| entry.id).collect();
        *log = Log { first, forked: log.forked, waiting: rest, ..Log::default() };
        gone
    }

    /// Lets the oldest entries of a topic go until no more than `bytes` are kept and none came before `before`, in milliseconds of the
    /// node's own clock. The last of each log stays: the next is bound to it. Returns which went.
    pub fn trim(&mut self, topic: TopicId, bytes: usize, before: u64) -> Vec<EntryId> {
        let mut total: usize = self.of_topic(topic).map(|(_, log)| log.bytes).sum();
        let mut gone = Vec::new();
        loop {
            let candidates = self.of_topic(topic).filter(|(_, log)| log.entries.len() > 1);
            let oldest = candidates.min_by_key(|(id, log)| (log.entries[0].since, **id)).map(|(id, log)| (*id, log.entries[0].since));
            let Some((id, since)) = oldest.filter(|(_, since)| total > bytes || *since < before) else { return gone };
            let Some(log) = self.logs.get_mut(&id) else { return gone };
            // All of the log that came in the same second, at once.
            while let Some(held) = log.entries.front().filter(|held| held.since <= since + 1_000 && log.entries.len() > 1) {
                if total <= bytes && held.since >= before {
                    break;
                }
                total -= size(&held.entry);
                log.bytes -= size(&held.entry);
                gone.push(held.entry.id);
                log.first += 1;
                log.entries.pop_front();
            }
        }
    }

    /// The entries that stay only because the next will be bound to them, and came before `before`.
    pub fn anchors(&self, topic: TopicId, before: u64) -> impl Iterator<Item = EntryId> {
        let last = move |(_, log): (&LogId, &Log)| log.entries.back().filter(|held| held.since < before).map(|held| held.entry.id);
        self.of_topic(topic).filter_map(last)
    }

    /// After a restart, when the clock may stand elsewhere, at `now`: nothing that was kept has come later than now, and the pause ages it by
    /// `pause` at most, for who knows whether it was one. In milliseconds; returns what has another time since.
    pub fn settle(&mut self, now: u64, pause: u64) -> Vec<(Arc<LogEntry>, u64)> {
        let all = || self.logs.values().flat_map(|log| &log.entries);
        let Some(newest) = all().map(|held| held.since.min(now)).max() else { return Vec::new() };
        let skipped = (now - newest).saturating_sub(pause);
        let mut settled = Vec::new();
        for held in self.logs.values_mut().flat_map(|log| &mut log.entries) {
            let since = (held.since + skipped).min(now);
            if since != held.since {
                held.since = since;
                settled.push((Arc::clone(&held.entry), since));
            }
        }
        settled
    }
}
