//! What the systems of the overlay do in common: links made and given up, requests sent.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::TopologyConfig;
use super::components::Links;
use crate::crypto::NodeId;
use crate::kernel::{
    AddressBook, CloseSession, Connect, Contact, Instant, Neighbor, NeighborDown, NeighborUp, Neighbors, Node, NodeClock, NodeRng,
    Outgoing, Peer, Session, SessionPhase, Sessions, Standing, Timers,
};
use crate::wire::{Address, CloseReason, TopologyMessage};

/// A look for links is due, between audits.
#[derive(Clone, Copy, Debug)]
pub struct Repair;

/// How long an answer, or a dial, is waited for.
pub(super) const PATIENCE: Duration = Duration::from_millis(1500);
/// A request that has been rejected so often is not rejected again: a full node makes room.
pub(super) const MOST_REJECTIONS: u8 = 2;

/// Whatever the overlay needs of a node. It has no `Sessions` while it has no session.
pub(super) type NodeParts<'a> =
    (&'a Node, &'a NodeClock, &'a Contact, &'a AddressBook, Option<&'a Sessions>, &'a mut NodeRng, &'a mut Links, &'a mut Neighbors);

/// A node that looks for a link.
pub(super) struct Seeker<'a> {
    pub node: &'a Node,
    pub clock: &'a NodeClock,
    pub me: &'a Contact,
    pub book: &'a AddressBook,
    pub mine: Option<&'a Sessions>,
    pub rng: &'a mut ChaCha8Rng,
    pub links: &'a mut Links,
    pub neighbors: &'a Neighbors,
}

/// Where the overlay's decisions go.
#[derive(SystemParam)]
pub(super) struct Outlets<'w> {
    pub config: Res<'w, TopologyConfig>,
    pub repairs: ResMut<'w, Timers<Repair>>,
    outgoing: MessageWriter<'w, Outgoing>,
    connect: MessageWriter<'w, Connect>,
    close: MessageWriter<'w, CloseSession>,
    up: MessageWriter<'w, NeighborUp>,
    down: MessageWriter<'w, NeighborDown>,
}

impl Outlets<'_> {
    pub fn send(&mut self, session: Entity, at: Instant, message: TopologyMessage) {
        self.outgoing.write(Outgoing { session, at, message: message.into() });
    }

    pub fn close(&mut self, session: Entity, at: Instant, reason: CloseReason) {
        self.close.write(CloseSession { session, reason, at });
    }

    /// Makes the other side of `session` a neighbour, unless it is one.
    pub fn link(&mut self, node: Entity, neighbors: &mut Neighbors, links: &mut Links, session: Entity, id: NodeId, at: Instant) {
        let neighbor = Neighbor { session, id };
        if neighbors.insert(neighbor) {
            links.rejections = 0;
            self.up.write(NeighborUp { node, neighbor, at });
        }
    }

    /// Makes the other side of `session` a neighbour no longer.
    pub fn unlink(&mut self, node: Entity, neighbors: &mut Neighbors, links: &mut Links, session: Entity, at: Instant) -> bool {
        links.forget(session);
        let removed = neighbors.remove(session);
        if let Some(neighbor) = removed {
            links.rejections = 0;
            self.down.write(NeighborDown { node, neighbor, at });
        }
        removed.is_some()
    }

    /// Gives up the link over `session`, and the session with it; the other side may take `instead` in this node's place.
    pub fn drop_link(
        &mut self,
        node: Entity,
        neighbors: &mut Neighbors,
        links: &mut Links,
        session: Entity,
        instead: Option<Address>,
        at: Instant,
    ) {
        if self.unlink(node, neighbors, links, session, at) {
            self.send(session, at, TopologyMessage::Disconnect { instead });
        }
    }

    /// Sets a look for links soon, once.
    pub fn repair_soon(&mut self, entity: Entity, node: &Node, clock: &NodeClock, links: &mut Links, rng: &mut ChaCha8Rng, at: Instant) {
        if !links.repairing {
            links.repairing = true;
            let wait = Duration::from_millis(rng.random_range(50..300));
            self.repairs.set(entity, node, clock.after(at, wait), Repair);
        }
    }

    /// Asks for a link over an open session.
    pub fn ask(&mut self, session: Entity, neighbors: &Neighbors, links: &mut Links, bridge: bool, at: Instant) {
        if !bridge {
            links.asked = Some((session, at));
        }
        links.dialed = None;
        let message = TopologyMessage::ConnectRequest { degree: neighbors.len() as u8, rejections: links.rejections, bridge };
        self.send(session, at, message);
    }

    /// Looks for a link, if one is wanted and none is on its way: with somebody who was recommended, or a random member.
    pub fn seek(&mut self, entity: Entity, seeker: Seeker, sessions: &Query<&Session>, at: Instant) {
        let Seeker { node, clock, me, book, mine, rng, links, neighbors } = seeker;
        let waiting = |since: Instant| at.since(since) < PATIENCE;
        // A node that has what it needs would like more, for short ways; but it does not insist.
        let content = neighbors.len() >= self.config.min_degree && links.rejections > MOST_REJECTIONS;
        if neighbors.len() >= self.config.max_degree
            || content
            || links.asked.is_some_and(|(_, since)| waiting(since))
            || links.dialed.is_some_and(|(_, since)| waiting(since))
        {
            return;
        }
        links.asked = None;
        let referred = std::iter::from_fn(|| links.referrals.pop_front()).find(|(id, _)| *id != me.id && !neighbors.contains(id));
        let fresh = |id: &NodeId, peer: &Peer| peer.standing == Standing::Alive && !neighbors.contains(id);
        let heard = |id: &NodeId, peer: &Peer| peer.standing == Standing::Heard && !neighbors.contains(id);
        let candidate = referred.map(|(_, address)| address).or_else(|| {
            let member = book.pick(rng, fresh).or_else(|| book.pick(rng, heard));
            member.map(|(_, peer)| peer.address)
        });
        let Some(to) = candidate else { return };
        if !links.repairing {
            links.repairing = true;
            self.repairs.set(entity, node, clock.after(at, PATIENCE), Repair);
        }
        let open = mine
            .into_iter()
            .flat_map(Sessions::iter)
            .find(|session| sessions.get(*session).is_ok_and(|state| state.address == to && state.phase == SessionPhase::Established));
        match open {
            Some(session) => self.ask(session, neighbors, links, false, at),
            None => {
                links.dialed = Some((to, at));
                self.connect.write(Connect { node: entity, to, at });
            }
        }
    }

    /// Dials somebody who was offered in the place of a lost neighbour.
    pub fn dial(&mut self, node: Entity, links: &mut Links, to: Address, at: Instant) {
        links.dialed = Some((to, at));
        self.connect.write(Connect { node, to, at });
    }
}
