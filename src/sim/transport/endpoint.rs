//! One end of a link, and the table of all ends in a world.

use bevy_ecs::prelude::*;

use super::flight::EndId;
use super::stall::{Hold, Stall};
use crate::link_model::Direction;
use crate::wire::CloseReason;

/// One end of a link: two lines of the cache. First what a packet that comes needs, then what one that goes does besides.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Endpoint {
    /// Since when what comes in is held back, on a stream.
    pub(super) hold: Option<Box<Hold>>,
    /// The session it carries.
    pub(super) session: Entity,
    generation: u32,
    pub(super) state: State,
    /// The node it belongs to.
    pub(super) node: u32,
    /// The node at the other end.
    pub(super) peer: u32,
    /// The other end; known once the link is open.
    pub(super) peer_end: EndId,
    /// What waits to be sent again, on a stream.
    pub(super) stall: Option<Box<Stall>>,
    /// The way of what it sends.
    pub(super) direction: Direction,
}

/// How far an end of a link has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// There is none at this place of the table.
    Free,
    /// A SYN was sent.
    Dialing {
        /// Number of the dial.
        dial: u32,
        /// How many SYNs have been sent.
        attempts: u8,
    },
    /// Frames flow.
    Open,
    /// It was hung up, which the other side has not confirmed.
    Closing(CloseReason),
    /// It broke, which the session will be told.
    Broken,
}

/// The ends of links in one world, by slot.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    slots: Vec<Endpoint>,
    free: Vec<u32>,
    /// Slot by index of the session entity. It finds, and never orders.
    by_session: Vec<u32>,
}

impl Endpoints {
    /// Adds an end for `session`.
    pub(super) fn insert(&mut self, session: Entity, node: u32, peer: u32, peer_end: EndId, state: State, direction: Direction) -> EndId {
        let mut endpoint = Endpoint { session, node, peer, peer_end, generation: 0, state, direction, stall: None, hold: None };
        let slot = match self.free.pop() {
            Some(slot) => {
                let place = &mut self.slots[slot as usize];
                endpoint.generation = place.generation.wrapping_add(1);
                *place = endpoint;
                slot
            }
            None => {
                self.slots.push(endpoint);
                self.slots.len() as u32 - 1
            }
        };
        let index = session.index_u32() as usize;
        if index >= self.by_session.len() {
            self.by_session.resize(index + 1, u32::MAX);
        }
        self.by_session[index] = slot;
        EndId { slot, generation: self.slots[slot as usize].generation }
    }

    /// A glance at what a packet to this end needs.
    #[inline]
    pub(super) fn glance(&self, id: EndId) -> Option<u32> {
        self.slots.get(id.slot as usize).map(|endpoint| endpoint.generation)
    }

    /// The slot of the end that carries `session`, or did, or a session of the same index; [`find`](Self::find) tells.
    #[inline]
    pub(super) fn slot_of(&self, session: Entity) -> Option<u32> {
        self.by_session.get(session.index_u32() as usize).copied()
    }

    /// A glance at what a packet from the end in `slot` needs.
    #[inline]
    pub(super) fn glance_from(&self, slot: u32) -> Option<(u32, u32)> {
        self.slots.get(slot as usize).map(|endpoint| (endpoint.generation, endpoint.direction.link()))
    }

    /// The slot of the end that carries `session`.
    #[inline]
    pub(super) fn find(&self, session: Entity) -> Option<u32> {
        let slot = self.slot_of(session)?;
        let endpoint = self.slots.get(slot as usize)?;
        (endpoint.session == session && endpoint.state != State::Free).then_some(slot)
    }

    /// The end with this name, if it still exists.
    #[inline]
    pub(super) fn get(&mut self, id: EndId) -> Option<&mut Endpoint> {
        let endpoint = self.slots.get_mut(id.slot as usize)?;
        (endpoint.generation == id.generation && endpoint.state != State::Free).then_some(endpoint)
    }

    /// The end in this slot.
    #[inline]
    pub(super) fn at(&mut self, slot: u32) -> &mut Endpoint {
        &mut self.slots[slot as usize]
    }

    /// The name of the end in this slot.
    pub(super) fn id(&self, slot: u32) -> EndId {
        EndId { slot, generation: self.slots[slot as usize].generation }
    }

    /// Frees a slot.
    pub(super) fn remove(&mut self, slot: u32) {
        let endpoint = &mut self.slots[slot as usize];
        endpoint.state = State::Free;
        endpoint.stall = None;
        self.free.push(slot);
    }
}
