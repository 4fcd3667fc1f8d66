//! The rules of the overlay, without ECS: what a node does when it looks at its links, and when sessions come and go.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::TopologyConfig;
use super::components::{Dialing, Link, Topology};
use super::silence::Hearing;
use crate::crypto::NodeId;
use crate::kernel::{AddressBook, Contact, Instant, LinkState, NodeClock, Peer, Standing};
use crate::wire::topology::Purpose;
use crate::wire::{Address, CloseReason, TopologyMessage};

/// How long an answer is waited for before the request is sent again.
pub(super) const PATIENCE: Duration = Duration::from_millis(1500);
/// How often a request is sent.
const MOST_TRIES: u8 = 3;
/// How long a dial is waited for; whoever is still there will be tried again. When half of all members die at once every second dial is
/// to one of them. In `mass-failure` survivors suspected each other 29 to 99 times with 3 s, with this 0 to 7 times. Over links with round
/// trips above some 700 ms a session opens after that: it is used where a link is needed, but no optional one is asked for over it.
const DIAL_PATIENCE: Duration = Duration::from_millis(1500);
/// Attempts at a link beyond the minimum. Short ways are worth a few, but no more: a settled mesh is still.
const OPTIONAL_TRIES: u8 = 3;

/// One node at one instant: what the rules may look at, and where their decisions go.
pub(super) struct Scene<'a> {
    pub me: Contact,
    pub now: Instant,
    pub clock: NodeClock,
    pub config: &'a TopologyConfig,
    pub book: &'a AddressBook,
    /// Who is linked with whom, if members publish it.
    pub paths: Option<&'a LinkState>,
    /// Whom an open session leads to.
    pub open: &'a [NodeId],
    pub rng: &'a mut ChaCha8Rng,
    pub actions: &'a mut Vec<Action>,
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Say something, over whichever session is open.
    Send(NodeId, TopologyMessage),
    /// A neighbour more.
    Link(NodeId),
    /// A neighbour less.
    Unlink(NodeId),
    /// Close the sessions with somebody.
    Close(NodeId, CloseReason),
    /// Open a session.
    Dial(Address),
    /// Look again then.
    Wake(Instant),
}

impl Scene<'_> {
    pub fn elapsed(&self, since: Instant) -> Duration {
        self.clock.elapsed(since, self.now)
    }

    pub fn send(&mut self, to: NodeId, message: TopologyMessage) {
        self.actions.push(Action::Send(to, message));
    }
}

/// Two purposes of one kind do not stand in each other's way only by what they name.
pub(super) fn same_kind(a: Purpose, b: Purpose) -> bool {
    std::mem::discriminant(&a) == std::mem::discriminant(&b)
}

impl Topology {
    /// The link with `id`.
    pub(super) fn link(&self, id: &NodeId) -> Option<&Link> {
        self.links.iter().find(|link| link.id == *id)
    }

    /// How many links it has, apart from those that are silent.
    pub(super) fn degree(&self) -> usize {
        self.audible().count()
    }

    /// The degree as it is told.
    pub(super) fn told_degree(&self) -> u8 {
        u8::try_from(self.degree()).unwrap_or(u8::MAX)
    }

    /// Links that an answer may bring any moment.
    pub(super) fn expected(&self) -> usize {
        self.pending.iter().filter(|pending| pending.purpose == Purpose::Degree).count()
    }

    /// Whether the session with `peer` serves the overlay.
    pub(super) fn uses(&self, peer: &NodeId) -> bool {
        self.link(peer).is_some()
            || self.pending.iter().any(|pending| pending.peer == *peer)
            || self.bridging.is_some_and(|(other, _)| other == *peer)
            || self.across == Some(*peer)
    }

    /// The node begins, or begins again, without links.
    pub(super) fn start(&mut self, scene: &mut Scene) {
        *self = Self::default();
        self.wake_soon(scene);
    }

