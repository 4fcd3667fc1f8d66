//! What the leave protocol tells others.

use bevy_ecs::prelude::*;

use crate::crypto::NodeId;
use crate::kernel::Instant;

/// A member said goodbye. Written once for each node that hears it.
#[derive(Message, Clone, Copy, Debug)]
pub struct MemberLeft {
    /// Who hears it.
    pub node: Entity,
    /// Who left.
    pub member: NodeId,
    /// Which of its lives ended.
    pub incarnation: u64,
    /// When it was heard.
    pub at: Instant,
}

/// A node has said its goodbyes and closed its sessions: the runner may take it down.
#[derive(Message, Clone, Copy, Debug)]
pub struct Stopped {
    /// The node.
    pub node: Entity,
    /// When.
    pub at: Instant,
}
