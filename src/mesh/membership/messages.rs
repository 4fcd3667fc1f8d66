//! What membership tells others.

use bevy_ecs::prelude::*;

use crate::crypto::NodeId;
use crate::kernel::Instant;

/// A member is known for the first time, or again after it was forgotten, had left or was reborn.
#[derive(Message, Clone, Copy, Debug)]
pub struct MemberJoined {
    /// Who knows it.
    pub node: Entity,
    /// Who it is.
    pub member: NodeId,
    /// Since when.
    pub at: Instant,
}

/// A newer heartbeat of a member has been learnt.
#[derive(Message, Clone, Copy, Debug)]
pub struct Heartbeat {
    /// Who learnt it.
    pub node: Entity,
    /// Whose heartbeat.
    pub member: NodeId,
    /// When it was learnt.
    pub at: Instant,
}

/// A member has been suspected for so long that nothing of it is kept but a tombstone.
#[derive(Message, Clone, Copy, Debug)]
pub struct MemberForgotten {
    /// Who forgets.
    pub node: Entity,
    /// Whom.
    pub member: NodeId,
    /// When.
    pub at: Instant,
}

/// A key in the namespace of another member is known to have changed. Of a member that [`joins`](MemberJoined) everything comes that is known.
#[derive(Message, Clone, Debug)]
pub struct KeyChanged {
    /// Who learnt it.
    pub node: Entity,
    /// Whose namespace.
    pub member: NodeId,
    /// The key.
    pub key: Box<str>,
    /// Its value; `None` if it was deleted.
    pub value: Option<Box<[u8]>>,
    /// When it was learnt.
    pub at: Instant,
}

/// Write a key in the node's own namespace, for all members to read. It is ignored if the key is that
/// of the address or if [`MAX_ENTRIES`](super::MAX_ENTRIES), [`MAX_KEY`](super::MAX_KEY) or [`MAX_VALUE`](super::MAX_VALUE) is exceeded.
#[derive(Message, Clone, Debug)]
pub struct SetKey {
    /// Whose namespace.
    pub node: Entity,
    /// Which key.
    pub key: String,
    /// Its value; `None` deletes it.
    pub value: Option<Vec<u8>>,
    /// When.
    pub at: Instant,
}