    /// The regular look at everything.
    pub(super) fn audit(&mut self, scene: &mut Scene) {
        self.look_across(scene);
        // A link that was made to reach somebody who was suspected needs time for heartbeats to cross it.
        let grace = scene.config.rebalance_interval * 2;
        let dead: Vec<NodeId> = self
            .links
            .iter()
            .filter(|link| is_away(scene.book, &link.id) && scene.elapsed(link.since) >= grace)
            .map(|link| link.id)
            .collect();
        for id in dead {
            self.unlink(scene, &id);
            scene.actions.push(Action::Close(id, CloseReason::PeerDead));
        }
        for link in &self.links {
            self.confirm(scene, link.id);
        }
        self.step(scene);
    }

    /// A look between audits, if it is still meant.
    pub(super) fn wake(&mut self, scene: &mut Scene, set_for: Instant) {
        if self.wake_at == Some(set_for) {
            self.wake_at = None;
            self.step(scene);
        }
    }

    /// Whatever is due: requests again, links sought, links shed.
    fn step(&mut self, scene: &mut Scene) {
        self.expire(scene);
        self.bridge(scene);
        self.shed(scene);
        self.seek(scene);
        if !self.pending.is_empty() || !self.dialing.is_empty() || self.shedding.is_some() {
            self.wake_in(scene, PATIENCE);
        }
    }

    fn expire(&mut self, scene: &mut Scene) {
        let degree = self.told_degree();
        let mut given_up = 0;
        self.pending.retain(|pending| {
            if scene.elapsed(pending.sent) < PATIENCE {
                return true;
            }
            if pending.tries >= MOST_TRIES {
                given_up += u8::from(pending.purpose == Purpose::Degree);
                if pending.purpose == Purpose::Bridge {
                    // Whoever was there would most likely have answered. As long as the session is open it would be asked again and again.
                    scene.actions.push(Action::Close(pending.peer, CloseReason::PeerDead));
                }
                return false;
            }
            pending.tries += 1;
            pending.sent = scene.now;
            let rejections = self.fruitless;
            let address = scene.me.address;
            scene.send(pending.peer, TopologyMessage::ConnectRequest { degree, rejections, purpose: pending.purpose, address });
            true
        });
        self.dialing.retain(|dial| {
            let waiting = scene.elapsed(dial.since) < DIAL_PATIENCE;
            given_up += u8::from(!waiting && dial.purpose == Purpose::Degree);
            waiting
        });
        self.fruitless = self.fruitless.saturating_add(given_up);
    }

    /// Looks for a link, if one is wanted and none is on its way: with somebody who was recommended, or a random member.
    fn seek(&mut self, scene: &mut Scene) {
        let degree = self.degree();
        let wanted = degree < scene.config.min_degree || self.fruitless < OPTIONAL_TRIES;
        let under_way = self.expected() > 0 || self.dialing.iter().any(|dial| dial.purpose == Purpose::Degree);
        if degree >= scene.config.max_degree || !wanted || under_way {
            return;
        }
        while let Some((id, address)) = self.referrals.pop_front() {
            if id != scene.me.id && self.link(&id).is_none() && !is_away(scene.book, &id) {
                self.approach(scene, id, address, Purpose::Degree);
                return;
            }
        }
        let fresh = |id: &NodeId, peer: &Peer| peer.standing == Standing::Alive && self.link(id).is_none();
        let heard = |id: &NodeId, peer: &Peer| peer.standing == Standing::Heard && self.link(id).is_none();
        let mut candidate = scene.book.pick(scene.rng, fresh);
        if candidate.is_none() && degree < scene.config.min_degree {
            candidate = scene.book.pick(scene.rng, heard);
        }
        if let Some((id, peer)) = candidate {
            self.approach(scene, id, peer.address, Purpose::Degree);
        }
    }

    /// Asks for a link, after a dial if need be.
    pub(super) fn approach(&mut self, scene: &mut Scene, id: NodeId, address: Address, purpose: Purpose) {
        if scene.open.contains(&id) {
            self.ask(scene, id, purpose);
        } else if !self.dialing.iter().any(|dial| same_kind(dial.purpose, purpose)) {
            self.dialing.push(Dialing { to: address, purpose, since: scene.now });
            scene.actions.push(Action::Dial(address));
            self.wake_in(scene, DIAL_PATIENCE);
        }
    }

