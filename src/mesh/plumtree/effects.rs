//! What goes into the state machine with every input, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use super::BroadcastConfig;
use super::tree::Link;
use crate::kernel::{Instant, NodeClock};
use crate::wire::{BroadcastMessage, MessageId, Rumor};

/// When something happens to a node, and how it behaves.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// When.
    pub at: Instant,
    /// The node's clock.
    pub clock: &'a NodeClock,
    /// The configuration.
    pub config: &'a BroadcastConfig,
}

impl Moment<'_> {
    /// The instant at which the node's clock has advanced by `duration`.
    pub fn after(&self, duration: Duration) -> Instant {
        self.clock.after(self.at, duration)
    }
}

/// What comes of an input.
#[derive(Debug)]
pub enum Effect {
    /// Send this.
    Send(Link, BroadcastMessage),
    /// A message is new.
    Deliver {
        /// Hops it has come.
        round: u16,
        /// The message.
        rumor: Arc<Rumor>,
    },
    /// A payload came that is of no use.
    Redundant(MessageId),
    /// The peer breaks the rules.
    Refuse(Link),
}

/// Where effects go: each is carried out as it comes, so that none has to be put down and looked at again.
pub trait Outlet {
    /// Carries out `effect`.
    fn push(&mut self, effect: Effect);
}
