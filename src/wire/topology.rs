//! Links of the mesh: asked for, granted, refused, handed over, given up.

use serde::{Deserialize, Serialize};

use super::{Address, NodeId};

/// Negotiation of a link between two members that have a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TopologyMessage {
    /// Be my neighbour.
    ConnectRequest {
        /// Links the sender has.
        degree: u8,
        /// How often it has been rejected since its links last changed.
        rejections: u8,
        /// What it wants the link for.
        purpose: Purpose,
        /// Where it accepts sessions, which need not be where this one comes from.
        address: Address,
    },
    /// We are neighbours.
    ConnectAccept {
        /// Links the sender has now.
        degree: u8,
        /// Where it accepts sessions.
        address: Address,
    },
    /// We are not.
    ConnectReject {
        /// Why.
        reason: Rejection,
        /// Neighbours of the sender that may have room, then other members, at most [`MAX_REFERRALS`].
        referrals: Vec<(NodeId, Address)>,
    },
    /// We are neighbours no longer.
    Disconnect,
    /// We are neighbours, as far as I know; said at each audit. Who knows better answers [`Disconnect`](Self::Disconnect).
    Confirm {
        /// Links the sender has.
        degree: u8,
        /// Where it accepts sessions.
        address: Address,
    },
    /// I have too many links: take this neighbour of mine in my place.
    Replace {
        /// Who it is.
        id: NodeId,
        /// Where it is.
        address: Address,
    },
    /// Is there a way from `asker` to `target` round the link between them? Passed on to all neighbours, once.
    Probe {
        /// Who asks.
        asker: NodeId,
        /// The other end of the link in question.
        target: NodeId,
        /// Number of the question.
        number: u32,
        /// Steps it may still take.
        hops: u8,
    },
    /// There is, and every link of it is held for a while: goes back the way the probe came.
    Found {
        /// Who asked.
        asker: NodeId,
        /// Number of the question.
        number: u32,
    },
}

/// What a link is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Purpose {
    /// To have enough of them, or one more.
    Degree,
    /// To join two parts of the mesh: the sender knows of no other way to the receiver. Granted beyond the bounds.
    Bridge,
    /// In the place of the sender's link with this neighbour of the receiver, which has too many.
    Instead(NodeId),
}

/// Why a link is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rejection {
    /// The sender has as many links as it may.
    Full,
    /// The sender is not, or no longer, a neighbour of the one whose place was to be taken.
    NotLinked,
    /// The sender cannot take the neighbour that it was asked to take: somebody relies on what it would give up, or refuses.
    Busy,
}

/// Most referrals in a rejection.
pub const MAX_REFERRALS: usize = 4;
