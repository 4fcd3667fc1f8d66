//! Logs alone: what comes in whatever order, twice, forged in sequence, or not at all.

use std::sync::Arc;

use proptest::prelude::*;

use super::entries::leaps;
use super::log::{Accepted, Logs};
use crate::crypto::{Commitment, CryptoMode, Identity, Signature};
use crate::kernel::Instant;
use crate::wire::TopicId;
use crate::wire::chat::{EntryBody, EntryHash, EntryId, LogEntry, LogId};

const NETWORK: [u8; 8] = *b"murmur 1";

fn identity(author: u8) -> Identity {
    Identity::from_seed([author; 32], CryptoMode::Modelled)
}

/// A log of `count` entries, each bound to the one before.
fn log(author: u8, count: u64, says: u8) -> Vec<Arc<LogEntry>> {
    let identity = identity(author);
    let id = LogId { topic: TopicId::of("t"), author: identity.id(), life: 1 };
    let mut previous = EntryHash::default();
    let entry = |sequence| {
        let body = EntryBody::Text { epoch: 1, index: sequence, commitment: Commitment([0; 32]), ciphertext: [says; 40].into() };
        let id = EntryId { log: id, sequence };
        let entry = LogEntry { id, previous, clock: sequence, time: sequence, body, signature: Signature([0; 64]) };
        let entry = LogEntry::sign(&identity, &NETWORK, entry);
        previous = entry.hash();
        Arc::new(entry)
    };
    (1..=count).map(entry).collect()
}

fn last(logs: &Logs, of: &[Arc<LogEntry>]) -> u64 {
    logs.get(&of[0].id.log).map_or(0, super::Log::last)
}

proptest! {
    #[test]
    fn a_log_is_whole_whatever_the_order_in_which_it_comes(
        order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(),
        again in proptest::collection::vec(0..40_usize, 0..20),
    ) {
        let entries = log(1, 40, 0);
        let mut logs = Logs::default();
        let mut new = Vec::new();
        for index in order.into_iter().chain(again) {
            if let Accepted::New(entries) = logs.accept(Arc::clone(&entries[index]), 0) {
                new.extend(entries.iter().map(|entry| entry.id.sequence));
            }
        }
        prop_assert_eq!(new, (1..=40).collect::<Vec<_>>(), "each once, in order");
        prop_assert!(logs.iter().all(|(_, log)| !log.has_gap() && !log.forked));
    }

    #[test]
    fn what_is_let_go_is_the_oldest_and_the_last_of_each_log_stays(keep in 0_usize..40_000, before in 0_u64..60) {
        let mut logs = Logs::default();
        let (one, two) = (log(1, 50, 0), log(2, 30, 0));
        one.iter().chain(&two).for_each(|entry| drop(logs.accept(Arc::clone(entry), entry.time * 2_000)));
        logs.trim(TopicId::of("t"), keep, before * 2_000);
        prop_assert_eq!((last(&logs, &one), last(&logs, &two)), (50, 30));
        for (_, log) in logs.iter() {
            let kept: Vec<u64> = log.entries().map(|entry| entry.id.sequence).collect();
            prop_assert_eq!(kept, (log.first()..=log.last()).collect::<Vec<_>>());
            prop_assert!(log.first() == log.last() || log.first() >= before);
        }
        // What comes next is still bound to it.
        let next = log(1, 51, 0);
        prop_assert!(matches!(logs.accept(Arc::clone(&next[50]), 0), Accepted::New(_)));
    }
}

#[test]
fn a_clock_that_was_wrong_for_one_life_loses_nothing() {
    const YEAR: u64 = 365 * 86_400_000;
    const KEEP: u64 = YEAR;
    for wrong in [30 * YEAR, 70 * YEAR] {
        let (one, two, three) = (log(1, 10, 0), log(2, 10, 0), log(3, 10, 0));
        let mut logs = Logs::default();
        for (entries, now) in [(&one, 50 * YEAR), (&two, wrong), (&three, 51 * YEAR)] {
            logs.settle(now, KEEP / 4);
            entries.iter().for_each(|entry| drop(logs.accept(Arc::clone(entry), now)));
            assert_eq!(logs.trim(TopicId::of("t"), usize::MAX, now - KEEP), []);
        }
    }
}

