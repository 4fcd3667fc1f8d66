//! Graphs of pinned overlays.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::scenario::Graph;

/// The edges of `graph` over `nodes` nodes, each once, smaller ordinal first.
pub fn edges(graph: &Graph, nodes: u32, rng: &mut ChaCha8Rng) -> Vec<(u32, u32)> {
    match graph {
        Graph::RandomRegular(degree) => random_regular(nodes, *degree, rng),
        Graph::Ring => (0..nodes).map(|a| (a, (a + 1) % nodes)).filter(|(a, b)| a != b && (nodes > 2 || a < b)).map(ordered).collect(),
        Graph::Line => (1..nodes).map(|b| (b - 1, b)).collect(),
        Graph::Star => (1..nodes).map(|b| (0, b)).collect(),
        Graph::Full => (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b))).collect(),
        Graph::Edges(edges) => edges.iter().copied().filter(|(a, b)| a != b).map(ordered).collect::<BTreeSet<_>>().into_iter().collect(),
    }
}

fn ordered((a, b): (u32, u32)) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// A connected random graph with `degree` edges at every node: a ring lattice, shuffled by double edge swaps that keep every
/// degree (Maslov and Sneppen 2002), ten for each edge, and again until it is connected.
fn random_regular(nodes: u32, degree: u32, rng: &mut ChaCha8Rng) -> Vec<(u32, u32)> {
    let mut edges: Vec<(u32, u32)> = (0..nodes).flat_map(|a| (1..=degree / 2).map(move |step| ordered((a, (a + step) % nodes)))).collect();
    if degree % 2 == 1 {
        edges.extend((0..nodes / 2).map(|a| (a, a + nodes / 2)));
    }
    let mut neighbors = vec![Vec::with_capacity(degree as usize); nodes as usize];
    for (a, b) in &edges {
        neighbors[*a as usize].push(*b);
        neighbors[*b as usize].push(*a);
    }
    loop {
        for _ in 0..edges.len() * 10 {
            let (i, j) = (rng.random_range(0..edges.len()), rng.random_range(0..edges.len()));
            let ((a, b), (c, d)) = (edges[i], if rng.random() { edges[j] } else { (edges[j].1, edges[j].0) });
            let distinct = a != c && a != d && b != c && b != d;
            if !distinct || neighbors[a as usize].contains(&d) || neighbors[c as usize].contains(&b) {
                continue;
            }
            for (at, from, to) in [(a, b, d), (b, a, c), (c, d, b), (d, c, a)] {
                if let Some(slot) = neighbors[at as usize].iter_mut().find(|neighbor| **neighbor == from) {
                    *slot = to;
                }
            }
            (edges[i], edges[j]) = (ordered((a, d)), ordered((b, c)));
        }
        if degree < 2 || is_connected(&neighbors) {
            edges.shuffle(rng);
            return edges;
        }
    }
}

fn is_connected(neighbors: &[Vec<u32>]) -> bool {
    let mut seen = vec![false; neighbors.len()];
    let mut open = vec![0_u32];
    let mut count = 0;
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut seen[node as usize], true) {
            count += 1;
            open.extend(&neighbors[node as usize]);
        }
    }
    count == neighbors.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trial::streams::{Purpose, stream};

    proptest! {
        #[test]
        fn a_random_regular_graph_is_simple_regular_and_connected(half in 4_u32..60, degree in 2_u32..7, seed: u64) {
            let nodes = half * 2;
            let edges = edges(&Graph::RandomRegular(degree), nodes, &mut stream(seed, Purpose::Graph, 0, 0));
            let unique: BTreeSet<_> = edges.iter().copied().collect();
            prop_assert_eq!(unique.len(), edges.len(), "no edge twice");
            let mut neighbors = vec![Vec::new(); nodes as usize];
            for (a, b) in edges {
                prop_assert!(a < b);
                neighbors[a as usize].push(b);
                neighbors[b as usize].push(a);
            }
            prop_assert!(neighbors.iter().all(|links| links.len() == degree as usize));
            prop_assert!(is_connected(&neighbors));
        }
    }

    #[test]
    fn named_graphs_have_their_edges() {
        let mut rng = stream(1, Purpose::Graph, 0, 0);
        assert_eq!(edges(&Graph::Ring, 3, &mut rng), [(0, 1), (1, 2), (0, 2)]);
        assert_eq!(edges(&Graph::Ring, 2, &mut rng), [(0, 1)]);
        assert_eq!(edges(&Graph::Line, 3, &mut rng), [(0, 1), (1, 2)]);
        assert_eq!(edges(&Graph::Star, 3, &mut rng), [(0, 1), (0, 2)]);
        assert_eq!(edges(&Graph::Full, 3, &mut rng), [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(edges(&Graph::Edges(vec![(2, 0), (0, 2), (1, 1)]), 3, &mut rng), [(0, 2)]);
    }
}
