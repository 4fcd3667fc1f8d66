//! What a node knows of its links.

use std::collections::VecDeque;

use bevy_ecs::prelude::*;
use smallvec::SmallVec;

use crate::crypto::NodeId;
use crate::kernel::Instant;
use crate::wire::Address;

/// Most probes remembered, so that each is passed on once.
const MAX_PROBES: usize = 256;

/// The overlay's state at a node. Who the neighbours are is in `Neighbors`.
#[derive(Component, Default, Debug)]
pub struct Links {
    /// Degree of each neighbour, as it last said.
    pub(super) degrees: SmallVec<[(Entity, u8); 4]>,
    /// The session over which a request waits for its answer, and since when.
    pub(super) asked: Option<(Entity, Instant)>,
    /// Where a dial for a request goes to, and since when.
    pub(super) dialed: Option<(Address, Instant)>,
    /// Rejections since the last link.
    pub(super) rejections: u8,
    /// Who others said might be willing.
    pub(super) referrals: VecDeque<(NodeId, Address)>,
    /// Whether a look for links is set, apart from the audit.
    pub(super) repairing: bool,
    /// The question whether a link is redundant: its number, session, and when it was asked.
    pub(super) probing: Option<(u32, Entity, Instant)>,
    pub(super) probes: u32,
    /// Probes that have been passed on.
    seen: VecDeque<(NodeId, u32)>,
}

impl Links {
    /// What degree the neighbour reached by `session` has, if it said so.
    pub(super) fn degree_of(&self, session: Entity) -> Option<u8> {
        self.degrees.iter().find(|(known, _)| *known == session).map(|(_, degree)| *degree)
    }

    pub(super) fn note_degree(&mut self, session: Entity, degree: u8) {
        match self.degrees.iter_mut().find(|(known, _)| *known == session) {
            Some((_, known)) => *known = degree,
            None => self.degrees.push((session, degree)),
        }
    }

    /// Forgets all about a session.
    pub(super) fn forget(&mut self, session: Entity) {
        self.degrees.retain(|(known, _)| *known != session);
        if self.asked.is_some_and(|(asked, _)| asked == session) {
            self.asked = None;
        }
        if self.probing.is_some_and(|(_, probed, _)| probed == session) {
            self.probing = None;
        }
    }

    /// Whether a probe comes for the first time.
    pub(super) fn is_new(&mut self, asker: NodeId, number: u32) -> bool {
        if self.seen.contains(&(asker, number)) {
            return false;
        }
        if self.seen.len() >= MAX_PROBES {
            self.seen.pop_front();
        }
        self.seen.push_back((asker, number));
        true
    }
}
