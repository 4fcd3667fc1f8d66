use std::time::Duration;

use proptest::prelude::*;

use super::outstanding::{MAX_OUTSTANDING, MEMORY};
use super::testbed::{Bed, prekey, text};
use super::waiting::MAX_WAITING;
use crate::wire::RoutingMessage;
use crate::wire::routing::{Datagram, MAX_HOPS, RoutingFailure, Undeliverable};

const LINE: &[(usize, usize)] = &[(0, 1), (1, 2), (2, 3)];
const HALF: Duration = Duration::from_secs(1);

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn whoever_is_reached_gets_it_once_over_a_shortest_path(
        links in prop::collection::vec((0_usize..8, 0_usize..8), 4..14), from in 0_usize..8, to in 0_usize..8,
    ) {
        let links: Vec<_> = links.into_iter().filter(|(a, b)| a != b).collect();
        let mut bed = Bed::new(8, &links);
        bed.send(from, to, text(b"hello"));
        bed.run();
        let hops = bed.nodes[from].links.tree(&bed.id(from)).hops(&bed.id(to));
        let expected = hops.map(|hops| (to, from, text(b"hello"), hops as u8));
        prop_assert_eq!(bed.delivered.first(), expected.as_ref());
        prop_assert!(bed.delivered.len() <= 1 && bed.failed.is_empty());
        bed.wait(HALF * 2);
        let failure = (from, bed.id(to), Some(text(b"hello")), RoutingFailure::NoRoute);
        prop_assert_eq!(bed.failed.first(), hops.is_none().then_some(&failure));
    }
}

#[test]
fn altered_datagrams_have_no_effect_and_are_counted() {
    let mut bed = Bed::new(4, LINE);
    bed.send(0, 3, text(b"hello"));
    let good = bed.caught();
    let mut resealed = good.clone();
    resealed.sealed.ciphertext[0] ^= 1;
    let source = bed.id(1);
    for forged in [Datagram { source, ..good.clone() }, Datagram { number: 2, ..good.clone() }, resealed] {
        bed.arrive(0, 1, RoutingMessage::Datagram(Box::new(forged)));
        bed.run();
    }
    assert_eq!((bed.counts.forged, bed.delivered.len()), (3, 0));
    // They do not stand in the way of the true one, which comes once.
    for _ in 0..3 {
        bed.arrive(0, 1, RoutingMessage::Datagram(Box::new(good.clone())));
        bed.run();
    }
    assert_eq!((bed.counts.replayed, bed.counts.forged), (2, 3));
    assert_eq!(bed.delivered, [(3, 0, text(b"hello"), 3)]);
}

#[test]
fn a_datagram_that_a_thousand_others_overtake_still_arrives() {
    let mut bed = Bed::new(4, LINE);
    bed.send(0, 3, text(b"late"));
    let late = bed.caught();
    for _ in 1..MAX_OUTSTANDING {
        bed.send(0, 3, text(b"early"));
        bed.run();
    }
    bed.arrive(0, 1, RoutingMessage::Datagram(Box::new(late)));
    bed.run();
    assert_eq!((bed.counts.replayed, bed.delivered.len()), (0, MAX_OUTSTANDING));
    assert_eq!(bed.delivered.last(), Some(&(3, 0, text(b"late"), 3)));
}

#[test]
fn a_datagram_that_breaks_a_limit_is_refused_by_the_first_who_sees_it() {
    let mut bed = Bed::new(4, LINE);
    bed.send(0, 3, text(b"hello"));
    let bad = Datagram { hops_left: MAX_HOPS + 1, ..bed.caught() };
    let from = bed.id(0);
    assert!(bed.act(1, |routing, around| routing.on_datagram(from, Box::new(bad), around)).is_err());
    assert!(bed.flights.is_empty());
}

#[test]
fn whoever_may_not_be_a_member_is_not_served() {
    let mut bed = Bed::new(4, LINE);
    let revoked = bed.id(0);
    bed.nodes[1].access.revoked.insert(revoked);
    bed.send(0, 3, text(b"hello"));
    bed.run();
    assert_eq!((bed.counts.refused, bed.delivered.len()), (1, 0));
}

#[test]
fn a_loop_of_wrong_beliefs_ends_and_the_source_hears_of_it() {
    let mut bed = Bed::new(4, &[(0, 1), (1, 2), (2, 0)]);
    // Each thinks that node 3 is linked with the next one.
    for (who, next) in [(0, 1), (1, 2), (2, 0)] {
        bed.believe(who, &[(0, 1), (1, 2), (2, 0), (next, 3)]);
    }
    bed.send(0, 3, text(b"hello"));
    bed.run();
    assert_eq!(bed.failed, [(0, bed.id(3), Some(text(b"hello")), RoutingFailure::TooManyHops)]);
    assert_eq!(bed.counts.forwarded, u64::from(MAX_HOPS));
}