#[test]
fn what_was_kept_ages_in_a_pause_but_not_by_all_of_it() {
    let mut logs = Logs::default();
    log(1, 10, 0).iter().for_each(|entry| drop(logs.accept(Arc::clone(entry), 1_000)));
    assert_eq!(logs.settle(1_100, 100).len(), 0);
    assert!(logs.settle(5_000, 100).iter().all(|(_, since)| *since == 4_900));
    assert_eq!(logs.settle(5_050, 1_000).len(), 0, "it stands in the rows now");
}

#[test]
fn a_second_entry_with_one_number_shows_and_changes_nothing() {
    let (honest, other) = (log(1, 10, 0), log(1, 10, 1));
    let mut logs = Logs::default();
    honest[..5].iter().for_each(|entry| drop(logs.accept(Arc::clone(entry), 0)));
    assert_eq!(logs.accept(Arc::clone(&other[2]), 0), Accepted::Forked);
    assert_eq!(logs.accept(Arc::clone(&other[5]), 0), Accepted::Forked, "it is bound to another past");
    assert!(logs.get(&honest[0].id.log).unwrap().forked);
    assert!(matches!(logs.accept(Arc::clone(&honest[5]), 0), Accepted::New(_)));
    assert_eq!(last(&logs, &honest), 6);
}

#[test]
fn a_beginning_that_nobody_has_is_given_up_when_two_say_so_or_its_author() {
    let entries = log(1, 20, 0);
    let (id, author) = (entries[0].id.log, entries[0].id.log.author);
    let members = [identity(2).id(), identity(3).id()];
    let (now, later) = (Instant::ZERO, Instant::from_nanos(61_000_000_000));
    let mut logs = Logs::default();
    let give_up = |logs: &mut Logs, first, by, at| logs.claim(id, first, by, at).len();
    logs.accept(Arc::clone(&entries[0]), 0);
    assert_eq!(give_up(&mut logs, 10, members[0], now), 0, "one alone may lie");
    assert_eq!(give_up(&mut logs, 10, members[1], now), 0, "nobody has seen an entry from there");
    assert_eq!(logs.accept(Arc::clone(&entries[9]), 0), Accepted::Waiting);
    assert_eq!(give_up(&mut logs, 10, members[1], now), 1);
    assert!(matches!(logs.accept(Arc::clone(&entries[9]), 0), Accepted::New(_)));
    assert_eq!((logs.get(&id).unwrap().first(), last(&logs, &entries)), (10, 10));
    logs.accept(Arc::clone(&entries[14]), 0);
    assert_eq!(give_up(&mut logs, 15, author, now), 1);
    assert!(matches!(logs.accept(Arc::clone(&entries[14]), 0), Accepted::New(_)));
    assert_eq!(give_up(&mut logs, 3, author, now), 0, "what is there is not given up");
    logs.accept(Arc::clone(&entries[18]), 0);
    assert_eq!(give_up(&mut logs, 19, members[0], now), 0);
    assert_eq!(give_up(&mut logs, 19, members[0], later), 1, "one that goes on saying so is believed");
    assert_eq!(give_up(&mut logs, 1 << 60, author, later), 0, "not even its author can skip what nobody has signed");
}

#[test]
fn a_log_that_comes_back_from_the_store_goes_on() {
    let entries = log(1, 20, 0);
    let mut logs = Logs::default();
    entries[7..12].iter().for_each(|entry| logs.restore(LogEntry::clone(entry), 0));
    assert_eq!(logs.next_clock(TopicId::of("t")), 13);
    assert!(matches!(logs.accept(Arc::clone(&entries[12]), 0), Accepted::New(_)));
    assert_eq!(logs.heads(TopicId::of("t"))[0].last, 13);
}

