//! Leave: a graceful goodbye that others report at once.
//!
//! Who is asked to leave by `Shutdown` signs a goodbye for its present life and sends it over all its sessions. Whoever hears it
//! checks it, tells [`MemberLeft`] and passes it on, once. The leaver closes its sessions a moment later and tells [`Stopped`].

mod components;
mod messages;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems};

pub use messages::{MemberLeft, Stopped};

/// Adds goodbyes.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeavePlugin;

impl Plugin for LeavePlugin {
    fn build(&self, app: &mut App) {
        app.add_tick_message::<MemberLeft>()
            .add_tick_message::<Stopped>()
            .add_timer::<systems::Step>()
            .add_message_systems((systems::begin, systems::say, systems::hear, systems::go).chain().in_set(ProtocolSystems::Leave));
        app.world_mut().register_required_components::<Node, components::Goodbyes>();
    }
}
