//! Pinned: an overlay of given links, to study what runs over it, or for peers that an operator fixes.
//!
//! Every session becomes a neighbour. A pinned peer that cannot be reached, or is lost, is dialled again with exponential back-off.

mod components;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppRestExt, AppTimerExt, ProtocolSystems};

pub use components::PinnedPeers;

/// Adds the pinned overlay. Nodes have [`PinnedPeers`].
#[derive(Debug, Clone, Copy, Default)]
pub struct PinnedPlugin;

impl Plugin for PinnedPlugin {
    fn build(&self, app: &mut App) {
        app.add_timer::<systems::Redial>().add_message_systems(
            (systems::dial_all, systems::unlink, systems::link, systems::redial).chain().in_set(ProtocolSystems::Topology),
        );
        app.world_mut().register_required_components::<PinnedPeers, components::Failures>();
        app.world_mut().register_required_components::<PinnedPeers, components::Spares>();
    }
}
