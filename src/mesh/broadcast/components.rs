//! What a node knows of broadcasts: all in one component, which is all that a frame touches.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use super::plumtree::Plumtree;
use crate::kernel::Instant;
use crate::wire::Mark;

/// The state of broadcast at a node.
#[derive(Component, Debug)]
pub struct Broadcast {
    pub(super) tree: Plumtree,
    /// For when the earliest timer is set.
    pub(super) armed: Instant,
    /// Where the next summary begins, when there are more lives than fit.
    pub(super) summary_start: usize,
}

impl Default for Broadcast {
    fn default() -> Self {
        Self { tree: Plumtree::default(), armed: Instant::NEVER, summary_start: 0 }
    }
}

impl Broadcast {
    /// The sessions over which messages are pushed eagerly: the node's branches of the tree.
    pub fn eager_peers(&self) -> impl Iterator<Item = Entity> {
        self.tree.eager_peers()
    }

    /// Whether messages are pushed eagerly over `session`.
    pub fn is_eager(&self, session: Entity) -> bool {
        self.eager_peers().any(|link| link == session)
    }

    /// A summary, which begins where the last one ended.
    pub(super) fn next_summary(&mut self) -> Arc<[Mark]> {
        let marks = self.tree.summary(self.summary_start);
        self.summary_start = (self.summary_start + marks.len()).checked_rem(self.tree.origins.len()).unwrap_or(0);
        marks
    }
}
