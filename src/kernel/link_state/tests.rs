use proptest::prelude::*;

use super::*;
use crate::kernel::Neighbor;

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

fn neighbors(ids: impl IntoIterator<Item = u8>) -> Neighbors {
    let mut neighbors = Neighbors::default();
    for number in ids {
        let session = Entity::from_raw_u32(u32::from(number)).expect("an index");
        neighbors.insert(Neighbor { session, id: id(number) });
    }
    neighbors
}

/// What node 0 knows if each of `said` is a member that publishes a link to another, and it is linked with `own`.
fn state(own: &[u8], said: &[(u8, u8)]) -> LinkState {
    let mut state = LinkState::default();
    state.follow(id(0), &neighbors(own.iter().copied()));
    for member in 1..=u8::MAX {
        let links: Vec<Prefix> = said.iter().filter(|(from, _)| *from == member).map(|(_, to)| Prefix::from(&id(*to))).collect();
        if !links.is_empty() {
            assert!(state.set(id(member), links));
        }
    }
    state
}

/// The links that count, by the definition.
fn counts(own: &[u8], said: &[(u8, u8)], a: u8, b: u8) -> bool {
    match (a, b) {
        _ if a == b => false,
        (0, other) | (other, 0) => own.contains(&other),
        _ => said.contains(&(a, b)) && said.contains(&(b, a)),
    }
}

/// Floyd and Warshall find the shortest paths in another way.
fn distances(own: &[u8], said: &[(u8, u8)], nodes: u8) -> Vec<Vec<u32>> {
    let far = 1 << 20;
    let one = |a, b| {
        if a == b {
            0
        } else if counts(own, said, a, b) {
            1
        } else {
            far
        }
    };
    let mut all: Vec<Vec<u32>> = (0..nodes).map(|a| (0..nodes).map(|b| one(a, b)).collect()).collect();
    let nodes = usize::from(nodes);
    for over in 0..nodes {
        for from in 0..nodes {
            for to in 0..nodes {
                all[from][to] = all[from][to].min(all[from][over] + all[over][to]);
            }
        }
    }
    all
}

const NODES: u8 = 12;

fn links() -> impl Strategy<Value = (Vec<u8>, Vec<(u8, u8)>)> {
    let link = (0..NODES, 0..NODES, prop::bool::weighted(0.8));
    (prop::collection::vec(1..NODES, 0..4), prop::collection::vec(link, 0..30)).prop_map(|(mut own, links)| {
        own.sort_unstable();
        own.dedup();
        // Most are said by both ends.
        let said = links.into_iter().flat_map(|(a, b, both)| std::iter::once((a, b)).chain(both.then_some((b, a))));
        (own, said.filter(|(from, _)| *from != 0).collect())
    })
}

proptest! {
    #[test]
    fn paths_are_shortest_over_links_that_both_ends_publish((own, said) in links(), root in 0..NODES) {
        let state = state(&own, &said);
        let expected = distances(&own, &said, NODES);
        let tree = state.tree(&id(root));
        for target in 0..NODES {
            let hops = expected[usize::from(root)][usize::from(target)];
            // Whoever nobody speaks of is not there at all.
            let reached = hops < 1 << 20 && (target != root || tree.hops(&id(root)).is_some());
            prop_assert_eq!(tree.hops(&id(target)), reached.then_some(hops));
            let path = tree.path_to(&id(target));
            prop_assert_eq!(path.is_some(), reached);
            let Some(path) = path else { continue };
            prop_assert_eq!(path.len() as u32, hops + 1);
            prop_assert_eq!((path[0], path[path.len() - 1]), (id(root), id(target)));
            prop_assert!(path.windows(2).all(|pair| counts(&own, &said, pair[0].0[0], pair[1].0[0])));
            prop_assert_eq!(tree.first_hop(&id(target)), path.get(1).copied());
            prop_assert_eq!(tree.parent(&id(target)), path.len().checked_sub(2).map(|index| path[index]));
            // The parent is the smallest that can be.
            let nearer = |parent: &u8| {
                expected[usize::from(root)][usize::from(*parent)] + 1 == hops && counts(&own, &said, *parent, target)
            };
            prop_assert_eq!(tree.parent(&id(target)), (0..NODES).find(nearer).map(id));
        }
    }

    #[test]
    fn whoever_knows_the_same_gets_the_same_tree_however_it_was_learnt((own, said) in links(), root in 0..NODES) {
        let first = state(&own, &said);
        let mut other = LinkState::default();
        for member in (1..NODES).rev() {
            other.set(id(member), [Prefix::from(&id(member.wrapping_add(1)))]);
            let links: Vec<Prefix> = said.iter().rev().filter(|(from, _)| *from == member).map(|(_, to)| Prefix::from(&id(*to))).collect();
            if links.is_empty() {
                other.remove(&id(member));
            } else {
                other.set(id(member), links);
            }
        }
        other.follow(id(0), &neighbors(own.iter().rev().copied()));
        prop_assert_eq!(first.tree(&id(root)), other.tree(&id(root)));
    }

    #[test]
    fn the_next_hop_is_that_of_the_tree_or_of_a_way_around((own, said) in links(), target in 0..NODES, avoid in 1..NODES) {
        let mut state = state(&own, &said);
        let tree = state.tree(&id(0));
        for _ in 0..2 {
            prop_assert_eq!(state.next_hop(&id(target), None), tree.first_hop(&id(target)));
            let without = |list: &[(u8, u8)]| list.iter().copied().filter(|(a, b)| *a != avoid && *b != avoid).collect::<Vec<_>>();
            let rest: Vec<u8> = own.iter().copied().filter(|one| *one != avoid).collect();
            let around = distances(&rest, &without(&said), NODES)[0][usize::from(target)];
            let next = state.next_hop(&id(target), Some(&id(avoid)));
            prop_assert_eq!(next.is_some(), tree.first_hop(&id(target)).is_some());
            prop_assert_eq!(next == Some(id(avoid)), tree.first_hop(&id(target)) == Some(id(avoid)) && around >= 1 << 20);
        }
    }
}

#[test]
fn a_change_of_the_links_changes_the_next_hop_and_the_version() {
    let mut links = state(&[1, 2], &[(1, 3), (3, 1), (2, 3), (3, 2)]);
    assert_eq!(links.next_hop(&id(3), None), Some(id(1)));
    let version = links.version();
    links.follow(id(0), &neighbors([2, 1]));
    assert!(links.set(id(3), [2, 1].map(|other| Prefix::from(&id(other)))));
    assert_eq!(links.version(), version, "nothing has changed");
    links.follow(id(0), &neighbors([2]));
    assert_eq!(links.next_hop(&id(3), None), Some(id(2)));
    links.remove(&id(3));
    assert_eq!(links.next_hop(&id(3), None), None);
    assert!(links.version() > version);
    let version = links.version();
    links.clear();
    assert!(links.version() > version && links.next_hop(&id(2), None).is_none());
}

#[test]
fn links_and_members_are_bounded() {
    let mut state = LinkState::default();
    let many = |count: u64| (0..count).map(|number| Prefix(number.to_be_bytes()));
    assert!(state.set(id(1), many(1000)));
    assert_eq!(state.published(&id(1)).map(<[Prefix]>::len), Some(MAX_LINKS));
    let numbered = |number: u64| NodeId(std::array::from_fn(|index| number.to_be_bytes()[index % 8]));
    for number in 1..MAX_MEMBERS as u64 {
        assert!(state.set(numbered(number), []));
    }
    assert!(!state.set(numbered(MAX_MEMBERS as u64), []));
    assert!(state.set(id(1), many(1)), "one that is held may change");
}
