//! Links that have fallen silent: they are replaced before the failure detector is sure.
//!
//! When many nodes die at once, what is left of the overlay lies in pieces until others are found. The detector takes its time, for it
//! decides about members whose heartbeats come over many hops. A neighbour is asked directly. If it does not answer, its link does not count
//! until it is heard again: the node looks for another. The link itself stays, for the network may be cut only briefly. When it
//! is heard again what was found in its place is given up, if that makes one too many: so the old links of a mesh that was cut stay, and few
//! questions are asked. And the node gives all its links twice the time before they count as silent: where links often seem dead and are not, they are
//! not replaced for ever.
//!
//! In `mass-failure`, seeds 1 to 6, survivors suspected each other 0 to 7 times, without this 1,363 to 1,991 times; 99 % of the broadcasts
//! arrived within 5.4 s instead of 14.2 s.

use std::time::Duration;

use super::components::{Link, Topology};
use super::rules::{Action, PATIENCE, Scene};
use crate::crypto::NodeId;
use crate::kernel::Instant;
use crate::wire::CloseReason;
use crate::wire::topology::Purpose;

/// Time between two looks at what has come over the links.
pub(super) const LISTEN_INTERVAL: Duration = Duration::from_secs(1);
/// A look that comes later than this many intervals after the one before shows that the node itself stood still.
const LATE: u32 = 3;

/// How often the time that links are given is doubled.
const MOST_DOUBLED: u32 = 3;
/// Alarms that prove false within so long are one and the same: it takes a while until all links of a cut are heard again.
const ONE_ALARM: Duration = Duration::from_secs(10);
/// After so long without a link that seemed dead and was not the time is halved again.
const EASE: Duration = Duration::from_secs(300);

/// What has been heard over a link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hearing {
    /// Number of frames at the last look.
    frames: u64,
    /// When that number was first seen, or the link made.
    since: Instant,
    /// When the other side was asked whether it is there; it has said nothing since.
    asked: Option<Instant>,
    /// It has not answered in time.
    pub silent: bool,
}

impl Hearing {
    /// Of a link that is made now.
    pub fn new(now: Instant) -> Self {
        Self { since: now, ..Self::default() }
    }
}

/// How wary a node has become of holding links for dead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Caution {
    /// How often the time that links are given has been doubled.
    doubled: u32,
    /// When it was doubled or halved last.
    since: Instant,
}

impl Caution {
    /// How long a link may be silent before its other side is asked.
    fn patience(&self, scene: &Scene) -> Duration {
        scene.config.silence.max(LISTEN_INTERVAL).saturating_mul(1 << self.doubled)
    }

    fn learn(&mut self, scene: &Scene, returned: bool) {
        if returned {
            if self.doubled == 0 || scene.elapsed(self.since) >= ONE_ALARM {
                *self = Self { doubled: MOST_DOUBLED.min(self.doubled + 1), since: scene.now };
            }
        } else if scene.elapsed(self.since) >= EASE {
            *self = Self { doubled: self.doubled.saturating_sub(1), since: scene.now };
        }
    }
}

impl Topology {
    /// The links over which something is heard.
    pub(super) fn audible(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| !link.hearing.silent)
    }

    /// Whether there is a link with `id`, and something is heard over it.
    pub(super) fn hears(&self, id: &NodeId) -> bool {
        self.audible().any(|link| link.id == *id)
    }

    /// The regular look at what has come over the links; `frames` is how many have come from a neighbour.
    pub(super) fn listen(&mut self, scene: &mut Scene, frames: impl Fn(&NodeId) -> u64) {
        let stood_still = scene.elapsed(self.listened) > LISTEN_INTERVAL * LATE;
        self.listened = scene.now;
        if stood_still {
            // What came meanwhile has yet to be read.
            let heard = self.links.iter_mut().map(|link| &mut link.hearing).filter(|hearing| !hearing.silent);
            heard.for_each(|hearing| (hearing.since, hearing.asked) = (scene.now, None));
            return;
        }
        let patience = self.caution.patience(scene);
        let mut asked: Vec<NodeId> = Vec::new();
        let mut lost = false;
        let mut returned = false;
        for link in &mut self.links {
            let (hearing, heard) = (&mut link.hearing, frames(&link.id));
            if heard != hearing.frames {
                returned |= hearing.silent;
                *hearing = Hearing { frames: heard, ..Hearing::new(scene.now) };
                continue;
            }
            match hearing.asked {
                // To the nearest look: the node's clock may be a little fast.
                None if scene.elapsed(hearing.since) + LISTEN_INTERVAL / 2 >= patience => {
                    hearing.asked = Some(scene.now);
                    asked.push(link.id);
                }
                Some(since) if !hearing.silent && scene.elapsed(since) >= PATIENCE => {
                    hearing.silent = true;
                    lost = true;
                }
                _ => {}
            }
        }
        for peer in asked {
            // Whoever holds the link answers that it does.
            self.request(scene, peer, Purpose::Degree);
        }
        if lost {
            self.fruitless = 0;
            self.wake_soon(scene);
        }
        self.caution.learn(scene, returned);
        if returned {
            self.give_up_stand_ins(scene);
        }
    }

    /// A link is heard again that was silent: gives up stand-ins, as many as are too many. If all that were silent are heard again the mesh
    /// is connected without them; if not, it is for bridges to mend. Those that somebody relies on as a way round are kept.
    fn give_up_stand_ins(&mut self, scene: &mut Scene) {
        while self.degree() > scene.config.max_degree {
            let stand_ins = self.audible().filter(|link| link.stands_in && self.is_free(scene, &link.id));
            let Some(newest) = stand_ins.max_by_key(|link| link.since).map(|link| link.id) else { break };
            self.drop_link(scene, &newest);
        }
        if self.links.iter().all(|link| !link.hearing.silent) {
            // What is left stands in for nobody.
            self.keep_stand_ins();
        }
        self.wake_soon(scene);
    }

    /// Those that stood in for silent links are links like others.
    pub(super) fn keep_stand_ins(&mut self) {
        self.links.iter_mut().for_each(|link| link.stands_in = false);
    }

    /// A link is made: at most as many silent ones are kept as links are allowed. The one that has been silent longest goes.
    pub(super) fn forget_silent(&mut self, scene: &mut Scene) {
        let silent = || self.links.iter().filter(|link| link.hearing.silent);
        if silent().count() > scene.config.max_degree
            && let Some(oldest) = silent().min_by_key(|link| link.hearing.since).map(|link| link.id)
        {
            self.unlink(scene, &oldest);
            // Who is still there learns it so; whoever is not must not be asked for bridges.
            scene.actions.push(Action::Close(oldest, CloseReason::Unwanted));
        }
    }
}

#[cfg(test)]
mod tests;
