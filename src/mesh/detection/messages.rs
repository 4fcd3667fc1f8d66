//! What detection tells others.

use bevy_ecs::prelude::*;

use crate::crypto::NodeId;
use crate::kernel::Instant;

/// A member's suspicion level has reached the threshold.
#[derive(Message, Clone, Copy, Debug)]
pub struct Suspected {
    /// Who suspects.
    pub node: Entity,
    /// Whom.
    pub member: NodeId,
    /// How much.
    pub phi: f64,
    /// When.
    pub at: Instant,
}

/// A member that was suspected shows signs of life.
#[derive(Message, Clone, Copy, Debug)]
pub struct Trusted {
    /// Who trusts again.
    pub node: Entity,
    /// Whom.
    pub member: NodeId,
    /// When.
    pub at: Instant,
}
