//! Messages of topics: each has a tree of its own.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::BroadcastMessage;

/// Longest name of a topic in bytes.
pub const MAX_TOPIC_NAME: usize = 48;

/// Names a topic on the wire: the first half of the hash of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    /// Of the topic called `name`.
    pub fn of(name: &str) -> Self {
        let hash: [u8; 32] = Sha256::new().chain_update(b"murmuration topic 1").chain_update(name).finalize().into();
        Self(std::array::from_fn(|index| hash[index]))
    }
}

/// Plumtree between two neighbours, for one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicMessage {
    /// Which topic.
    pub topic: TopicId,
    /// What.
    pub message: BroadcastMessage,
}
