//! How a node gets rid of a link that is too many, without cutting the mesh.
//!
//! Either it *hands over*: one neighbour is asked to take another neighbour in this node's place, so X–M becomes X–V–M. Where V has
//! room, this ends the matter; where it has not, the surplus has moved on and ends where there is room. Or it *probes*: it asks
//! whether there is a way round a link. The answer comes back along that way and holds each link of it, so that two nodes cannot
//! both rely on the link that the other is about to give up: a link that is held is not given up, and one that is being given up is
//! not held. Links only end unasked when their other side is gone or seems so, and with what stood in for such a one (`silence.rs`).

use std::time::Duration;

use rand::RngExt;
use smallvec::SmallVec;

use super::components::{Shedding, Topology};
use super::rules::Scene;
use crate::crypto::NodeId;
use crate::wire::topology::{Purpose, Rejection};
use crate::wire::{Address, TopologyMessage};

/// How long one way of shedding is waited for.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a link is held. Longer than whoever relies on it waits.
const HOLD: Duration = Duration::from_secs(6);
/// Steps of the first probe; doubled for each further one. Most ways round are short.
const FIRST_HOPS: u8 = 8;
/// Most steps of a probe: more than a random graph of 100,000 nodes and degree 3 is wide.
const MOST_HOPS: u8 = 64;

impl Topology {
    /// Begins to get rid of a link, if there are too many and none is on its way out.
    pub(super) fn shed(&mut self, scene: &mut Scene) {
        if self.shedding.is_some_and(|shedding| scene.elapsed(shedding.since) >= PATIENCE) {
            self.shedding = None;
            self.shed_turn = self.shed_turn.wrapping_add(1);
        }
        let max = scene.config.max_degree;
        if self.degree() <= max {
            self.shed_turn = 0;
            return;
        }
        if self.shedding.is_some() {
            return;
        }
        // A neighbour with room; now and then any, for there may be no room and no way round far and wide.
        let wander = self.shed_turn % 4 == 3;
        let via = self.any_link(scene, |link| wander || usize::from(link) < max);
        if let Some(via) = via.filter(|_| self.shed_turn.is_multiple_of(2) || wander)
            && let Some(moved) = self.any_staying(scene, &[via])
        {
            self.hand_over(scene, moved, via);
        } else {
            self.probe(scene);
        }
    }

    /// Asks `moved` to take `via` in this node's place.
    pub(super) fn hand_over(&mut self, scene: &mut Scene, moved: NodeId, via: NodeId) {
        let Some(address) = self.link(&via).map(|link| link.address) else { return };
        self.hold(scene, &via);
        self.shedding = Some(Shedding { link: moved, probe: None, since: scene.now });
        scene.send(moved, TopologyMessage::Replace { id: via, address });
        self.wake_in(scene, PATIENCE);
    }

    /// Asks for a way round a link, if possible one whose other side can spare it. The newest may be the only bridge.
    fn probe(&mut self, scene: &mut Scene) {
        let min = scene.config.min_degree;
        let mut needed: SmallVec<[NodeId; 4]> = self.audible().filter(|link| usize::from(link.degree) <= min).map(|link| link.id).collect();
        needed.extend(self.audible().last().map(|newest| newest.id));
        let Some(target) = self.any_free(scene, &needed).or_else(|| self.any_free(scene, &[])) else { return };
        let number = self.probes.number();
        self.shedding = Some(Shedding { link: target, probe: Some(number), since: scene.now });
        let asker = scene.me.id;
        let hops = FIRST_HOPS.saturating_mul(1 << self.shed_turn.min(3)).min(MOST_HOPS);
        for link in self.links.iter().filter(|link| link.id != target) {
            scene.send(link.id, TopologyMessage::Probe { asker, target, number, hops });
        }
        self.wake_in(scene, PATIENCE);
    }

    /// Passes a probe on, or answers it.
    pub(super) fn pass_probe(&mut self, scene: &mut Scene, from: NodeId, (asker, number): (NodeId, u32), target: NodeId, hops: u8) {
        if self.link(&from).is_none() || asker == scene.me.id || !self.probes.admit(asker, number, from, scene.now) {
            return;
        }
        if target == scene.me.id {
            if from != asker && self.is_staying(&from) {
                self.hold(scene, &from);
                scene.send(from, TopologyMessage::Found { asker, number });
            }
        } else if let Some(hops) = hops.min(MOST_HOPS).checked_sub(1) {
            for link in self.links.iter().filter(|link| link.id != from && link.id != asker) {
                scene.send(link.id, TopologyMessage::Probe { asker, target, number, hops });
            }
        }
    }

