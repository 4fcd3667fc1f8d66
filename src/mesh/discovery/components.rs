//! What discovery knows.

use bevy_ecs::prelude::*;

use smallvec::SmallVec;

use crate::kernel::Instant;
use crate::wire::{Address, NodeId};

/// Where a node first looks for others.
#[derive(Component, Default, Clone, Debug)]
pub struct Seeds(pub Vec<Address>);

/// Where others were when the node last ran. They may be gone for good, so they come after the [`Seeds`].
#[derive(Component, Default, Clone, Debug)]
pub struct KnownPeers(pub Vec<Address>);

/// How the search for others goes.
#[derive(Component, Default, Debug)]
pub struct Discovery {
    /// Open sessions.
    pub(super) open: u32,
    /// Attempts that failed in a row.
    pub(super) failures: u32,
    /// Attempts so far: they decide which seed is next.
    pub(super) turn: usize,
    /// Known peers that were tried, again and again while nobody is there.
    pub(super) tried: usize,
    /// Known peers that were looked at while somebody was there.
    pub(super) visited: usize,
    /// Looks for a seed that is no member, since one was found last; and looks to let pass before the next.
    pub(super) sought: u32,
    pub(super) pass: u32,
    /// The session dialled last and when it opened, until it has proven useful: the other side may still refuse it.
    pub(super) young: Option<(Entity, Instant)>,
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
