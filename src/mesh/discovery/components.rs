//! What discovery knows.

use bevy_ecs::prelude::*;

use smallvec::SmallVec;

use crate::kernel::Instant;
use crate::wire::{Address, NodeId};

/// Where a node first looks for others.
#[derive(Component, Default, Clone, Debug)]
pub struct Seeds(pub Vec<Address>);

/// How the search for others goes.
#[derive(Component, Default, Debug)]
pub struct Discovery {
    /// Open sessions.
    pub(super) open: u32,
    /// Attempts that failed in a row.
    pub(super) failures: u32,
    /// Which seed is next.
    pub(super) turn: usize,
    /// The address that is being tried.
    pub(super) trying: Option<Address>,
    /// Whether the next attempt has been set.
    pub(super) waiting: bool,
    /// Whether it has given up trying often.
    pub(super) offline: bool,
    /// Who was found at which seed.
    pub(super) found: SmallVec<[(Address, NodeId); 1]>,
    /// When the last hello was said in answer to another's.
    pub(super) answered: Option<Instant>,
}

impl Discovery {
    /// Attempts that failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}
