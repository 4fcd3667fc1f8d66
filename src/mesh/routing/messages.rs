//! What others ask of routing, and what it tells them.

use bevy_ecs::prelude::*;

use crate::crypto::NodeId;
use crate::kernel::Instant;
use crate::wire::routing::{DatagramBody, RoutingFailure};

/// Send this to one member. Of what becomes of it the sender learns only if it [fails](SendFailed).
#[derive(Message, Clone, Debug)]
pub struct SendTo {
    /// Who sends it.
    pub node: Entity,
    /// To whom. To the node itself it is delivered at once.
    pub to: NodeId,
    /// What. At most [`MAX_BODY`](crate::wire::routing::MAX_BODY) bytes when encoded.
    pub body: DatagramBody,
    /// When.
    pub at: Instant,
}

/// A datagram has come. Its source is proven.
#[derive(Message, Clone, Debug)]
pub struct DatagramReceived {
    /// Who received it.
    pub node: Entity,
    /// Who sent it.
    pub from: NodeId,
    /// What.
    pub body: DatagramBody,
    /// Over how many links it has come, as far as those who passed it on are honest; 0 from the node itself.
    pub hops: u8,
    /// When.
    pub at: Instant,
}

/// A datagram did not arrive, as far as is known: who passes datagrams on may say so of one that has.
#[derive(Message, Clone, Debug)]
pub struct SendFailed {
    /// Who sent it.
    pub node: Entity,
    /// To whom.
    pub to: NodeId,
    /// What, unless so much was sent since that it is no longer kept.
    pub body: Option<DatagramBody>,
    /// Why.
    pub reason: RoutingFailure,
    /// When.
    pub at: Instant,
}