    /// No session leads to `peer` any longer.
    pub(super) fn closed(&mut self, scene: &mut Scene, peer: NodeId) {
        let asked = self.pending.iter().any(|pending| pending.peer == peer && pending.purpose == Purpose::Degree);
        self.pending.retain(|pending| pending.peer != peer);
        if asked {
            self.fruitless = self.fruitless.saturating_add(1);
        }
        if !self.unlink(scene, &peer) && asked {
            self.retry(scene);
        }
    }

    /// A dial came to nothing.
    pub(super) fn dial_failed(&mut self, scene: &mut Scene, address: Address) {
        let Some(place) = self.dialing.iter().position(|dial| dial.to == address) else { return };
        if self.dialing.remove(place).purpose == Purpose::Degree {
            self.fruitless = self.fruitless.saturating_add(1);
            self.retry(scene);
        }
    }

    /// `member` has left the network.
    pub(super) fn left(&mut self, scene: &mut Scene, member: NodeId) {
        self.pending.retain(|pending| pending.peer != member);
        self.referrals.retain(|(id, _)| *id != member);
        if self.unlink(scene, &member) {
            scene.actions.push(Action::Close(member, CloseReason::Leaving));
        }
    }

    /// Makes `id` a neighbour. It is none yet.
    pub(super) fn make_link(&mut self, scene: &mut Scene, id: NodeId, address: Address, degree: u8, purpose: Purpose) {
        self.forget_silent(scene);
        let stands_in = purpose == Purpose::Degree && self.links.iter().any(|link| link.hearing.silent);
        let hearing = Hearing::new(scene.now);
        self.links.push(Link { id, address, degree, since: scene.now, held_until: Instant::ZERO, stands_in, hearing });
        self.pending.retain(|pending| pending.peer != id);
        self.fruitless = 0;
        scene.actions.push(Action::Link(id));
        self.wake_soon(scene);
    }

    /// Makes `id` a neighbour no longer; says whether it was one.
    pub(super) fn unlink(&mut self, scene: &mut Scene, id: &NodeId) -> bool {
        let Some(place) = self.links.iter().position(|link| link.id == *id) else { return false };
        if self.links.remove(place).hearing.silent {
            self.keep_stand_ins();
        }
        if self.shedding.is_some_and(|shedding| shedding.link == *id) {
            self.shedding = None;
        }
        self.fruitless = 0;
        scene.actions.push(Action::Unlink(*id));
        self.wake_soon(scene);
        true
    }

    /// Gives up the link with `id` and says so.
    pub(super) fn drop_link(&mut self, scene: &mut Scene, id: &NodeId) {
        if self.unlink(scene, id) {
            scene.send(*id, TopologyMessage::Disconnect);
        }
    }

    /// Tries again, the later the more often it has failed; at the latest at the next audit.
    pub(super) fn retry(&mut self, scene: &mut Scene) {
        let wait = Duration::from_millis(scene.rng.random_range(50..300)) * u32::from(1 + self.fruitless / 8);
        self.wake_in(scene, wait);
    }

    /// A moment that differs between nodes, so that those whom one event concerns do not all act at once.
    pub(super) fn wake_soon(&mut self, scene: &mut Scene) {
        let wait = Duration::from_millis(scene.rng.random_range(50..300));
        self.wake_in(scene, wait);
    }

    pub(super) fn wake_in(&mut self, scene: &mut Scene, wait: Duration) {
        let at = scene.clock.after(scene.now, wait);
        if self.wake_at.is_none_or(|set| set <= scene.now || at < set) {
            self.wake_at = Some(at);
            scene.actions.push(Action::Wake(at));
        }
    }
}

/// Whether the failure detector holds a peer for dead.
pub(super) fn is_away(book: &AddressBook, id: &NodeId) -> bool {
    matches!(book.get(id).map(|peer| peer.standing), Some(Standing::Suspected { .. } | Standing::Lost))
}
