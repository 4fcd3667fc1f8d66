//! What a node knows of broadcasts: all in one component, which is all that a frame touches.

use bevy_ecs::prelude::*;

use super::plumtree::{Link, Plumtree};
use crate::kernel::Instant;

/// The state of broadcast at a node.
#[derive(Component, Default, Debug)]
pub struct Broadcast {
    pub(super) tree: Plumtree,
    /// For when the earliest timer is set.
    pub(super) armed: Option<Instant>,
    /// Where the next summary begins, when there are more origins than fit.
    pub(super) summary_start: usize,
}

impl Broadcast {
    /// Whether messages are pushed eagerly over `session`: it is a branch of the tree.
    pub fn is_eager(&self, session: Link) -> bool {
        self.tree.is_eager(session)
    }
}