#[test]
fn one_who_knows_no_way_waits_for_one_and_gives_up_in_the_end() {
    let mut bed = Bed::new(5, &[(0, 1), (1, 2), (2, 3), (1, 4), (4, 3)]);
    // Node 1 knows already that node 3 is cut off.
    bed.believe(1, &[(0, 1), (1, 2), (1, 4)]);
    bed.send(0, 3, text(b"hello"));
    bed.send(0, 3, text(b"again"));
    bed.run();
    assert!(bed.delivered.is_empty());
    bed.believe(1, &[(0, 1), (1, 2), (1, 4), (4, 3)]);
    bed.wait(HALF);
    assert_eq!(bed.delivered, [(3, 0, text(b"hello"), 3), (3, 0, text(b"again"), 3)]);
    bed.believe(1, &[(0, 1), (1, 2), (1, 4)]);
    bed.send(0, 3, text(b"too late"));
    bed.run();
    bed.wait(HALF);
    assert!(bed.failed.is_empty());
    bed.wait(HALF);
    assert_eq!(bed.failed, [(0, bed.id(3), Some(text(b"too late")), RoutingFailure::NoRoute)]);
}

#[test]
fn nothing_goes_back_to_where_it_comes_from_before_those_there_can_have_learnt() {
    let mut bed = Bed::new(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]);
    bed.send(0, 3, text(b"hello"));
    // Whoever gets it first knows already that its own link to node 3 is gone.
    let (_, first, _) = bed.flights[0];
    bed.believe(first, &[(0, 1), (0, 2), (3 - first, 3)]);
    bed.run();
    assert!(bed.delivered.is_empty());
    // The only way is back, and from there the other way round.
    bed.wait(HALF);
    assert_eq!(bed.delivered, [(3, 0, text(b"hello"), 4)]);
}

#[test]
fn what_was_sealed_to_a_key_that_is_gone_is_sent_once_more_to_a_newer_one() {
    let mut bed = Bed::new(4, LINE);
    bed.nodes[3].prekeys.own[0] = prekey(77);
    bed.send(0, 3, text(b"hello"));
    let (target, newest) = (bed.id(3), bed.nodes[3].prekeys.own[0].public);
    bed.nodes[0].prekeys.others.insert(target, newest);
    bed.run();
    assert_eq!(bed.delivered, [(3, 0, text(b"hello"), 3)]);
    assert_eq!((bed.counts.sent, bed.counts.undeliverable), (2, 1));
    // Without a newer one there is nothing to try.
    bed.nodes[3].prekeys.own[0] = prekey(78);
    bed.send(0, 3, text(b"hello"));
    bed.run();
    assert_eq!(bed.failed, [(0, target, Some(text(b"hello")), RoutingFailure::NoKey)]);
}

#[test]
fn what_was_sealed_to_an_earlier_life_of_its_target_is_sent_once_more_to_the_new_one() {
    let mut bed = Bed::new(4, LINE);
    bed.send(0, 3, text(b"hello"));
    bed.restart(3, 77, &[0]);
    bed.run();
    assert_eq!(bed.delivered, [(3, 0, text(b"hello"), 3)]);
    assert_eq!((bed.counts.sent, bed.counts.undeliverable, bed.counts.malformed), (2, 1, 0));
    // Who has not heard of the new one has nothing to seal to.
    bed.restart(3, 78, &[]);
    bed.send(0, 3, text(b"hello"));
    bed.run();
    assert_eq!(bed.failed, [(0, bed.id(3), Some(text(b"hello")), RoutingFailure::NoKey)]);
    assert_eq!(bed.delivered.len(), 1);
}

/// The earlier life may have taken it, and nobody remembers.
#[test]
fn what_is_repeated_after_a_restart_of_its_target_is_not_taken_twice() {
    let mut bed = Bed::new(4, LINE);
    bed.send(0, 3, text(b"hello"));
    let recorded = bed.caught();
    let repeat = |bed: &mut Bed| {
        bed.arrive(0, 1, RoutingMessage::Datagram(Box::new(recorded.clone())));
        bed.run();
    };
    repeat(&mut bed);
    assert_eq!(bed.delivered.len(), 1);
    bed.now = bed.now + MEMORY + HALF;
    bed.restart(3, 77, &[0]);
    repeat(&mut bed);
    repeat(&mut bed);
    bed.send(0, 3, text(b"anew"));
    bed.run();
    assert_eq!(bed.delivered, [(3, 0, text(b"hello"), 3), (3, 0, text(b"anew"), 3)]);
    assert_eq!((bed.counts.undeliverable, bed.counts.unbelieved, bed.counts.sent), (2, 2, 2));
}

