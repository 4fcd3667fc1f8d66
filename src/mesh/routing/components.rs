//! What a node knows of datagrams, and what all count.

use bevy_ecs::prelude::*;

use super::heard::Heard;
use super::outstanding::Outstanding;
use super::waiting::Waiting;
use crate::kernel::Instant;

/// The state of routing at a node, but for the links, which are its [`LinkState`](crate::kernel::LinkState).
#[derive(Component, Debug)]
pub struct Routing {
    /// Number of the last datagram that it has sent.
    pub(super) number: u64,
    /// What it holds and knows no way for.
    pub(super) waiting: Waiting,
    /// What it has sent itself and may hear of.
    pub(super) outstanding: Outstanding,
    /// Which datagrams have come.
    pub(super) heard: Heard,
    /// For when the earliest timer for what waits is set.
    pub(super) armed: Instant,
    /// Whether a timer for publishing is set.
    pub(super) publishes: bool,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            number: 0,
            waiting: Waiting::default(),
            outstanding: Outstanding::default(),
            heard: Heard::default(),
            armed: Instant::NEVER,
            publishes: false,
        }
    }
}

impl Routing {
    /// Begins a life with what an earlier one knew: what was under way is lost, what has come does not come again.
    pub(super) fn wake(&mut self) {
        *self = Self { number: self.number, heard: std::mem::take(&mut self.heard), ..Self::default() };
    }
}

/// What became of datagrams; of all nodes of this world.
#[derive(Resource, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutingCounts {
    /// Sent by their source, also for the second time.
    pub sent: u64,
    /// Passed on by others.
    pub forwarded: u64,
    /// Delivered to their target.
    pub delivered: u64,
    /// Given up by their source.
    pub failed: u64,
    /// Given up by others, or not opened by the target, who then tell the source.
    pub undeliverable: u64,
    /// Not signed by the source that they name; found out by the target only.
    pub forged: u64,
    /// Had come before.
    pub replayed: u64,
    /// Signed by their source, but altered before that, or no body that can be decoded.
    pub malformed: u64,
    /// From a source that may not be a member.
    pub refused: u64,
    /// Given up at once, because too many waited for a way.
    pub dropped_full: u64,
    /// Notes to a source that is not known to have sent what they are about.
    pub unbelieved: u64,
    /// Notes to a source that nobody knows a way to.
    pub notes_lost: u64,
}

impl RoutingCounts {
    /// What was refused or lost: each with its name.
    pub fn refusals(&self) -> [(&'static str, u64); 8] {
        [
            ("datagrams_forged", self.forged),
            ("datagrams_replayed", self.replayed),
            ("datagrams_malformed", self.malformed),
            ("datagrams_refused", self.refused),
            ("datagrams_failed", self.failed),
            ("datagrams_undeliverable", self.undeliverable),
            ("datagrams_dropped_full", self.dropped_full),
            ("datagrams_unbelieved", self.unbelieved),
        ]
    }
}
