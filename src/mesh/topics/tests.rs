//! Who takes part in a topic, over any links.

use std::collections::{BTreeMap, BTreeSet};

use bevy_ecs::prelude::Entity;
use proptest::prelude::*;

use super::shape::participants;
use crate::kernel::{LinkState, Neighbor, Neighbors};
use crate::wire::NodeId;
use crate::wire::membership::Prefix;

const NODES: u8 = 12;

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

type Links = BTreeMap<u8, BTreeSet<u8>>;

/// Links between nodes, from both ends.
fn links() -> impl Strategy<Value = Links> {
    prop::collection::vec((0..NODES, 0..NODES), 0..24).prop_map(|pairs| {
        let mut links: Links = (0..NODES).map(|node| (node, BTreeSet::new())).collect();
        for (a, b) in pairs.into_iter().filter(|(a, b)| a != b) {
            links.entry(a).or_default().insert(b);
            links.entry(b).or_default().insert(a);
        }
        links
    })
}

fn some() -> impl Strategy<Value = BTreeSet<u8>> {
    prop::collection::btree_set(0..NODES, 0..6)
}

/// What node `me` knows when all have published their links.
fn view(me: u8, links: &Links) -> LinkState {
    let mut neighbors = Neighbors::default();
    for other in &links[&me] {
        let session = Entity::from_raw_u32(u32::from(*other)).expect("an index");
        neighbors.insert(Neighbor { session, id: id(*other) });
    }
    let mut state = LinkState::default();
    state.follow(id(me), &neighbors);
    for (member, others) in links.iter().filter(|(member, _)| **member != me) {
        state.set(id(*member), others.iter().map(|other| Prefix::from(&id(*other))));
    }
    state
}

/// Who takes part, as node `me` sees it.
fn part(me: u8, links: &Links, subscribers: &BTreeSet<u8>) -> BTreeSet<u8> {
    let subscribers = subscribers.iter().copied().map(id).collect();
    participants(&view(me, links), &subscribers).into_iter().map(|id| id.0[0]).collect()
}

/// Whom `from` reaches over nodes that are among `over`, itself included.
fn reached(from: u8, links: &Links, over: &BTreeSet<u8>) -> BTreeSet<u8> {
    let (mut all, mut next) = (BTreeSet::from([from]), vec![from]);
    while let Some(node) = next.pop() {
        next.extend(links[&node].iter().filter(|other| over.contains(other) && all.insert(**other)));
    }
    all
}

proptest! {
    #[test]
    fn subscribers_that_are_linked_at_all_are_linked_through_those_who_take_part(links in links(), subscribers in some()) {
        let part = part(0, &links, &subscribers);
        prop_assert!(part.is_superset(&subscribers));
        let everybody = (0..NODES).collect();
        for subscriber in &subscribers {
            let could: BTreeSet<u8> = reached(*subscriber, &links, &everybody).intersection(&subscribers).copied().collect();
            let does = reached(*subscriber, &links, &part);
            prop_assert!(does.is_superset(&could), "{subscriber} reaches {does:?} of {could:?} over {part:?}");
        }
    }

    #[test]
    fn all_who_see_the_same_links_see_the_same_participants(links in links(), subscribers in some()) {
        let expected = part(0, &links, &subscribers);
        for me in 1..NODES {
            prop_assert_eq!(&part(me, &links, &subscribers), &expected, "at {}", me);
        }
    }

    #[test]
    fn nobody_relays_who_is_on_no_way_between_subscribers(links in links(), subscribers in some()) {
        let part = part(0, &links, &subscribers);
        for relay in part.difference(&subscribers) {

            let beside: BTreeSet<u8> = links[relay].intersection(&part).copied().collect();
            prop_assert!(beside.len() >= 2, "{relay} is a dead end of {part:?}");
            let near = reached(*relay, &links, &part);
            let met = near.intersection(&subscribers).count();
            prop_assert!(met >= 2, "{relay} relays for {met} of {part:?}");
        }
        if subscribers.len() < 2 {
            prop_assert_eq!(&part, &subscribers);
        }
    }
}
