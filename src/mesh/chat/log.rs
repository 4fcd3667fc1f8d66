//! Logs: what each author says in each topic, in order, each entry bound to the one before it by its hash. No ECS.

mod retention;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

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
}
