//! What goes into the state machine with every input, and what comes of it.

use super::{RoutingConfig, RoutingCounts};
use crate::crypto::{ErasingRng, Identity, NodeId};
use crate::kernel::{AccessList, Instant, LinkState, NodeClock, Prekeys};
use crate::wire::RoutingMessage;
use crate::wire::routing::{DatagramBody, RoutingFailure};

/// What the state machine sees of its node, at one instant.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// When.
    pub at: Instant,
    /// The node's clock.
    pub clock: &'a NodeClock,
    /// The configuration.
    pub config: &'a RoutingConfig,
    /// Who the node is.
    pub me: NodeId,
    /// Which of its lives it lives.
    pub life: u64,
    /// Its network.
    pub network: &'a [u8; 8],
    /// Its keys.
    pub keys: Keyring<'a>,
    /// Who may be a member.
    pub access: &'a AccessList,
    /// Who is linked with whom.
    pub links: &'a mut LinkState,
    /// What is counted.
    pub counts: &'a mut RoutingCounts,
    /// Where effects go.
    pub effects: &'a mut Vec<Effect>,
}

/// What a node signs, seals and opens with.
pub struct Keyring<'a> {
    /// It signs with it.
    pub identity: &'a Identity,
    /// It opens with its own, seals to those of others.
    pub prekeys: &'a Prekeys,
    /// For sealing.
    pub rng: &'a mut ErasingRng,
}

/// Says nothing about the keys.
impl std::fmt::Debug for Keyring<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

/// What comes of an input.
#[derive(Debug)]
pub enum Effect {
    /// Send this to a neighbour.
    Send(NodeId, RoutingMessage),
    /// A datagram has come.
    Deliver {
        /// From whom.
        from: NodeId,
        /// What.
        body: DatagramBody,
        /// Over how many links.
        hops: u8,
    },
    /// A datagram of the node does not arrive.
    Fail {
        /// To whom.
        to: NodeId,
        /// What.
        body: Option<DatagramBody>,
        /// Why.
        reason: RoutingFailure,
    },
}