/// Entries of as many logs of one author as it has lost.
#[test]
fn who_has_lost_its_log_again_and_again_is_heard() {
    let identity = identity(1);
    let begin = |life| {
        let id = EntryId { log: LogId { topic: TopicId::of("t"), author: identity.id(), life }, sequence: 1 };
        let body = EntryBody::Keys { epoch: 1, keys: Vec::new() };
        LogEntry { id, previous: EntryHash::default(), clock: life, time: life, body, signature: Signature([0; 64]) }
    };
    let mut logs = Logs::default();
    let mut take_in = |life| {
        let entry = Arc::new(LogEntry::sign(&identity, &NETWORK, begin(life)));
        let gone = logs.make_room(&entry.id.log, Some(0), |_| true);
        (gone.map(|(log, _)| log.life), logs.accept(entry, 0))
    };
    for life in 1..=16 {
        assert!(matches!(take_in(life), (None, Accepted::New(_))));
    }
    assert!(matches!(take_in(17), (Some(1), Accepted::New(_))));
    assert_eq!(take_in(1), (None, Accepted::Full), "all keep the newest, whatever the order in which they come");
    assert_eq!(take_in(17), (None, Accepted::Known));
}

#[test]
fn when_there_are_too_many_logs_one_goes_that_is_over_and_no_other() {
    let mut logs = Logs::default();
    let new = |logs: &mut Logs, life, topic: &str, before| {
        let id = EntryId { log: LogId { topic: TopicId::of(topic), author: identity(1).id(), life }, sequence: 1 };
        let body = EntryBody::Keys { epoch: 1, keys: Vec::new() };
        let entry = LogEntry { id, previous: EntryHash::default(), clock: life, time: life, body, signature: Signature([0; 64]) };
        let gone = logs.make_room(&id.log, Some(before), |log| log.life != 1);
        (gone.map(|(log, _)| log.life), logs.accept(entry.into(), life))
    };
    for life in 1..=super::log::MAX_LOGS as u64 {
        let (gone, accepted) = new(&mut logs, life, &life.to_string(), u64::MAX);
        assert!(gone.is_none() && matches!(accepted, Accepted::New(_)), "{life}");
    }
    assert_eq!(new(&mut logs, 9_000, "new", 2), (None, Accepted::Full), "what is kept still stays, and the one that may not go");
    let (gone, accepted) = new(&mut logs, 9_000, "new", 5);
    assert!(gone == Some(2) && matches!(accepted, Accepted::New(_)), "{gone:?} {accepted:?}");
}

#[test]
fn a_newcomer_to_an_old_topic_takes_in_what_is_kept_of_it_and_nobody_ends_its_order() {
    assert!(!leaps(3 << 20, 1), "more was said, and let go, than a clock may leap");
    let far = (1 << 41) + (2 << 20);
    assert!(leaps(far, 1));
    assert!(!leaps(far, far - 1), "all have taken in what led there");
    assert!(leaps(crate::wire::chat::MAX_NUMBER, 3 << 20));
}

#[test]
fn every_field_of_an_entry_is_signed() {
    let entry = LogEntry::clone(&log(1, 2, 0)[1]);
    assert!(entry.verify(&NETWORK, CryptoMode::Modelled).is_ok());
    assert!(entry.verify(b"murmur 2", CryptoMode::Modelled).is_err());
    let alter: [fn(&mut LogEntry); 8] = [
        |entry| entry.id.sequence += 1,
        |entry| entry.id.log.life += 1,
        |entry| entry.id.log.topic = TopicId::of("u"),
        |entry| entry.previous = EntryHash([1; 32]),
        |entry| entry.clock += 1,
        |entry| entry.time += 1,
        |entry| {
            if let EntryBody::Text { epoch, .. } = &mut entry.body {
                *epoch += 1;
            }
        },
        |entry| {
            if let EntryBody::Text { ciphertext, .. } = &mut entry.body {
                ciphertext[7] ^= 1;
            }
        },
    ];
    for change in alter {
        let mut altered = entry.clone();
        change(&mut altered);
        assert!(altered.verify(&NETWORK, CryptoMode::Modelled).is_err());
    }
}
