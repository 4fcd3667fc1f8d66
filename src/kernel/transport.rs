//! The seam between the mesh and what carries its frames: messages each way, no trait.
//!
//! A transport plugin reads [`Dial`], [`FrameOut`], [`HangUp`] and [`BeaconOut`] in [`TickSystems::Send`](super::TickSystems)
//! and writes [`LinkUp`], [`FrameIn`], [`LinkDown`] and [`BeaconIn`] in [`TickSystems::Receive`](super::TickSystems).
//! Which transport carries a session is a component of its own on the session entity, so several can live in one world.
//!
//! What a transport guarantees:
//! - every dial ends in `LinkUp` or `LinkDown`, every link that came up in at most one `LinkDown` unless the node hung up;
//! - an accepted link has its session entity, made with [`spawn_session`](super::spawn_session), when `LinkUp` is written;
//! - `FrameIn` messages of one tick to one node stand together, ordered by instant, then by sender, then by the sender's own sequence
//!   (the handshake appends what had come before a session was open);
//! - a frame is never longer than [`MAX_FRAME`](crate::wire::MAX_FRAME);
//! - over a [`Service::Stream`] frames of one direction arrive in order, once, or not at all after the link is down.
//!
//! What it does not: that a frame arrives, that a dead peer is noticed, who the other side is, and over a
//! [`Service::Datagram`] order and uniqueness.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use super::rest::AppRestExt;
use super::schedule::AppTickExt;
use super::time::Instant;
use crate::wire::{Address, CloseReason, Frame, Hello, NodeId};

/// What a link promises about the frames it carries.
#[derive(Component, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Service {
    /// In order, exactly once, until it breaks (TCP, QUIC streams).
    #[default]
    Stream,
    /// Each frame for itself: lost, repeated, reordered.
    Datagram,
}

/// Who the transport says the other side is; on the session entity. Only a simulator's transport knows, and only a scenario without
/// handshake believes it.
#[derive(Component, Clone, Copy, Debug)]
pub struct AssertedPeer(pub NodeId);

/// Open a link for `session`.
#[derive(Message, Clone, Copy, Debug)]
pub struct Dial {
    /// Who dials.
    pub node: Entity,
    /// The session entity that waits for the link.
    pub session: Entity,
    /// Where to.
    pub to: Address,
    /// When.
    pub at: Instant,
}

/// The link of `session` is up, dialled or accepted.
#[derive(Message, Clone, Copy, Debug)]
pub struct LinkUp {
    /// Whose link.
    pub node: Entity,
    /// The session it carries.
    pub session: Entity,
    /// When.
    pub at: Instant,
}

/// The link of `session` could not be made, broke, or was closed by the other side.
#[derive(Message, Clone, Copy, Debug)]
pub struct LinkDown {
    /// The session it carried.
    pub session: Entity,
    /// Why.
    pub reason: CloseReason,
    /// When.
    pub at: Instant,
}

/// The link of `session` is no longer wanted. The transport tells the other side, after the frames already sent.
#[derive(Message, Clone, Copy, Debug)]
pub struct HangUp {
    /// The session it carried.
    pub session: Entity,
    /// Why; the transport may pass it on.
    pub reason: CloseReason,
    /// When.
    pub at: Instant,
}

/// A frame came in.
#[derive(Message, Clone, Debug)]
pub struct FrameIn {
    /// For which session.
    pub session: Entity,
    /// When exactly.
    pub at: Instant,
    /// The frame.
    pub frame: Frame,
}

/// A frame goes out.
#[derive(Message, Clone, Debug)]
pub struct FrameOut {
    /// Over which session.
    pub session: Entity,
    /// When exactly.
    pub at: Instant,
    /// The frame.
    pub frame: Frame,
}

/// A hello for everybody on the local segment.
#[derive(Message, Clone, Debug)]
pub struct BeaconOut {
    /// Who says it.
    pub node: Entity,
    /// When.
    pub at: Instant,
    /// What.
    pub hello: Hello,
}

/// Somebody on the local segment said hello. Nothing about it is proven.
#[derive(Message, Clone, Debug)]
pub struct BeaconIn {
    /// Who hears it.
    pub node: Entity,
    /// When exactly.
    pub at: Instant,
    /// What.
    pub hello: Hello,
}

/// Adds the messages of the seam.
pub(super) struct TransportPlugin;

impl Plugin for TransportPlugin {
    fn build(&self, app: &mut App) {
        app.add_tick_message::<Dial>()
            .add_tick_message::<LinkUp>()
            .add_tick_message::<LinkDown>()
            .add_tick_message::<HangUp>()
            .add_tick_message::<FrameIn>()
            .add_tick_message::<FrameOut>()
            .add_tick_message::<BeaconOut>()
            .add_only_written::<BeaconOut>()
            .add_tick_message::<BeaconIn>();
    }
}
