//! Facts about the graph of the links at the end: degrees, components, diameter. Running nodes only.

use super::record::RunRecord;

/// The diameter of more nodes than this is not measured: it would take longer than the run.
const DIAMETER_LIMIT: usize = 20_000;
/// … nor where nodes times hops are more than this: a ring of 14,000, some five seconds.
const STEPS_LIMIT: u64 = 100_000_000;

/// Searches at a time; of each a bit.
const SEARCHES: usize = 256;
type Searches = [u64; SEARCHES / 64];
const NONE: Searches = [0; SEARCHES / 64];

/// The graph of the running nodes. Nodes are numbered densely, in the order of the record.
#[derive(Debug)]
pub(super) struct Graph {
    /// Ordinal of each.
    pub ordinals: Vec<u32>,
    starts: Vec<usize>,
    neighbours: Vec<u32>,
}

impl Graph {
    /// The links between nodes that run at the end.
    pub fn of_running(record: &RunRecord) -> Self {
        let ordinals: Vec<u32> = record.nodes.iter().filter(|node| node.up).map(|node| node.node).collect();
        Self::new(ordinals, record.edges.iter().map(|edge| (edge.a, edge.b)))
    }

    /// The graph of these nodes and of those of the edges that lie between two of them.
    pub fn new(mut ordinals: Vec<u32>, edges: impl Iterator<Item = (u32, u32)>) -> Self {
        ordinals.sort_unstable();
        ordinals.dedup();
        let place = |node: u32| ordinals.binary_search(&node).ok().map(|i| i as u32);
        let mut arcs: Vec<(u32, u32)> = Vec::new();
        for (a, b) in edges {
            if let (Some(a), Some(b)) = (place(a), place(b))
                && a != b
            {
                arcs.extend([(a, b), (b, a)]);
            }
        }
        arcs.sort_unstable();
        arcs.dedup();
        let mut starts = vec![0; ordinals.len() + 1];
        for (from, _) in &arcs {
            starts[*from as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        Self { ordinals, starts, neighbours: arcs.into_iter().map(|(_, to)| to).collect() }
    }

    /// How many nodes.
    pub fn len(&self) -> usize {
        self.ordinals.len()
    }

    /// Neighbours of the node at this place.
    pub fn neighbours(&self, node: usize) -> &[u32] {
        &self.neighbours[self.starts[node]..self.starts[node + 1]]
    }

    /// Sizes of the connected components, largest first.
    pub fn components(&self) -> Vec<usize> {
        let mut seen = vec![false; self.len()];
        let mut sizes = Vec::new();
        let mut stack = Vec::new();
        for start in 0..self.len() {
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            let mut size = 0;
            stack.push(start);
            while let Some(node) = stack.pop() {
                size += 1;
                for &next in self.neighbours(node) {
                    if !std::mem::replace(&mut seen[next as usize], true) {
                        stack.push(next as usize);
                    }
                }
            }
            sizes.push(size);
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes
    }

    /// The most hops between two nodes; `None` if there are none, not all connected, or more than can be measured in reasonable time.
    ///
    /// Breadth-first searches from many nodes at a time, one bit each (Then et al., *The More the Merrier*, VLDB 2014).
    pub fn diameter(&self) -> Option<u32> {
        if self.len() == 0 || self.len() > DIAMETER_LIMIT || self.components().len() > 1 {
            return None;
        }
        let mut longest = self.eccentricity(0..1);
        // Each search takes a step for each hop: a ring of many nodes would take a minute.
        if self.len() as u64 * u64::from(longest) > STEPS_LIMIT {
            return None;
        }
        for first in (0..self.len()).step_by(SEARCHES) {
            longest = longest.max(self.eccentricity(first..(first + SEARCHES).min(self.len())));
        }
        Some(longest)
    }

    /// The most hops from any of these (at most [`SEARCHES`]) nodes to any other.
    fn eccentricity(&self, sources: std::ops::Range<usize>) -> u32 {
        let mut seen = vec![NONE; self.len()];
        let mut next = vec![NONE; self.len()];
        let mut frontier: Vec<(u32, Searches)> = Vec::new();
        for (bit, node) in sources.enumerate() {
            seen[node][bit / 64] = 1 << (bit % 64);
            frontier.push((node as u32, seen[node]));
        }
        let mut touched = Vec::new();
        let mut hops = 0;
        loop {
            for (node, searches) in &frontier {
                for &to in self.neighbours(*node as usize) {
                    let (seen, next) = (&seen[to as usize], &mut next[to as usize]);
                    let fresh: Searches = std::array::from_fn(|word| searches[word] & !seen[word]);
                    if fresh != NONE {
                        if *next == NONE {
                            touched.push(to);
                        }
                        next.iter_mut().zip(fresh).for_each(|(next, fresh)| *next |= fresh);
                    }
                }
            }
            if touched.is_empty() {
                return hops;
            }
            hops += 1;
            frontier.clear();
            for node in touched.drain(..) {
                let searches = std::mem::take(&mut next[node as usize]);
                seen[node as usize].iter_mut().zip(searches).for_each(|(seen, new)| *seen |= new);
                frontier.push((node, searches));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u32) -> Graph {
        Graph::new((0..n).collect(), (1..n).map(|i| (i - 1, i)))
    }

    #[test]
    fn diameters_of_known_graphs() {
        assert_eq!(line(200).diameter(), Some(199));
        assert_eq!(line(700).diameter(), Some(699));
        assert_eq!(Graph::new((0..130).collect(), (0..130).map(|i| (i, (i + 1) % 130))).diameter(), Some(65));
        assert_eq!(Graph::new((0..9).collect(), (1..9).map(|i| (0, i))).diameter(), Some(2));
        assert_eq!(line(1).diameter(), Some(0));
        assert_eq!(line(0).diameter(), None);
    }

    #[test]
    fn islands_have_no_diameter() {
        let graph = Graph::new(vec![0, 1, 2, 3, 4], [(0, 1), (2, 3), (3, 4), (4, 9), (3, 3), (1, 0)].into_iter());
        assert_eq!(graph.components(), [3, 2]);
        assert_eq!(graph.diameter(), None);
    }
}
