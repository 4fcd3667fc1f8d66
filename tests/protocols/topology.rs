//! What the links of a young mesh are like, from the first session on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use murmuration::crypto::CryptoMode;
use murmuration::kernel::{Instant, NeighborDown, NeighborUp};
use murmuration::mesh::routing::RoutingConfig;
use murmuration::scenario::{Latency, LinkSpec, Network, Protocols, Scenario};
use murmuration::trial::Plan;

use crate::harness::{Step, connect, observe, strangers};

/// When a node, which counts another as a neighbour, or no longer.
type Change = (Instant, u32, u32, bool);

/// Pairs of nodes, the first of which counts the second as a neighbour.
type Links = BTreeSet<(u32, u32)>;

/// How links change, in order. Where one session takes over from another a link goes and comes in one instant.
fn changes(scenario: &Scenario, script: &[Step]) -> Vec<Change> {
    let plan = Plan::new(scenario, scenario.seed, 1).expect("the scenario is sound");
    let ordinal = |id| plan.ordinal(id).expect("a node of the scenario");
    let (down, up) = (observe::<NeighborDown>(scenario, script), observe::<NeighborUp>(scenario, script));
    let down = down.iter().map(|(node, down)| (down.at, *node, ordinal(&down.neighbor.id), false));
    let up = up.iter().map(|(node, up)| (up.at, *node, ordinal(&up.neighbor.id), true));
    let mut all: Vec<Change> = down.chain(up).collect();
    all.sort_by_key(|(at, .., is_up)| (*at, *is_up));
    all
}

fn follow(links: &mut Links, (_, from, to, is_up): Change) {
    if is_up {
        links.insert((from, to));
    } else {
        links.remove(&(from, to));
    }
}

/// How many nodes links lead to from node 0, itself among them.
fn reached(links: &Links) -> usize {
    let mut found = BTreeSet::from([0]);
    let mut open = vec![0];
    while let Some(node) = open.pop() {
        let next = links.iter().filter(|(from, to)| *from == node && links.contains(&(*to, node)));
        open.extend(next.filter(|(_, to)| found.insert(*to)).map(|(_, to)| to));
    }
    found.len()
}

#[test]
fn two_that_dial_each_other_at_once_agree_that_they_are_linked() {
    const PAIRS: u32 = 20;
    const SCRIPT: [Step; 2] = [
        (1000, |world, at| (0..PAIRS).for_each(|pair| connect(world, at, 2 * pair, 2 * pair + 1))),
        (1010, |world, at| (0..PAIRS).for_each(|pair| connect(world, at, 2 * pair + 1, 2 * pair))),
    ];
    let latency = Latency::Uniform(Duration::from_millis(5), Duration::from_millis(60));
    let network = Network { link: LinkSpec { latency, ..LinkSpec::default() }, ..Network::default() };
    for seed in 0..4 {
        let scenario = Scenario { network: network.clone(), crypto: CryptoMode::Modelled, seed, ..strangers(2 * PAIRS, 8) };
        let mut links = Links::new();
        let mut since = BTreeMap::new();
        for change in changes(&scenario, &SCRIPT) {
            let (at, from, to, _) = change;
            follow(&mut links, change);
            if links.contains(&(from, to)) == links.contains(&(to, from)) {
                // An answer on its way, and the one to what takes its place, need not more than this.
                let lasted = since.remove(&from.min(to)).map_or(Duration::ZERO, |since| at.since(since));
                assert!(lasted < Duration::from_millis(200), "seed {seed}: {from} and {to} disagree for {lasted:?}");
            } else {
                since.entry(from.min(to)).or_insert(at);
            }
        }
        assert_eq!((since, links.len()), (BTreeMap::new(), 2 * PAIRS as usize), "seed {seed}");
    }
}

#[test]
fn a_session_that_no_link_needs_is_made_one_if_it_is_all_that_joins_two_parts() {
    // Two rings of four, in which everybody will have as many links as it may, and a session between them.
    const SCRIPT: [Step; 5] = [
        (1000, |world, at| [(0, 1), (4, 5)].into_iter().for_each(|(from, to)| connect(world, at, from, to))),
        (1500, |world, at| [(1, 2), (5, 6)].into_iter().for_each(|(from, to)| connect(world, at, from, to))),
        (2000, |world, at| [(2, 3), (6, 7)].into_iter().for_each(|(from, to)| connect(world, at, from, to))),
        (2500, |world, at| [(3, 0), (7, 4)].into_iter().for_each(|(from, to)| connect(world, at, from, to))),
        (9000, |world, at| connect(world, at, 0, 4)),
    ];
    let (opened, end) = (Instant::ZERO + Duration::from_secs(9), Instant::NEVER);
    for routing in [None, Some(RoutingConfig::default())] {
        for seed in 0..3 {
            let protocols = Protocols { routing: routing.clone(), ..strangers(8, 45).protocols };
            let scenario = Scenario { crypto: CryptoMode::Modelled, seed, protocols, ..strangers(8, 45) };
            let changes = changes(&scenario, &SCRIPT);
            let links_at = |then: Instant| {
                let mut links = Links::new();
                changes.iter().filter(|(at, ..)| *at < then).for_each(|change| follow(&mut links, *change));
                links
            };
            assert_eq!((reached(&links_at(opened)), links_at(opened).len()), (4, 24), "seed {seed}: all are linked with all, in each part");
            let links = links_at(end);
            let most = (0..8).map(|node| links.iter().filter(|(from, _)| *from == node).count()).max();
            assert_eq!((reached(&links), most), (8, Some(3)), "seed {seed}: one mesh, in which nobody has too many links: {links:?}");
        }
    }
}
