//! Entries that come in: checked, put in their logs, read.

use std::sync::Arc;

use super::ChatConfig;
use super::asking::ask_soon;
use super::log::Accepted;
use super::messages::ForkSeen;
use super::outlets::{Outlets, SpeakerItem};
use super::sender::Reader;
use super::speaking::say_waiting;
use super::systems::ChatTimer;
use super::timeline::{Place, Text};
use super::{retention, store};
use crate::crypto::{Chain, Opening, Secret};
use crate::kernel::Instant;
use crate::wire::admission::PastRule;
use crate::wire::chat::{EntryBody, EntryId, LogEntry, LogId};
use crate::wire::{NodeId, TopicId};

/// What chain keys are sealed for.
pub const CHAIN: &[u8] = b"murmuration chain 1";
/// What direct texts are sealed for.
pub const DIRECT: &[u8] = b"murmuration direct 1";

/// How far an entry's clock may be ahead of what it could be.
const MAX_CLOCK_LEAP: u64 = 1 << 20;

/// What clocks may always show: all that could have been said from 1970 to 2039, with an entry each millisecond. It does not depend on
/// the time, or members whose clocks are slow would refuse what others take in, and all that follows.
const ALWAYS: u64 = 1 << 41;

/// Whether a clock is ahead of what is known of its topic, though much may be missing, and of what it may always show: no honest one is, and
/// one that was would end the order of all that follows.
pub(super) fn leaps(clock: u64, next: u64) -> bool {
    clock > next.max(ALWAYS).saturating_add(MAX_CLOCK_LEAP)
}

/// What binds a sealed key, or a text, to its place: network, log, and a number or two. Of keys these are the epoch and 0, of texts for
/// all the epoch and the index, of direct ones the sequence and 0.
pub fn context(network: &[u8; 8], log: &LogId, numbers: [u64; 2]) -> Vec<u8> {
    let mut bytes = network.to_vec();
    bytes.extend_from_slice(&log.topic.0);
    bytes.extend_from_slice(&log.author.0);
    bytes.extend_from_slice(&log.life.to_le_bytes());
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    bytes
}

/// Takes in an entry that somebody passed on; says whether it is new.
pub(super) fn take_in(it: &mut SpeakerItem, entry: Arc<LogEntry>, config: &ChatConfig, at: Instant, out: &mut Outlets) -> bool {
    let EntryId { log, sequence } = entry.id;
    if it.chat.logs.get(&log).is_some_and(|held| held.get(sequence).is_some_and(|held| **held == *entry)) {
        return false;
    }
    // What somebody said who is no longer a member was said, but nobody speaks who never was.
    let was_member = it.access.admits(&log.author) || it.access.revoked.contains(&log.author);
    if leaps(entry.clock, it.chat.logs.next_clock(log.topic)) || !entry.is_sound() || entry.verify(&it.network.0, it.keys.0.mode()).is_err()
    {
        it.chat.counts.forged += 1;
        return false;
    }
    if !was_member || !it.is_subscribed(&log.topic) {
        it.chat.counts.refused += 1;
        return false;
    }
    let mut abandoned = false;
    // What it has let go it has known: whoever passes on that says nothing new.
    let let_go = it.chat.logs.get(&log).is_some_and(|held| sequence < held.first());
    if it.chat.own.get(&log.topic) == Some(&log) && !let_go {
        // The node has signed what it does not know of: it came back from an older copy of itself. What follows goes into another log.
        it.chat.own.remove(&log.topic);
        it.chat.writers.remove(&log.topic);
        it.chat.unsettled.remove(&log.topic);
        abandoned = true;
    }
    if abandoned {
        say_waiting(it, config, at, out);
    }
    make_room(it, &log, config, at, out);
    let known_fork = it.chat.logs.get(&log).is_some_and(|log| log.forked);
    match it.chat.logs.accept(entry, SpeakerItem::millis(at)) {
        Accepted::New(entries) => {
            for entry in &entries {
                out.keep(it.entity, store::entry_row(&entry.id), store::entry_value(entry, SpeakerItem::millis(at)));
                it.chat.counts.entries += 1;
                read(it, entry, config, at, out);
            }
            note_head(it, log, config, at, out);
            true
        }
        Accepted::Waiting => {
            if !std::mem::replace(&mut it.chat.armed.gap, true) {
                it.arm(ChatTimer::Gap, config.gap_delay, at, out);
            }
            false
        }
        Accepted::Forked => {
            if !known_fork {
                it.chat.counts.forked += 1;
                out.forks.write(ForkSeen { node: it.entity, log, at });
            }
            false
        }
        Accepted::Full => {
            it.chat.counts.refused += 1;
            false
        }
        Accepted::Known => false,
    }
}

/// Makes room for a log, if it is a new one and there are too many. For an own one there always is some.
pub(super) fn make_room(it: &mut SpeakerItem, log: &LogId, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    let me = it.me.id;
    let before = (log.author != me).then(|| retention::before(config, at));
    let Some((gone, entries)) = it.chat.logs.make_room(log, before, |log| log.author != me) else { return };
    it.forget(entries, out);
    it.chat.readers.remove(&gone);
    out.keep_reader(it.entity, &gone, &it.chat);
    if it.chat.own.get(&gone.topic) == Some(&gone) {
        // Somebody else writes with this identity too, and has begun later ones. What the node says next goes into one that is newer still.
        it.chat.own.remove(&gone.topic);
        it.chat.writers.remove(&gone.topic);
        out.forget_own(it.entity, &gone.topic);
    }
}

