//! Logs: what each author says in each topic, in order, each entry bound to the one before it by its hash. No ECS.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::kernel::Instant;
use crate::wire::chat::{EntryHash, EntryId, Head, LogEntry, LogId};
use crate::wire::{NodeId, TopicId};

/// Most logs that a node keeps.
pub const MAX_LOGS: usize = 8_192;
/// Most entries of a log that wait for those before them.
pub const MAX_WAITING: usize = 256;
/// Most bytes of entries that wait, of all logs.
const MAX_WAITING_BYTES: usize = 16 << 20;
/// Most logs of one author in one topic: it begins another when it has lost the last.
const MAX_LIVES: usize = 16;
/// How many must say that the beginning of a log is no longer kept before it is given up; its author counts for all.
const CLAIMS: usize = 2;
/// For how long a single one must say so.
const LONE_CLAIM: Duration = Duration::from_secs(60);

/// All logs of a node.
#[derive(Default, Debug)]
pub struct Logs {
    logs: BTreeMap<LogId, Log>,
    /// The highest clock of each topic.
    clocks: BTreeMap<TopicId, u64>,
    /// Bytes of the entries that wait.
    waiting: usize,
}

/// One log.
#[derive(Default, Debug)]
pub struct Log {
    /// Number of the first entry that is kept.
    first: u64,
    entries: VecDeque<Held>,
    bytes: usize,
    /// Hash of the last entry.
    hash: EntryHash,
    waiting: BTreeMap<u64, Arc<LogEntry>>,
    /// Those who say that it begins later: where, and since when they say so.
    claims: BTreeMap<NodeId, (u64, Instant)>,
    /// Its author has signed two entries with one number.
    pub forked: bool,
}

/// An entry that is kept, and since when, in milliseconds by the node's own clock: what authors say of the time does not decide how long.
#[derive(Debug)]
struct Held {
    entry: Arc<LogEntry>,
    since: u64,
}

/// What became of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It continues the log, and these with it: it, and those that had waited for it.
    New(Vec<Arc<LogEntry>>),
    /// It is there already.
    Known,
    /// It waits for those before it.
    Waiting,
    /// Its author has signed another entry with its number, or one before it, or its clock goes back: the first that came is kept.
    Forked,
    /// There is no room for it.
    Full,
}

impl Log {
    /// Number of the last entry, also of one that is no longer kept; 0 if there was none.
    pub fn last(&self) -> u64 {
        (self.first + self.entries.len() as u64).saturating_sub(1)
    }

    /// Number of the first entry that is kept.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The entry of that number, if it is kept.
    pub fn get(&self, sequence: u64) -> Option<&Arc<LogEntry>> {
        self.entries.get(usize::try_from(sequence.checked_sub(self.first)?).ok()?).map(|held| &held.entry)
    }

    /// The entries that are kept.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Arc<LogEntry>> {
        self.entries.iter().map(|held| &held.entry)
    }

    /// Hash of the last entry.
    pub fn hash(&self) -> EntryHash {
        self.hash
    }

    /// Whether entries wait for others.
    pub fn has_gap(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether `entry` may be the next.
    fn is_continued_by(&self, entry: &LogEntry) -> bool {
        match self.entries.back() {
            // Its author knew what itself had said: its clock goes on.
            Some(last) => entry.previous == self.hash && entry.clock > last.entry.clock,
            // The first that is kept of a log whose beginning is gone follows something that nobody can show.
            None => self.first > 0 || entry.previous == self.hash,
        }
    }

    fn push(&mut self, entry: Arc<LogEntry>, since: u64) {
        if self.entries.is_empty() {
            self.first = entry.id.sequence;
        }
        self.hash = entry.hash();
        self.bytes += size(&entry);
        self.entries.push_back(Held { entry, since });
    }
}

/// What an entry takes of the memory that is granted, in bytes; roughly.
fn size(entry: &LogEntry) -> usize {
    use crate::wire::chat::EntryBody as B;
    let body = match &entry.body {
        B::Keys { keys, .. } => keys.len() * 160,
        B::Text { ciphertext, .. } => ciphertext.len(),
        B::Direct { sealed, .. } => sealed.ciphertext.len(),
    };
    320 + body
}

impl Logs {
    /// The log called `id`.
    pub fn get(&self, id: &LogId) -> Option<&Log> {
        self.logs.get(id)
    }

    /// The entry called `id`, if it is kept.
    pub fn entry(&self, id: &EntryId) -> Option<&Arc<LogEntry>> {
        self.logs.get(&id.log)?.get(id.sequence)
    }

    /// All logs.
    pub fn iter(&self) -> impl Iterator<Item = (&LogId, &Log)> {
        self.logs.iter()
    }

    /// The logs of a topic, by author and life.
    pub fn of_topic(&self, topic: TopicId) -> impl Iterator<Item = (&LogId, &Log)> {
        let from = LogId { topic, author: NodeId([0; 32]), life: 0 };
        let to = LogId { topic, author: NodeId([0xff; 32]), life: u64::MAX };
        self.logs.range(from..=to)
    }

