//! Handshake: Noise XXpsk3 with proven identities (see [`crypto`](crate::crypto)).
//!
//! A link that comes up becomes an open session, told by `SessionOpened`, or is closed with a reason: a wrong network key, a forged
//! identity, a message out of place, time that ran out. Of two sessions that two nodes opened to each other at once, both keep the
//! one that the higher id dialled, and the other is closed when both have that one open.

mod admit;
mod components;
mod config;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppTimerExt, HandshakeSystems, Session, Tick, TickSystems};

pub use components::HandshakeState;
pub use config::{HandshakeConfig, NetworkKey};

/// Adds the handshake. Nodes need a [`NetworkKey`].
#[derive(Debug, Clone, Default)]
pub struct HandshakePlugin(pub HandshakeConfig);

impl Plugin for HandshakePlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone()).add_timer::<systems::Deadline>().add_timer::<systems::Repeat>().add_systems(
            Tick,
            (
                (systems::begin, systems::advance, systems::time_out).chain().in_set(HandshakeSystems),
                systems::limit_dials.in_set(TickSystems::Send),
            ),
        );
        app.world_mut().register_required_components::<Session, HandshakeState>();
    }
}

/// In place of the handshake, where a scenario studies something else: a session is open as soon as its link is, and who the
/// transport says the other side is, it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainSessionsPlugin;

impl Plugin for PlainSessionsPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Tick, systems::open_unproven.in_set(HandshakeSystems));
    }
}
