//! Messages of Plumtree (Leitão, Pereira, Rodrigues 2007), and of the repair of gaps after a partition.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::NodeId;

/// Names one broadcast: who says it, and the how-manieth of what this origin says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct MessageId {
    /// Who says it.
    pub origin: NodeId,
    /// Its number, from 1.
    pub sequence: u64,
}

/// What is broadcast. Shared, not copied, between the queues of one world.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Payload(pub Arc<[u8]>);

/// Plumtree between two neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BroadcastMessage {
    /// Eager push: the message itself.
    Gossip {
        /// Which message.
        id: MessageId,
        /// Hops from the origin to the receiver.
        round: u16,
        /// The message.
        payload: Payload,
    },
    /// Lazy push: what the sender has, to be asked for if it does not come by itself.
    IHave(Vec<(MessageId, u16)>),
    /// Make the link eager and send this message.
    Graft {
        /// What is missing.
        id: MessageId,
        /// Hops announced for it.
        round: u16,
    },
    /// Make the link lazy.
    Prune,
}