/// The node has more of a log: that will be told.
pub(super) fn note_head(it: &mut SpeakerItem, log: LogId, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    let last = it.chat.logs.get(&log).map_or(0, super::Log::last);
    it.chat.receipts.note_own(log, last);
    if log.author != it.me.id {
        it.chat.receipts.note(log, it.me.id, last);
    }
    if !std::mem::replace(&mut it.chat.armed.receipts, true) {
        // All tell it to all: the more there are, the less often.
        let delay = config.receipt_delay.mul_f64((it.prekeys.others.len() as f64 / 50.0).max(1.0));
        it.arm(ChatTimer::Receipts, delay, at, out);
    }
}

/// Reads an entry that continues its log, if the node may.
fn read(it: &mut SpeakerItem, entry: &LogEntry, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    let EntryId { log, sequence } = entry.id;
    if log.author == it.me.id {
        // Its own, from before it lost what it knew.
        if !matches!(entry.body, EntryBody::Keys { .. }) {
            lock(it, entry.id, config, at, out);
        }
        return;
    }
    match &entry.body {
        EntryBody::Keys { epoch, keys } => {
            if it.chat.readers.get(&log).is_some_and(|reader| reader.epoch == *epoch) {
                return;
            }
            // A chain that ends is erased, whether there is another or not.
            it.chat.readers.remove(&log);
            if let Some(key) = keys.iter().find(|key| key.reader == it.me.id) {
                let context = context(&it.network.0, &log, [*epoch, 0]);
                match it.prekeys.open(key.prekey, CHAIN, &context, &key.sealed).map(|key| <[u8; 32]>::try_from(key.as_slice())) {
                    Ok(Ok(secret)) => {
                        let chain = Chain::new(Secret(secret), 0);
                        it.chat.readers.insert(log, Reader { epoch: *epoch, chain });
                    }
                    _ => it.chat.counts.unopened += 1,
                }
            }
            out.keep_reader(it.entity, &log, &it.chat);
        }
        EntryBody::Text { epoch, index, commitment, ciphertext } => {
            let reader = it.chat.readers.get_mut(&log).filter(|reader| reader.epoch == *epoch);
            let Some(key) = reader.and_then(|reader| reader.chain.advance_to(*index)) else {
                return lock(it, entry.id, config, at, out);
            };
            out.keep_reader(it.entity, &log, &it.chat);
            let context = context(&it.network.0, &log, [*epoch, *index]);
            match key.decrypt(&context, ciphertext) {
                Ok(text) if key.opening.commit(&text) == *commitment => {
                    it.tell(Text::new(entry, None, key.opening, text.into()), at, out);
                }
                // Its author has signed nonsense.
                _ => it.chat.counts.unopened += 1,
            }
        }
        EntryBody::Direct { to, prekey, commitment, sealed } if *to == it.me.id => {
            let context = context(&it.network.0, &log, [sequence, 0]);
            let opened = it.prekeys.open(*prekey, DIRECT, &context, sealed);
            let parts = opened.as_deref().ok().and_then(|opened| opened.split_first_chunk());
            match parts {
                Some((opening, text)) if Opening(*opening).commit(text) == *commitment => {
                    it.tell(Text::new(entry, Some(*to), Opening(*opening), text.into()), at, out);
                }
                _ => {
                    it.chat.counts.unopened += 1;
                    lock(it, entry.id, config, at, out);
                }
            }
        }
        EntryBody::Direct { .. } => {}
    }
}

/// A text cannot be read: others will be asked for it, if one of them may tell it.
fn lock(it: &mut SpeakerItem, id: EntryId, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    if is_owed(it, &id) {
        it.chat.locked.insert(id);
        ask_soon(it, config, at, out);
    }
}

/// Whether others may tell the node what an entry says. By how many texts a newcomer may read only they can tell.
pub(super) fn is_owed(it: &SpeakerItem, id: &EntryId) -> bool {
    let past = if it.access.past == PastRule::Nothing { Past::Nothing } else { Past::All };
    it.chat.logs.entry(id).is_some_and(|entry| may_read(it, entry, &it.me.id, &past))
}

/// Whether what `entry` says was, or may be, told to `reader`.
pub(super) fn may_read(it: &SpeakerItem, entry: &LogEntry, reader: &NodeId, past: &Past) -> bool {
    let author = entry.id.log.author;
    match &entry.body {
        EntryBody::Keys { .. } => false,
        EntryBody::Direct { to, .. } => reader == to || *reader == author,
        EntryBody::Text { epoch, .. } => *reader == author || past.holds(entry) || was_sealed(it, entry, *epoch, reader),
    }
}

fn was_sealed(it: &SpeakerItem, entry: &LogEntry, epoch: u64, reader: &NodeId) -> bool {
    // An epoch is called by the number of its first entry, which holds keys; others that hold keys follow at once.
    let log = it.chat.logs.get(&entry.id.log);
    let keys = (epoch..entry.id.sequence).map_while(|sequence| match &log?.get(sequence)?.body {
        EntryBody::Keys { epoch: of, keys } if *of == epoch => Some(keys),
        _ => None,
    });
    keys.flatten().any(|key| key.reader == *reader)
}

/// What those who come later may read of a topic.
pub(super) enum Past {
    All,
    Nothing,
    /// What does not stand before this.
    From(Place),
}

impl Past {
    pub(super) fn of(it: &SpeakerItem, topic: &TopicId) -> Self {
        match it.access.past {
            PastRule::All => Self::All,
            PastRule::Nothing => Self::Nothing,
            PastRule::Last(count) => {
                let last = it.chat.texts.of_topic(topic).rev().filter(|text| text.to.is_none()).take(count as usize).last();
                last.map_or(Self::Nothing, |text| Self::From(text.place()))
            }
        }
    }

    fn holds(&self, entry: &LogEntry) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::From(first) => (entry.clock, entry.time, entry.id) >= *first,
        }
    }
}
