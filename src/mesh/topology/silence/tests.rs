//! The rules of silence, look by look.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::super::TopologyConfig;
use super::*;
use crate::kernel::{AddressBook, Contact, NodeClock};
use crate::wire::{Address, TopologyMessage};

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

/// Lets a node act at `millis`; what comes of it.
fn act(topology: &mut Topology, millis: u64, decide: impl FnOnce(&mut Topology, &mut Scene)) -> Vec<Action> {
    let (config, book, mut rng) = (TopologyConfig::default(), AddressBook::default(), ChaCha8Rng::seed_from_u64(1));
    let (me, now) = (Contact { id: id(0), address: Address::Memory(0) }, Instant::from_nanos(millis * 1_000_000));
    let clock = NodeClock::default();
    let mut actions = Vec::new();
    let rng = &mut rng;
    decide(topology, &mut Scene { me, now, clock, config: &config, book: &book, paths: None, open: &[], rng, actions: &mut actions });
    actions
}

fn linked(neighbors: u8, millis: u64) -> Topology {
    let mut topology = Topology { listened: Instant::from_nanos(millis * 1_000_000), ..Topology::default() };
    for number in 1..=neighbors {
        act(&mut topology, millis, |topology, scene| {
            topology.make_link(scene, id(number), Address::Memory(number.into()), 2, Purpose::Degree)
        });
    }
    topology
}

fn asks(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Send(_, TopologyMessage::ConnectRequest { .. }))).count()
}

#[test]
fn who_is_silent_is_asked_once_and_then_not_counted_until_it_is_heard() {
    let mut topology = linked(1, 10_000);
    for (millis, frames, asked, degree) in [
        (11_000, 0, 0, 1),
        (12_000, 0, 1, 1),
        (13_000, 0, 0, 1),
        (14_000, 0, 0, 0),
        (15_000, 0, 0, 0),
        (16_000, 1, 0, 1),
        (17_000, 1, 0, 1),
    ] {
        let actions = act(&mut topology, millis, |topology, scene| topology.listen(scene, |_| frames));
        assert_eq!((asks(&actions), topology.degree()), (asked, degree), "at {millis} ms");
    }
}

#[test]
fn a_link_that_is_heard_again_drives_out_what_was_found_in_its_place_and_all_are_given_twice_the_time() {
    let mut topology = linked(3, 10_000);
    let frames = |millis: u64| move |other: &NodeId| if *other == id(1) && millis < 16_000 { 0 } else { millis };
    for millis in [11_000, 12_000, 13_000, 14_000] {
        act(&mut topology, millis, |topology, scene| topology.listen(scene, frames(millis)));
    }
    act(&mut topology, 14_500, |topology, scene| topology.make_link(scene, id(9), Address::Memory(9), 1, Purpose::Degree));
    assert_eq!((topology.degree(), topology.links.len()), (3, 4));
    act(&mut topology, 15_000, |topology, scene| topology.listen(scene, frames(15_000)));
    let actions = act(&mut topology, 16_000, |topology, scene| topology.listen(scene, frames(16_000)));
    assert!(actions.contains(&Action::Send(id(9), TopologyMessage::Disconnect)), "{actions:?}");
    assert!(topology.hears(&id(1)) && topology.degree() == 3);
    let mut asked = |seconds: std::ops::Range<u64>, silent: NodeId| -> Vec<u64> {
        let frames = |second: u64| move |other: &NodeId| if *other == silent { 16_000 } else { second };
        seconds
            .filter(|second| asks(&act(&mut topology, second * 1000, |topology, scene| topology.listen(scene, frames(*second)))) > 0)
            .collect()
    };
    assert_eq!(asked(17..22, id(1)), [20]);
    assert_eq!(asked(22..28, id(2)), [26], "another link too");
    assert!(asked(28..330, id(0)).is_empty());
    assert_eq!(asked(330..336, id(2)), [332], "after minutes without alarm as before");
}

#[test]
fn what_stood_in_for_a_link_that_is_heard_again_or_given_up_is_there_to_stay() {
    for returns in [true, false] {
        let mut topology = linked(2, 10_000);
        for millis in [11_000, 12_000, 13_000, 14_000] {
            let frames = |other: &NodeId| if *other == id(1) { 0 } else { millis };
            act(&mut topology, millis, |topology, scene| topology.listen(scene, frames));
        }
        act(&mut topology, 14_500, |topology, scene| topology.make_link(scene, id(9), Address::Memory(9), 1, Purpose::Degree));
        let stand_ins = |topology: &Topology| topology.links.iter().filter(|link| link.stands_in).count();
        assert_eq!(stand_ins(&topology), 1);
        act(&mut topology, 15_000, |topology, scene| {
            if returns {
                topology.listen(scene, |_| 15_000);
            } else {
                topology.unlink(scene, &id(1));
            }
        });
        assert_eq!((stand_ins(&topology), topology.hears(&id(9))), (0, true), "heard again: {returns}");
    }
}

#[test]
fn a_node_that_stood_still_holds_nobody_for_silent() {
    let mut topology = linked(1, 10_000);
    for millis in [11_000, 12_000, 60_000, 61_000] {
        act(&mut topology, millis, |topology, scene| topology.listen(scene, |_| 0));
        assert_eq!(topology.degree(), 1, "at {millis} ms");
    }
}

#[test]
fn no_more_silent_links_are_kept_than_links_are_allowed() {
    let most = TopologyConfig::default().max_degree;
    let mut topology = linked(most as u8, 10_000);
    for millis in [11_000, 12_000, 13_000, 14_000] {
        act(&mut topology, millis, |topology, scene| topology.listen(scene, |_| 0));
    }
    assert_eq!((topology.degree(), topology.links.len()), (0, most));
    act(&mut topology, 14_000, |topology, scene| topology.make_link(scene, id(8), Address::Memory(8), 1, Purpose::Degree));
    assert_eq!((topology.degree(), topology.links.len()), (1, most + 1));
    for millis in [15_000, 16_000, 17_000, 18_000] {
        act(&mut topology, millis, |topology, scene| topology.listen(scene, |_| 0));
    }
    let actions = act(&mut topology, 18_000, |topology, scene| topology.make_link(scene, id(9), Address::Memory(9), 1, Purpose::Degree));
    assert!(actions.contains(&Action::Close(id(1), CloseReason::Unwanted)), "{actions:?}");
    assert_eq!((topology.degree(), topology.links.len()), (1, most + 1));
}
