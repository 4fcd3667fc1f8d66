//! What a node knows of the rhythm of others.

use bevy_ecs::prelude::*;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::phi::Window;
use crate::crypto::NodeId;
use crate::kernel::Instant;

/// The heartbeats of all members that a node knows.
#[derive(Component, Default, Debug)]
pub struct Detector {
    pub(super) windows: IndexMap<NodeId, Window, FxBuildHasher>,
    /// When all members were last looked at.
    pub(super) looked: Option<Instant>,
}
