//! Requests for links and their answers.

use rand::RngExt;

use super::components::{Pending, Topology};
use super::rules::{Action, PATIENCE, Scene, is_away, same_kind};
use crate::crypto::NodeId;
use crate::kernel::{Peer, Standing};
use crate::wire::topology::{MAX_REFERRALS, Purpose, Rejection};
use crate::wire::{Address, CloseReason, TopologyMessage};

/// Links beyond the maximum that a bridge, or a link that wanders, may bring. They are shed when it is known that they can be.
const SURPLUS: usize = 1;

/// A request, as it came.
#[derive(Clone, Copy)]
struct Request {
    from: NodeId,
    address: Address,
    degree: u8,
    rejections: u8,
    purpose: Purpose,
}

impl Topology {
    /// A message of the overlay came from `from`.
    ///
    /// # Errors
    /// [`CloseReason::ProtocolViolation`] for one that no honest node sends.
    pub(super) fn receive(&mut self, scene: &mut Scene, from: NodeId, message: &TopologyMessage) -> Result<(), CloseReason> {
        match message {
            TopologyMessage::ConnectRequest { degree, rejections, purpose, address } => {
                let request = Request { from, address: *address, degree: *degree, rejections: *rejections, purpose: *purpose };
                self.answer(scene, request);
            }
            TopologyMessage::ConnectAccept { degree, address } => self.accepted(scene, from, *address, *degree),
            TopologyMessage::ConnectReject { reason, referrals } => {
                if referrals.len() > MAX_REFERRALS {
                    return Err(CloseReason::ProtocolViolation);
                }
                self.rejected(scene, from, *reason, referrals);
            }
            TopologyMessage::Disconnect => {
                self.pending.retain(|pending| pending.peer != from);
                if self.unlink(scene, &from) {
                    scene.actions.push(Action::Close(from, CloseReason::Unwanted));
                }
            }
            TopologyMessage::Confirm { degree, address } => self.confirmed(scene, from, *address, *degree),
            TopologyMessage::Replace { id, address } => self.replace(scene, from, *id, *address),
            TopologyMessage::Probe { asker, target, number, hops } => self.pass_probe(scene, from, (*asker, *number), *target, *hops),
            TopologyMessage::Found { asker, number } => self.pass_found(scene, from, *asker, *number),
        }
        Ok(())
    }

    pub(super) fn ask(&mut self, scene: &mut Scene, peer: NodeId, purpose: Purpose) {
        if self.pending.iter().any(|pending| pending.peer == peer || same_kind(pending.purpose, purpose)) {
            return;
        }
        self.pending.push(Pending { peer, purpose, sent: scene.now, tries: 1 });
        self.request(scene, peer, purpose);
        self.wake_in(scene, PATIENCE);
    }

    pub(super) fn request(&self, scene: &mut Scene, peer: NodeId, purpose: Purpose) {
        let (degree, rejections, address) = (self.told_degree(), self.fruitless, scene.me.address);
        scene.send(peer, TopologyMessage::ConnectRequest { degree, rejections, purpose, address });
    }

    /// Another session with `peer` has taken the place of one that ended. What was on its way over that one is lost: so that both sides
    /// agree whether they are linked, what this side knows is said again.
    pub(super) fn replaced(&mut self, scene: &mut Scene, peer: NodeId) {
        if self.link(&peer).is_some() {
            self.confirm(scene, peer);
        } else if let Some(purpose) = self.pending.iter().find(|pending| pending.peer == peer).map(|pending| pending.purpose) {
            self.request(scene, peer, purpose);
        }
    }

    /// Says that `peer` is a neighbour.
    pub(super) fn confirm(&self, scene: &mut Scene, peer: NodeId) {
        let (degree, address) = (self.told_degree(), scene.me.address);
        scene.send(peer, TopologyMessage::Confirm { degree, address });
    }

    /// Grants or rejects a request.
    ///
    /// A node with room grants it. A full one sends who asks on to neighbours with room; if there are none, or if who asks has been
    /// sent on before, it grants the request all the same and hands one of its links over to who asked: a link A–B becomes A–N–B. So
    /// everybody finds a place, no degree leaves the bounds for long, and what was connected stays so.
    fn answer(&mut self, scene: &mut Scene, request: Request) {
        let Request { from, degree, purpose, .. } = request;
        if self.link(&from).is_some() {
            // The answer was lost, or both asked.
            self.note_degree(&from, degree);
            self.tell_accepted(scene, from);
            return;
        }
        let (mine, max) = (self.degree(), scene.config.max_degree);
        // Who is asked by this node as well will bring no further link.
        let mutual = self.pending.iter().any(|pending| pending.peer == from && pending.purpose == Purpose::Degree);
        let room = mutual || mine + self.expected() < max;
        match purpose {
            Purpose::Degree if room => self.grant(scene, request),
            Purpose::Bridge if room || mine < max + SURPLUS => self.grant(scene, request),
            Purpose::Instead(other) if !self.hears(&other) => self.reject(scene, from, Rejection::NotLinked, false),
            Purpose::Instead(other) if room || mine < max + SURPLUS => {
                self.hold(scene, &other);
                self.grant(scene, request);
            }
            Purpose::Degree => {
                let theirs = usize::from(degree);
                let needy = theirs < scene.config.min_degree && theirs + 2 <= max;
                let insists = request.rejections > 0 || !self.knows_room(max, &from);
                match self.any_staying(scene, &[from]) {
                    Some(moved) if needy && insists && mine <= max && self.shedding.is_none() => {
                        self.grant(scene, request);
                        self.hand_over(scene, moved, from);
                    }
                    _ => self.reject(scene, from, Rejection::Full, true),
                }
            }
            Purpose::Bridge | Purpose::Instead(_) => self.reject(scene, from, Rejection::Full, false),
        }
    }

