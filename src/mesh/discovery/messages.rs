//! What discovery tells others.

use bevy_ecs::prelude::*;

use crate::kernel::Instant;

/// A node has failed to reach anybody too often in a row.
#[derive(Message, Clone, Copy, Debug)]
pub struct WentOffline {
    /// The node.
    pub node: Entity,
    /// When.
    pub at: Instant,
}

/// A node that was offline has a session again.
#[derive(Message, Clone, Copy, Debug)]
pub struct WentOnline {
    /// The node.
    pub node: Entity,
    /// When.
    pub at: Instant,
}