    /// The Lamport clock of the next entry of a topic.
    pub fn next_clock(&self, topic: TopicId) -> u64 {
        (self.clocks.get(&topic).copied().unwrap_or(0) + 1).min(crate::wire::chat::MAX_NUMBER)
    }

    /// The newest log that `author` has in `topic`.
    pub fn newest(&self, topic: TopicId, author: NodeId) -> Option<LogId> {
        let range = LogId { topic, author, life: 0 }..=LogId { topic, author, life: u64::MAX };
        self.logs.range(range).next_back().map(|(id, _)| *id)
    }

    /// Takes in an entry that is sound and whose signature holds, at `now` in milliseconds.
    pub fn accept(&mut self, entry: Arc<LogEntry>, now: u64) -> Accepted {
        let EntryId { log: id, sequence } = entry.id;
        if !self.logs.contains_key(&id) && (self.logs.len() >= MAX_LOGS || self.lives(id.topic, id.author) >= MAX_LIVES) {
            return Accepted::Full;
        }
        let log = self.logs.entry(id).or_default();
        let last = log.last();
        if sequence <= last {
            // What has left the log cannot be compared.
            let differs = log.get(sequence).is_some_and(|held| **held != *entry);
            log.forked |= differs;
            return if differs { Accepted::Forked } else { Accepted::Known };
        }
        if sequence > last + 1 {
            if log.waiting.len() >= MAX_WAITING && !log.waiting.contains_key(&sequence) {
                // Those that are needed first stay.
                match log.waiting.last_entry() {
                    Some(highest) if *highest.key() > sequence => self.waiting -= size(&highest.remove()),
                    _ => return Accepted::Full,
                }
            }
            if self.waiting + size(&entry) > MAX_WAITING_BYTES {
                return Accepted::Full;
            }
            self.waiting += size(&entry);
            if let Some(other) = log.waiting.insert(sequence, entry) {
                self.waiting -= size(&other);
            }
            return Accepted::Waiting;
        }
        if !log.is_continued_by(&entry) {
            log.forked = true;
            return Accepted::Forked;
        }
        let mut new = vec![Arc::clone(&entry)];
        // It may have waited for those that were given up.
        self.waiting -= log.waiting.remove(&sequence).map_or(0, |entry| size(&entry));
        log.push(entry, now);
        log.claims.clear();
        while let Some(next) = log.waiting.remove(&(log.last() + 1)) {
            self.waiting -= size(&next);
            if !log.is_continued_by(&next) {
                log.forked = true;
                break;
            }
            new.push(Arc::clone(&next));
            log.push(next, now);
        }
        let clock = self.clocks.entry(id.topic).or_default();
        *clock = new.iter().map(|entry| entry.clock).fold(*clock, u64::max);
        Accepted::New(new)
    }

    /// Lets the oldest log of an author in a topic go if `id` is a newer one and there are as many as may be: whoever has lost its log again
    /// and again must not be mute. Returns which entries went.
    pub fn make_room(&mut self, id: &LogId) -> Vec<EntryId> {
        let first = LogId { life: 0, ..*id };
        let oldest = self.logs.range(first..=*id).next().map(|(oldest, _)| *oldest).filter(|oldest| oldest != id);
        let Some(oldest) = oldest.filter(|_| !self.logs.contains_key(id) && self.lives(id.topic, id.author) >= MAX_LIVES) else {
            return Vec::new();
        };
        let Some(log) = self.logs.remove(&oldest) else { return Vec::new() };
        self.waiting -= log.waiting.values().map(|entry| size(entry)).sum::<usize>();
        log.entries().map(|entry| entry.id).collect()
    }

    /// What is held of the logs of a topic, by author and life.
    pub fn heads(&self, topic: TopicId) -> Vec<Head> {
        let head = |(id, log): (&LogId, &Log)| {
            // Of one that was given up, and not begun again, there is nothing to compare.
            (!log.entries.is_empty()).then(|| Head { author: id.author, life: id.life, first: log.first, last: log.last(), hash: log.hash })
        };
        self.of_topic(topic).filter_map(head).collect()
    }

    fn lives(&self, topic: TopicId, author: NodeId) -> usize {
        self.logs.range(LogId { topic, author, life: 0 }..=LogId { topic, author, life: u64::MAX }).count()
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

    /// The topics of which there are logs.
    pub fn topics(&self) -> Vec<TopicId> {
        self.clocks.keys().copied().collect()
    }

    /// Takes in what an earlier life has kept, in order.
    pub fn restore(&mut self, entry: LogEntry, since: u64) {
        let log = self.logs.entry(entry.id.log).or_default();
        if log.entries.is_empty() || entry.id.sequence == log.last() + 1 {
            let clock = self.clocks.entry(entry.id.log.topic).or_default();
            *clock = entry.clock.max(*clock);
            log.push(Arc::new(entry), since);
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
