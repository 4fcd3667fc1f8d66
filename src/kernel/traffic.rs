//! What the node counts about its frames: by protocol, and refusals by name.

use std::collections::BTreeMap;

use bevy_ecs::prelude::*;

use crate::wire::{CloseReason, Protocol};

/// Frames and bytes, as they are on the wire, by protocol; of all nodes of this world.
#[derive(Resource, Default, Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// What was sent, indexed by [`Protocol`].
    pub sent: [Counter; Protocol::COUNT],
    /// What was received and accepted, indexed by [`Protocol`].
    pub received: [Counter; Protocol::COUNT],
}

/// The same over one session; on the session, where somebody has put it there to have it counted.
#[derive(Component, Default, Clone, Debug, PartialEq, Eq)]
pub struct SessionTraffic(pub Traffic);

/// Frames and their bytes.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// How many frames.
    pub frames: u64,
    /// How many bytes they have in all.
    pub bytes: u64,
}

impl Counter {
    /// Counts one frame of `bytes`.
    pub fn add(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
    }
}

/// What was refused, and how often; of all nodes of this world.
#[derive(Resource, Default, Clone, Debug)]
pub struct Refusals(BTreeMap<CloseReason, u64>);

impl Refusals {
    /// Counts one refusal.
    pub fn count(&mut self, reason: CloseReason) {
        *self.0.entry(reason).or_default() += 1;
    }

    /// All that happened at least once, by name.
    pub fn iter(&self) -> impl Iterator<Item = (CloseReason, u64)> {
        self.0.iter().map(|(reason, count)| (*reason, *count))
    }
}