    fn grant(&mut self, scene: &mut Scene, request: Request) {
        self.make_link(scene, request.from, request.address, request.degree.saturating_add(1), request.purpose);
        self.tell_accepted(scene, request.from);
    }

    fn tell_accepted(&mut self, scene: &mut Scene, to: NodeId) {
        let (degree, address) = (self.told_degree(), scene.me.address);
        scene.send(to, TopologyMessage::ConnectAccept { degree, address });
    }

    fn knows_room(&self, max: usize, except: &NodeId) -> bool {
        self.audible().any(|link| usize::from(link.degree) < max && link.id != *except)
    }

    pub(super) fn reject(&mut self, scene: &mut Scene, to: NodeId, reason: Rejection, refer: bool) {
        let mut referrals = Vec::new();
        if refer {
            let roomy = self.audible().filter(|link| usize::from(link.degree) < scene.config.max_degree && !is_away(scene.book, &link.id));
            referrals.extend(roomy.map(|link| (link.id, link.address)));
            if !referrals.is_empty() {
                let turn = scene.rng.random_range(0..referrals.len());
                referrals.rotate_left(turn);
            }
            // Then members anywhere: whoever comes through one seed must not crowd around it, but spread over the whole mesh.
            while referrals.len() < MAX_REFERRALS {
                let new = |id: &NodeId, peer: &Peer| {
                    peer.standing == Standing::Alive
                        && *id != to
                        && self.link(id).is_none()
                        && referrals.iter().all(|(other, _)| other != id)
                };
                let Some((id, peer)) = scene.book.pick(scene.rng, new) else { break };
                referrals.push((id, peer.address));
            }
            referrals.truncate(MAX_REFERRALS);
        }
        scene.send(to, TopologyMessage::ConnectReject { reason, referrals });
    }

    fn accepted(&mut self, scene: &mut Scene, from: NodeId, address: Address, degree: u8) {
        if self.link(&from).is_some() {
            self.note_degree(&from, degree);
            return;
        }
        let asked = self.pending.iter().find(|pending| pending.peer == from).map(|pending| pending.purpose);
        self.pending.retain(|pending| pending.peer != from);
        let max = scene.config.max_degree;
        match asked {
            Some(purpose @ Purpose::Instead(other)) if self.link(&other).is_some() => {
                self.make_link(scene, from, address, degree, purpose);
                if self.is_staying(&other) {
                    self.hold(scene, &from);
                    self.drop_link(scene, &other);
                }
            }
            Some(Purpose::Bridge) if self.degree() < max + SURPLUS => self.make_link(scene, from, address, degree, Purpose::Bridge),
            Some(purpose) if self.degree() < max => self.make_link(scene, from, address, degree, purpose),
            // Too late: it has what it wanted, or has asked elsewhere.
            _ => scene.send(from, TopologyMessage::Disconnect),
        }
    }

    fn rejected(&mut self, scene: &mut Scene, from: NodeId, reason: Rejection, referrals: &[(NodeId, Address)]) {
        if reason == Rejection::Busy {
            self.handover_failed(scene, from);
            return;
        }
        let Some(place) = self.pending.iter().position(|pending| pending.peer == from) else { return };
        let purpose = self.pending.remove(place).purpose;
        // To whom a bridge is wanted there may be no other session: it is closed at an audit, unless it still is.
        if self.link(&from).is_none() && purpose != Purpose::Bridge {
            scene.actions.push(Action::Close(from, CloseReason::Unwanted));
        }
        if let Purpose::Instead(other) = purpose {
            self.reject(scene, other, Rejection::Busy, false);
        }
        if purpose == Purpose::Degree && reason == Rejection::Full {
            self.fruitless = self.fruitless.saturating_add(1);
            self.referrals = referrals.iter().copied().collect();
            self.retry(scene);
        }
    }

    fn confirmed(&mut self, scene: &mut Scene, from: NodeId, address: Address, degree: u8) {
        if self.link(&from).is_some() {
            self.note_degree(&from, degree);
        } else if self.pending.iter().any(|pending| pending.peer == from) {
            // It has granted the request, and the answer was lost.
            self.accepted(scene, from, address, degree);
        } else {
            // It holds a link that this side has given up, or never had.
            scene.send(from, TopologyMessage::Disconnect);
        }
    }

    fn note_degree(&mut self, id: &NodeId, degree: u8) {
        if let Some(link) = self.links.iter_mut().find(|link| link.id == *id) {
            link.degree = degree;
        }
    }
}
