//! Links of the mesh: asked for, granted, refused, given up.

use serde::{Deserialize, Serialize};

use super::{Address, NodeId};

/// Negotiation of a link between two members that have a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TopologyMessage {
    /// Be my neighbour.
    ConnectRequest {
        /// Links the sender has.
        degree: u8,
        /// How often it has been rejected since it last got a link.
        rejections: u8,
        /// It thinks that no other path leads to the receiver: the link would join two parts of the mesh.
        bridge: bool,
    },
    /// We are neighbours.
    ConnectAccept {
        /// Links the sender has now.
        degree: u8,
    },
    /// We are not. These might be willing.
    ConnectReject {
        /// Neighbours of the sender, at most [`MAX_REFERRALS`].
        referrals: Vec<(NodeId, Address)>,
    },
    /// We are neighbours no longer.
    Disconnect {
        /// Who takes the sender's place, if anybody does.
        instead: Option<Address>,
    },
    /// We are neighbours, as far as I know; said at each audit.
    Confirm {
        /// Links the sender has.
        degree: u8,
    },
    /// Is there a path from `asker` to `target` that does not use the link between them? Passed on to all neighbours.
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
    /// There is: the answer to the probe of that number, over the link in question.
    Redundant(u32),
}

/// Most referrals in a rejection.
pub const MAX_REFERRALS: usize = 4;