/// Notes are not signed: a relay can say so of what has come.
#[test]
fn what_is_sent_once_more_because_of_a_lie_is_not_taken_twice() {
    let mut bed = Bed::new(4, LINE);
    bed.send(0, 3, text(b"hello"));
    let Datagram { source, target, life, number, .. } = match &bed.flights[0].2 {
        RoutingMessage::Datagram(datagram) => Datagram::clone(datagram),
        RoutingMessage::Undeliverable(_) => unreachable!("it was sent"),
    };
    bed.send(0, 3, text(b"next"));
    bed.run();
    let (id, newest) = (bed.id(3), prekey(77));
    bed.nodes[0].prekeys.others.insert(id, newest.public);
    bed.nodes[3].prekeys.own.push(newest);
    let lie = Undeliverable { source, life, number, target, hops_left: MAX_HOPS, reason: RoutingFailure::NoKey };
    bed.arrive(1, 0, RoutingMessage::Undeliverable(Box::new(lie.clone())));
    bed.run();
    assert_eq!(bed.delivered, [(3, 0, text(b"hello"), 3), (3, 0, text(b"next"), 3)]);
    assert_eq!((bed.counts.sent, bed.counts.replayed), (3, 1));
    // Nor is it sent a third time.
    bed.arrive(1, 0, RoutingMessage::Undeliverable(Box::new(lie)));
    bed.run();
    assert_eq!((bed.counts.sent, bed.failed.len()), (3, 1));
}

#[test]
fn notes_about_what_was_not_sent_are_not_believed() {
    let mut bed = Bed::new(4, LINE);
    bed.send(0, 3, text(b"hello"));
    let Datagram { source, target, life, number, .. } = bed.caught();
    let note = Undeliverable { source, life, number, target, hops_left: MAX_HOPS, reason: RoutingFailure::NoRoute };
    let believed = note.clone();
    for note in [
        Undeliverable { number: 2, ..note.clone() },
        Undeliverable { life: 2, ..note.clone() },
        Undeliverable { target: bed.id(2), ..note },
    ] {
        bed.arrive(1, 0, RoutingMessage::Undeliverable(Box::new(note)));
    }
    assert_eq!((bed.failed.len(), bed.counts.unbelieved), (0, 3));
    for _ in 0..2 {
        bed.arrive(1, 0, RoutingMessage::Undeliverable(Box::new(believed.clone())));
    }
    assert_eq!((bed.failed.len(), bed.counts.unbelieved), (1, 4));
    bed.send(0, 3, text(b"hello"));
    bed.now = bed.now + MEMORY + HALF;
    bed.arrive(1, 0, RoutingMessage::Undeliverable(Box::new(Undeliverable { number: 2, ..believed })));
    assert_eq!((bed.failed.len(), bed.counts.unbelieved), (1, 5));
}

#[test]
fn what_is_kept_is_bounded() {
    let mut bed = Bed::new(4, &[(0, 1), (1, 2)]);
    for _ in 0..MAX_WAITING + 10 {
        bed.send(0, 3, text(b"hello"));
    }
    assert_eq!((bed.failed.len(), bed.counts.dropped_full), (10, 10));
    bed.wait(HALF * 2);
    assert_eq!(bed.failed.len(), MAX_WAITING + 10);
    // Of long ones the bodies go before it is forgotten that they were sent.
    let long = vec![7; 50_000];
    for _ in 0..MAX_OUTSTANDING {
        bed.send(0, 2, text(&long));
    }
    let note = |number| {
        let (source, target) = (bed.id(0), bed.id(2));
        let note = Undeliverable { source, life: 1, number, target, hops_left: 1, reason: RoutingFailure::NoRoute };
        RoutingMessage::Undeliverable(Box::new(note))
    };
    let (first, last) = (note(1), note(MAX_OUTSTANDING as u64));
    bed.failed.clear();
    bed.arrive(1, 0, first);
    bed.arrive(1, 0, last);
    assert_eq!(bed.failed.iter().map(|failed| failed.2.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn what_is_too_long_fails_and_what_is_for_oneself_needs_no_way() {
    let mut bed = Bed::new(2, &[]);
    bed.send(0, 1, text(&[0; 60_001]));
    assert_eq!(bed.failed[0].3, RoutingFailure::TooLong);
    bed.send(0, 0, text(b"note"));
    assert_eq!(bed.delivered, [(0, 0, text(b"note"), 0)]);
}
