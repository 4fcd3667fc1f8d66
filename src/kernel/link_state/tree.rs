//! Shortest paths: breadth-first search over the links that count.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::LinkState;
use crate::wire::NodeId;
use crate::wire::membership::Prefix;

/// Hops to whoever is not reached.
const UNREACHED: u32 = u32::MAX;

/// The links that count, of one version.
#[derive(Debug)]
pub(super) struct Graph {
    /// All members, in order.
    ids: Vec<NodeId>,
    /// Where the links of each begin in `links`, and where the last ones end.
    starts: Vec<u32>,
    /// The other ends, as indices in `ids`; those of one member in order.
    links: Vec<u32>,
}

impl Graph {
    pub fn new(state: &LinkState) -> Self {
        let mut ids: Vec<NodeId> = state.members.keys().chain(&state.me).chain(&state.neighbors).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let published: Vec<&[Prefix]> = ids.iter().map(|id| state.published(id).unwrap_or_default()).collect();
        // Of two members with one prefix the first has all its links: to make such a pair takes 2^64 attempts.
        let mut places: IndexMap<Prefix, u32, FxBuildHasher> = IndexMap::with_capacity_and_hasher(ids.len(), FxBuildHasher);
        for (place, id) in ids.iter().enumerate() {
            places.entry(Prefix::from(id)).or_insert(place as u32);
        }
        let mut graph = Self { starts: Vec::with_capacity(ids.len() + 1), links: Vec::new(), ids };
        for (place, id) in graph.ids.iter().enumerate() {
            let begin = graph.links.len();
            graph.starts.push(begin as u32);
            if state.me == Some(*id) {
                graph.links.extend(state.neighbors.iter().filter_map(|neighbor| places.get(&Prefix::from(neighbor))));
            } else {
                let own = Prefix::from(id);
                let counts = |other: &u32| {
                    state.me != Some(graph.ids[*other as usize])
                        && places.get(&own) == Some(&(place as u32))
                        && published[*other as usize].binary_search(&own).is_ok()
                };
                graph.links.extend(published[place].iter().filter_map(|link| places.get(link).copied()).filter(counts));
                if state.neighbors.binary_search(id).is_ok() {
                    graph.links.extend(state.me.and_then(|me| places.get(&Prefix::from(&me))));
                }
            }
            graph.links[begin..].sort_unstable();
        }
        graph.starts.push(graph.links.len() as u32);
        graph
    }

    fn links_of(&self, place: u32) -> &[u32] {
        &self.links[self.starts[place as usize] as usize..self.starts[place as usize + 1] as usize]
    }

    /// The shortest paths from `root`, none of them over `without`.
    pub fn tree(&self, root: &NodeId, without: Option<&NodeId>) -> Tree {
        let unreached = |id: &NodeId| Branch { id: *id, parent: 0, first: 0, hops: UNREACHED };
        let mut branches: Vec<Branch> = self.ids.iter().map(unreached).collect();
        let place_of = |id: &NodeId| self.ids.binary_search(id).ok().map(|place| place as u32);
        let (root, without) = (place_of(root), without.and_then(place_of));
        let mut reached: Vec<u32> = root.into_iter().collect();
        if let Some(root) = root {
            branches[root as usize] = Branch { id: self.ids[root as usize], parent: root, first: root, hops: 0 };
        }
        let mut next = 0;
        while let Some(&place) = reached.get(next) {
            next += 1;
            let hops = branches[place as usize].hops + 1;
            for &other in self.links_of(place) {
                let branch = &mut branches[other as usize];
                if branch.hops == UNREACHED && Some(other) != without {
                    branch.hops = hops;
                    reached.push(other);
                }
            }
        }
        // Those that are nearer come first, so a parent is complete before its children look at it.
        for &place in reached.iter().skip(1) {
            let nearer = |other: &&u32| branches[**other as usize].hops == branches[place as usize].hops - 1;
            // Links are in order, so the first is the smallest.
            let Some(&parent) = self.links_of(place).iter().find(nearer) else { continue };
            let first = if Some(parent) == root { place } else { branches[parent as usize].first };
            let branch = &mut branches[place as usize];
            (branch.parent, branch.first) = (parent, first);
        }
        Tree { branches }
    }
}

/// Shortest paths from one member, its root, to all that it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// One for each member, in the order of their ids.
    branches: Vec<Branch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Branch {
    id: NodeId,
    /// Index of the member before it; its own at the root.
    parent: u32,
    /// Index of the member after the root on the path to it; its own at the root.
    first: u32,
    hops: u32,
}

impl Tree {
    fn branch(&self, id: &NodeId) -> Option<&Branch> {
        let place = self.branches.binary_search_by_key(id, |branch| branch.id).ok()?;
        Some(&self.branches[place]).filter(|branch| branch.hops != UNREACHED)
    }

    /// The member before `id` on its path; `None` for the root and for whoever is not reached.
    pub fn parent(&self, id: &NodeId) -> Option<NodeId> {
        self.branch(id).filter(|branch| branch.hops > 0).map(|branch| self.branches[branch.parent as usize].id)
    }

    /// The member after the root on the path to `id`; `None` for the root and for whoever is not reached.
    pub fn first_hop(&self, id: &NodeId) -> Option<NodeId> {
        self.branch(id).filter(|branch| branch.hops > 0).map(|branch| self.branches[branch.first as usize].id)
    }

    /// How many links lie between the root and `id`; `None` if it is not reached.
    pub fn hops(&self, id: &NodeId) -> Option<u32> {
        self.branch(id).map(|branch| branch.hops)
    }

    /// The path from the root to `id`, both included; `None` if it is not reached.
    pub fn path_to(&self, id: &NodeId) -> Option<Vec<NodeId>> {
        let mut branch = self.branch(id)?;
        let mut path = vec![branch.id];
        while branch.hops > 0 {
            branch = &self.branches[branch.parent as usize];
            path.push(branch.id);
        }
        path.reverse();
        Some(path)
    }
}
