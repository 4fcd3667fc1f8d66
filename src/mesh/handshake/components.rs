//! What the handshake keeps of a session.

use bevy_ecs::prelude::*;

use crate::crypto::Handshake;
use crate::wire::Frame;

/// Where the handshake of a session stands. One state machine, one component.
#[derive(Component, Default)]
pub enum HandshakeState {
    /// The link is not there yet.
    #[default]
    Waiting,
    /// Messages go to and fro.
    Running {
        /// This side of it.
        handshake: Box<Handshake>,
        /// What was exchanged last.
        last: Exchange,
    },
    /// It is over, well or not.
    Done {
        /// What was exchanged last: a datagram may have been lost, and is sent again when the other side repeats its own.
        last: Exchange,
    },
}

/// The last frame each way.
#[derive(Default)]
pub struct Exchange {
    pub(super) received: Option<Frame>,
    pub(super) sent: Option<Frame>,
}
