//! Who is linked with whom: the link-state database, and the shortest paths that follow from it.
//!
//! It is shared on purpose. Routing writes it, from what members publish in their namespaces; the overlay, topics and metrics read it.

mod tree;

use std::collections::BTreeMap;

use bevy_ecs::prelude::*;
use smallvec::SmallVec;

pub use tree::Tree;

use self::tree::Graph;
use super::neighbors::Neighbors;
use crate::wire::NodeId;
use crate::wire::membership::Prefix;

/// Most members whose links are held. Not fewer than members are.
pub const MAX_MEMBERS: usize = 16_384;
/// Most links of one member. Whoever has more publishes these many.
pub const MAX_LINKS: usize = 64;
/// Most detours that are remembered at a time.
const MAX_DETOURS: usize = 8;

/// The links that members publish, and the node's own.
///
/// A link counts only if both its ends publish it, so nobody draws paths to itself that are not there. Of the node's own links its
/// [`Neighbors`] are the truth, whatever others say.
#[derive(Component, Default, Debug)]
pub struct LinkState {
    me: Option<NodeId>,
    /// The node's own links, in order.
    neighbors: SmallVec<[NodeId; 4]>,
    /// Those of each other member, in order.
    members: BTreeMap<NodeId, SmallVec<[Prefix; 4]>>,
    version: u64,
    ways: Option<Box<Ways>>,
}

/// What has been computed for one version.
#[derive(Debug)]
struct Ways {
    version: u64,
    graph: Graph,
    tree: Tree,
    /// Trees without one neighbour, by neighbour.
    detours: SmallVec<[(NodeId, Tree); 2]>,
}

impl LinkState {
    /// Takes over that `member` publishes `links`; those beyond [`MAX_LINKS`] are left out. Returns false if [`MAX_MEMBERS`] are held
    /// already and it is none of them.
    pub fn set(&mut self, member: NodeId, links: impl IntoIterator<Item = Prefix>) -> bool {
        if self.members.len() >= MAX_MEMBERS && !self.members.contains_key(&member) {
            return false;
        }
        let mut links: SmallVec<[Prefix; 4]> = links.into_iter().take(MAX_LINKS).collect();
        links.sort_unstable();
        links.dedup();
        let same = self.members.get(&member) == Some(&links);
        if !same {
            self.members.insert(member, links);
            self.version += 1;
        }
        true
    }

    /// Holds nothing of `member` any more.
    pub fn remove(&mut self, member: &NodeId) {
        if self.members.remove(member).is_some() {
            self.version += 1;
        }
    }

    /// Holds nothing of anybody any more, as after a start without memory. The version still grows.
    pub fn clear(&mut self) {
        *self = Self { version: self.version + 1, ..Self::default() };
    }

    /// Takes over who the node is and whom it is linked with.
    pub fn follow(&mut self, me: NodeId, neighbors: &Neighbors) {
        let same = self.me == Some(me)
            && self.neighbors.len() == neighbors.len()
            && neighbors.iter().all(|neighbor| self.neighbors.binary_search(&neighbor.id).is_ok());
        if !same {
            self.me = Some(me);
            self.neighbors = neighbors.iter().map(|neighbor| neighbor.id).collect();
            self.neighbors.sort_unstable();
            self.version += 1;
        }
    }

    /// Grows with each change. What follows from the links holds for one version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What `member` publishes, in order; `None` if it publishes nothing, and for the node itself.
    pub fn published(&self, member: &NodeId) -> Option<&[Prefix]> {
        self.members.get(member).map(|links| &links[..])
    }

    /// The shortest paths from `root` to everybody, over the links that count. Among several of one length the smallest parent is chosen,
    /// so whoever knows the same links gets the same tree. Costs one pass over all members and links.
    pub fn tree(&self, root: &NodeId) -> Tree {
        Graph::new(self).tree(root, None)
    }

    /// The neighbour that is next on a shortest path to `target`: not `avoid`, unless there is no other way. `None` if there is no way, or
    /// `target` is the node itself. Paths are computed once for a version.
    pub fn next_hop(&mut self, target: &NodeId, avoid: Option<&NodeId>) -> Option<NodeId> {
        let me = self.me?;
        let mut ways = match self.ways.take() {
            Some(ways) if ways.version == self.version => ways,
            _ => {
                let graph = Graph::new(self);
                let tree = graph.tree(&me, None);
                Box::new(Ways { version: self.version, graph, tree, detours: SmallVec::new() })
            }
        };
        let next = ways.tree.first_hop(target).map(|first| match avoid {
            Some(avoid) if first == *avoid => ways.detour(&me, avoid).first_hop(target).unwrap_or(first),
            _ => first,
        });
        self.ways = Some(ways);
        next
    }
}

impl Ways {
    /// The paths that do not touch `avoid`, a neighbour.
    fn detour(&mut self, me: &NodeId, avoid: &NodeId) -> &Tree {
        let index = self.detours.iter().position(|(without, _)| without == avoid).unwrap_or_else(|| {
            if self.detours.len() >= MAX_DETOURS {
                self.detours.remove(0);
            }
            self.detours.push((*avoid, self.graph.tree(me, Some(avoid))));
            self.detours.len() - 1
        });
        &self.detours[index].1
    }
}

#[cfg(test)]
mod tests;
