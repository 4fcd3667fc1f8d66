//! What a node knows of broadcasts: all in one component, which is all that a frame touches.

use bevy_ecs::prelude::*;

use crate::kernel::Instant;
use crate::mesh::plumtree::Plumtree;

/// The state of broadcast at a node. It begins with a line of the cache: with many nodes it comes from memory line by line.
#[derive(Component, Debug)]
#[repr(C, align(64))]
pub struct Broadcast {
    /// For when the earliest timer is set.
    pub(super) armed: Instant,
    pub(super) tree: Plumtree,
}

impl Default for Broadcast {
    fn default() -> Self {
        Self { tree: Plumtree::default(), armed: Instant::NEVER }
    }
}

impl Broadcast {
    /// The sessions over which messages are pushed eagerly: the node's branches of the tree.
    pub fn eager_peers(&self) -> impl Iterator<Item = Entity> {
        self.tree.eager_peers()
    }

    /// A glance at what everything that comes needs, for [`ahead`](crate::kernel::ahead).
    pub(super) fn glance_first(&self) -> (Instant, [u64; 2]) {
        (self.armed, self.tree.glance_first())
    }

    /// Whether messages are pushed eagerly over `session`.
    pub fn is_eager(&self, session: Entity) -> bool {
        self.eager_peers().any(|link| link == session)
    }
}
