//! How parts of the mesh that know nothing of each other become one: a session with somebody whom no path leads to is made a link.

use std::time::Duration;

use rand::RngExt;
use smallvec::SmallVec;

use super::components::Topology;
use super::rules::{Scene, is_away};
use crate::crypto::NodeId;
use crate::kernel::Standing;
use crate::wire::Address;
use crate::wire::topology::Purpose;

/// When the parts of a network find each other, each node knows it from sessions of its own. So that not all of them build a
/// bridge, they wait a while, the longer the more there are, most of them longer than the first ones' news take.
const BRIDGE_DELAY: Duration = Duration::from_millis(100);
const MAX_BRIDGE_DELAY: Duration = Duration::from_secs(10);

impl Topology {
    /// A session opened: who dialled it asks for a link if that is what it was dialled for, if the two belong to different parts
    /// of the mesh, or if it lacks one.
    #[expect(clippy::collapsible_match, reason = "while a bridge is put off, no other arm shall ask for one at once")]
    pub(super) fn opened(&mut self, scene: &mut Scene, peer: NodeId, address: Address, dialled: bool) {
        let meant =
            if dialled { self.dialing.iter().position(|dial| dial.to == address).map(|place| self.dialing.remove(place)) } else { None };
        if self.link(&peer).is_some() {
            return;
        }
        let degree = self.degree();
        match meant.map(|dial| dial.purpose) {
            Some(Purpose::Instead(other)) if self.link(&other).is_some() => self.ask(scene, peer, Purpose::Instead(other)),
            _ if dialled && degree >= scene.config.min_degree && self.is_apart(scene, &peer) => {
                if self.bridging.is_none() {
                    let alive = scene.book.iter().filter(|(_, peer)| peer.standing == Standing::Alive).count();
                    let longest = BRIDGE_DELAY.saturating_mul(u32::try_from(alive).unwrap_or(u32::MAX)).min(MAX_BRIDGE_DELAY);
                    let wait = longest.mul_f64(scene.rng.random_range(0.0_f64..1.0).sqrt());
                    self.bridging = Some((peer, scene.clock.after(scene.now, wait)));
                    self.wake_in(scene, wait);
                }
            }
            _ if dialled && degree > 0 && self.is_apart(scene, &peer) => self.ask(scene, peer, Purpose::Bridge),
            Some(_) if degree < scene.config.max_degree => self.ask(scene, peer, Purpose::Degree),
            _ if degree < scene.config.min_degree => self.ask(scene, peer, Purpose::Degree),
            _ => {}
        }
    }

    /// Whether `peer` seems to be in another part of the mesh: no heartbeat of it arrives, so no path leads to it. Who was only
    /// heard of may be too new for that; then this node must have been linked for a while.
    fn is_apart(&self, scene: &Scene, peer: &NodeId) -> bool {
        let settled = || self.audible().any(|link| scene.elapsed(link.since) >= scene.config.rebalance_interval * 2);
        match scene.book.get(peer).map(|known| known.standing) {
            Some(Standing::Alive) => false,
            Some(Standing::Suspected { .. } | Standing::Lost) => true,
            Some(Standing::Heard) | None => settled(),
        }
    }

    /// Looks at the sessions that no link needs: one may be all there is between two parts, for whoever has links enough asks for none, and
    /// nobody dials whom a session leads to. If it seems so at two audits in turn, for links take a while to be published, it is made a
    /// bridge.
    pub(super) fn look_across(&mut self, scene: &mut Scene) {
        let before = self.across.take();
        let unused: SmallVec<[NodeId; 8]> = scene.open.iter().filter(|peer| !self.uses(peer)).copied().collect();
        if unused.is_empty() {
            return;
        }
        let paths = scene.paths.map(|paths| paths.tree(&scene.me.id));
        // Whoever is suspected may be gone, and the session with it: to ask it would keep others from being asked.
        let is_apart = |peer: &NodeId| match &paths {
            Some(paths) => paths.hops(peer).is_none(),
            None => !is_away(scene.book, peer) && self.is_apart(scene, peer),
        };
        let apart: SmallVec<[NodeId; 8]> = unused.into_iter().filter(|peer| is_apart(peer)).collect();
        match before.filter(|peer| apart.contains(peer)) {
            Some(peer) => self.ask(scene, peer, Purpose::Bridge),
            None if apart.is_empty() => {}
            None => self.across = Some(apart[scene.rng.random_range(0..apart.len())]),
        }
    }

    /// Asks for the bridge that has been put off.
    pub(super) fn bridge(&mut self, scene: &mut Scene) {
        let Some((peer, due)) = self.bridging else { return };
        if due > scene.now {
            self.wake_in(scene, due.since(scene.now));
            return;
        }
        self.bridging = None;
        if self.link(&peer).is_none() && scene.open.contains(&peer) && self.is_apart(scene, &peer) {
            self.ask(scene, peer, Purpose::Bridge);
        }
    }
}
