//! What is asked of broadcast, and what it tells others.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use crate::kernel::Instant;
use crate::wire::{MessageId, Payload, Rumor};

/// Say `payload` to all members.
#[derive(Message, Clone, Debug)]
pub struct Publish {
    /// Who says it.
    pub node: Entity,
    /// What.
    pub payload: Payload,
    /// When.
    pub at: Instant,
}

/// A broadcast got its number and is on its way.
#[derive(Message, Clone, Copy, Debug)]
pub struct Published {
    /// Whose it is.
    pub node: Entity,
    /// Its name.
    pub id: MessageId,
    /// Bytes of payload.
    pub size: u32,
    /// When.
    pub at: Instant,
}

/// A broadcast reached a node for the first time. Its origin is not told of its own.
#[derive(Message, Clone, Debug)]
pub struct Delivered {
    /// Who has it.
    pub node: Entity,
    /// Its name and what was said.
    pub rumor: Arc<Rumor>,
    /// Hops from the origin.
    pub round: u16,
    /// When.
    pub at: Instant,
}

/// The payload of a broadcast reached a node that had it already: what RMR counts.
#[derive(Message, Clone, Copy, Debug)]
pub struct Redundant {
    /// Who has it.
    pub node: Entity,
    /// Its name.
    pub id: MessageId,
    /// When.
    pub at: Instant,
}
