//! The active view: the sessions an overlay has made links of the mesh.
//!
//! It is shared on purpose. An overlay (degree-constrained, pinned, HyParView …) writes it, whatever spreads information over the
//! mesh (Scuttlebutt, Plumtree, flood …) reads it; neither knows the other.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use smallvec::SmallVec;

use super::node::Node;
use super::schedule::AppTickExt;
use super::time::Instant;
use crate::wire::NodeId;

/// The neighbours of a node, in the order in which they became so.
#[derive(Component, Default, Clone, Debug)]
pub struct Neighbors(SmallVec<[Neighbor; 4]>);

/// One neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Neighbor {
    /// The session that reaches it.
    pub session: Entity,
    /// Who it is.
    pub id: NodeId,
}

impl Neighbors {
    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Neighbor> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The `index`-th, as [`iter`](Self::iter) counts.
    pub fn get(&self, index: usize) -> Option<&Neighbor> {
        self.0.get(index)
    }

    /// Whether `id` is one.
    pub fn contains(&self, id: &NodeId) -> bool {
        self.0.iter().any(|neighbor| neighbor.id == *id)
    }

    /// Adds a neighbour unless its session or id is one already; says whether it did. For overlays only, which then write
    /// [`NeighborUp`].
    pub fn insert(&mut self, neighbor: Neighbor) -> bool {
        let new = !self.0.iter().any(|known| known.session == neighbor.session || known.id == neighbor.id);
        if new {
            self.0.push(neighbor);
        }
        new
    }

    /// Removes the neighbour reached by `session`. For overlays only, which then write [`NeighborDown`].
    pub fn remove(&mut self, session: Entity) -> Option<Neighbor> {
        let index = self.0.iter().position(|neighbor| neighbor.session == session)?;
        Some(self.0.remove(index))
    }

    /// Forgets all, as a crash does: nobody is told.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// A session became a link of the mesh.
#[derive(Message, Clone, Copy, Debug)]
pub struct NeighborUp {
    /// Whose neighbour.
    pub node: Entity,
    /// The neighbour.
    pub neighbor: Neighbor,
    /// When.
    pub at: Instant,
}

/// A link of the mesh is gone.
#[derive(Message, Clone, Copy, Debug)]
pub struct NeighborDown {
    /// Whose neighbour.
    pub node: Entity,
    /// Who it was.
    pub neighbor: Neighbor,
    /// When.
    pub at: Instant,
}

/// Adds the component to every node, and the messages.
pub(super) struct NeighborPlugin;

impl Plugin for NeighborPlugin {
    fn build(&self, app: &mut App) {
        app.add_tick_message::<NeighborUp>().add_tick_message::<NeighborDown>();
        app.world_mut().register_required_components::<Node, Neighbors>();
    }
}
