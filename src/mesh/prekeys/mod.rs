//! Prekeys: each member announces a key that others seal to, a new one every hour, and erases the old one some time after.
//!
//! Announced in its namespace, so signed by its owner and known to all members. What was sealed to a key that has been erased nobody can open
//! again, not even whoever steals the identity: that is the forward secrecy of everything that stands on it. A key that was announced when
//! its owner went away is kept until some time after it has come back, for what was sealed to it in the meantime.
//!
//! Writes the [`Prekeys`] of every node.

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, Prekeys, ProtocolSystems};
use crate::mesh::membership::{KeyChanged, SetKey};

mod systems;

/// The key of a namespace that holds its owner's prekey: 32 bytes.
pub const PREKEY: &str = "prekey";
/// Most members whose prekeys are remembered. Not more than members are held.
pub const MAX_OTHERS: usize = 16_384;

/// How often prekeys change.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrekeyConfig {
    /// Time for which a prekey is announced.
    #[serde(with = "humantime_serde")]
    pub rotation: Duration,
    /// Time for which one that is no longer announced is kept, for what is still under way.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
}

impl Default for PrekeyConfig {
    fn default() -> Self {
        Self { rotation: Duration::from_secs(3600), grace: Duration::from_secs(3600) }
    }
}

/// Adds prekeys. Needs membership.
#[derive(Clone, Debug, Default)]
pub struct PrekeyPlugin(pub PrekeyConfig);

impl Plugin for PrekeyPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_timer::<systems::RotationTimer>()
            .add_tick_message::<KeyChanged>()
            .add_waiting_message::<SetKey>()
            .add_message_systems(
                (systems::restore, systems::start, systems::rotate, systems::learn).chain().in_set(ProtocolSystems::Prekeys),
            );
        app.world_mut().register_required_components::<Node, Prekeys>();
    }
}