    /// Passes the answer to a probe back, or acts upon it.
    pub(super) fn pass_found(&mut self, scene: &mut Scene, from: NodeId, asker: NodeId, number: u32) {
        if self.link(&from).is_none() || !self.is_staying(&from) {
            return;
        }
        if asker == scene.me.id {
            let Some(Shedding { link, since, .. }) = self.shedding.filter(|shedding| shedding.probe == Some(number)) else { return };
            // Later, what was held may be free again.
            let in_time = scene.elapsed(since) < PATIENCE;
            if in_time && self.degree() > scene.config.max_degree && !self.is_held(scene, &link) {
                self.hold(scene, &from);
                self.drop_link(scene, &link);
            }
        } else if let Some(origin) = self.probes.origin(&asker, number)
            && self.link(&origin).is_some()
            && self.is_staying(&origin)
        {
            self.hold(scene, &from);
            self.hold(scene, &origin);
            scene.send(origin, TopologyMessage::Found { asker, number });
        }
    }

    /// `from` has too many links, and asks that this node take `via` in its place.
    pub(super) fn replace(&mut self, scene: &mut Scene, from: NodeId, via: NodeId, address: Address) {
        let busy = self.pending.iter().map(|pending| pending.purpose).chain(self.dialing.iter().map(|dial| dial.purpose));
        let busy = busy.into_iter().any(|purpose| matches!(purpose, Purpose::Instead(other) if other != from));
        let linked = self.link(&via).is_some();
        // A way round over a silent link is none.
        let is_cut = linked && !self.hears(&via);
        let may_go = if linked { self.is_free(scene, &from) } else { self.link(&from).is_some() && self.is_staying(&from) };
        if via == scene.me.id || busy || is_cut || !may_go || !self.is_staying(&via) {
            self.reject(scene, from, Rejection::Busy, false);
        } else if linked {
            // The two are linked, as `from` is with both: the triangle stays connected without this side.
            self.hold(scene, &via);
            self.drop_link(scene, &from);
        } else {
            self.approach(scene, via, address, Purpose::Instead(from));
        }
    }

    /// `moved` cannot take another neighbour instead: something else must be tried.
    pub(super) fn handover_failed(&mut self, scene: &mut Scene, moved: NodeId) {
        if self.shedding.is_some_and(|shedding| shedding.link == moved && shedding.probe.is_none()) {
            self.shedding = None;
            self.shed_turn = self.shed_turn.wrapping_add(1);
            self.wake_soon(scene);
        }
    }

    /// Relies on a link for a while.
    pub(super) fn hold(&mut self, scene: &Scene, id: &NodeId) {
        let until = scene.clock.after(scene.now, HOLD);
        if let Some(link) = self.links.iter_mut().find(|link| link.id == *id) {
            link.held_until = until;
        }
    }

    fn is_held(&self, scene: &Scene, id: &NodeId) -> bool {
        self.link(id).is_some_and(|link| link.held_until > scene.now)
    }

    /// Whether a link is not on its way out.
    pub(super) fn is_staying(&self, id: &NodeId) -> bool {
        self.shedding.is_none_or(|shedding| shedding.link != *id)
    }

    /// Whether there is such a link and it may be given up: nobody relies on it, and it is not on its way out already.
    pub(super) fn is_free(&self, scene: &Scene, id: &NodeId) -> bool {
        self.link(id).is_some_and(|link| link.held_until <= scene.now) && self.is_staying(id)
    }

    /// A random link that may be handed over, apart from some. One that is held may: the two that take its place are held.
    pub(super) fn any_staying(&self, scene: &mut Scene, except: &[NodeId]) -> Option<NodeId> {
        let staying: SmallVec<[NodeId; 4]> =
            self.audible().map(|link| link.id).filter(|id| self.is_staying(id) && !except.contains(id)).collect();
        (!staying.is_empty()).then(|| staying[scene.rng.random_range(0..staying.len())])
    }

    /// A random link that may be given up, apart from some.
    pub(super) fn any_free(&self, scene: &mut Scene, except: &[NodeId]) -> Option<NodeId> {
        let free: SmallVec<[NodeId; 4]> =
            self.audible().map(|link| link.id).filter(|id| self.is_free(scene, id) && !except.contains(id)).collect();
        (!free.is_empty()).then(|| free[scene.rng.random_range(0..free.len())])
    }

    /// The link whose other side has the fewest links, among those with an acceptable number; of several, a random one.
    fn any_link(&self, scene: &mut Scene, acceptable: impl Fn(u8) -> bool) -> Option<NodeId> {
        let acceptable = || self.audible().filter(|link| acceptable(link.degree));
        let least = acceptable().map(|link| link.degree).min()?;
        let least: SmallVec<[NodeId; 4]> = acceptable().filter(|link| link.degree == least).map(|link| link.id).collect();
        Some(least[scene.rng.random_range(0..least.len())])
    }
}

/// [`PATIENCE`] ends before what was held is free again.
const _: () = assert!(PATIENCE.as_millis() < HOLD.as_millis());
