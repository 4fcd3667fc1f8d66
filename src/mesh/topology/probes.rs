//! Which probes a node has passed on, and where they came from.

use std::collections::VecDeque;
use std::time::Duration;

use crate::crypto::NodeId;
use crate::kernel::Instant;

/// Most probes remembered.
const MAX_PROBES: usize = 256;
/// A probe is over after this time. While all that are remembered are younger, new ones are not passed on: who asks will ask
/// again, and no probe can go round in circles because it was forgotten.
const LIFE: Duration = Duration::from_secs(4);

/// The memory of probes. Bounded.
#[derive(Default, Debug)]
pub(super) struct Probes {
    own: u32,
    seen: VecDeque<Seen>,
}

#[derive(Debug)]
struct Seen {
    asker: NodeId,
    number: u32,
    from: NodeId,
    at: Instant,
}

impl Probes {
    /// The number of a new probe of the node's own.
    pub fn number(&mut self) -> u32 {
        self.own = self.own.wrapping_add(1);
        self.own
    }

    /// Remembers a probe; says whether it is to be passed on.
    pub fn admit(&mut self, asker: NodeId, number: u32, from: NodeId, at: Instant) -> bool {
        while self.seen.front().is_some_and(|oldest| at.since(oldest.at) >= LIFE) {
            self.seen.pop_front();
        }
        if self.seen.len() >= MAX_PROBES || self.seen.iter().any(|seen| seen.number == number && seen.asker == asker) {
            return false;
        }
        self.seen.push_back(Seen { asker, number, from, at });
        true
    }

    /// Where a probe came from first.
    pub fn origin(&self, asker: &NodeId, number: u32) -> Option<NodeId> {
        self.seen.iter().find(|seen| seen.number == number && seen.asker == *asker).map(|seen| seen.from)
    }
}
