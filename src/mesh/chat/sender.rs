//! Sender keys: how an author encrypts for all readers of a topic at once, and how readers follow.
//!
//! Within an epoch each text has a key of the author's chain ([`Chain`]). The chain's first key is sealed to every reader once. A new epoch
//! begins whenever the readers change, so who is removed has no key of what follows, and who comes has none of what was before.
//! Every author decides that alone, by what it knows: there is no order of changes on which members would have to agree, which no
//! protocol can have across a partition.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ChatConfig;
use crate::crypto::{Chain, Secret};
use crate::kernel::Instant;
use crate::wire::NodeId;
use crate::wire::chat::LogId;

/// How a node writes in one topic.
#[derive(Debug)]
pub struct Writer {
    /// The number of the epoch: that of its first entry in the log.
    pub epoch: u64,
    /// The chain; erased with the epoch.
    pub chain: Chain,
    /// To whom it was sealed.
    pub readers: BTreeSet<NodeId>,
    /// When the epoch began.
    pub since: Instant,
    /// Whether the readers have been compared since anything changed that decides who they are.
    pub checked: bool,
}

impl Writer {
    /// Whether the epoch has lasted long enough.
    pub fn is_worn(&self, elapsed: Duration, config: &ChatConfig) -> bool {
        self.chain.index >= config.epoch_texts || elapsed >= config.epoch_time
    }
}

/// How a node reads one log: the chain of its newest epoch.
#[derive(Debug)]
pub struct Reader {
    /// The epoch.
    pub epoch: u64,
    /// The chain, as far as it was read.
    pub chain: Chain,
}

/// What of a reader is kept beyond the node's life. Of a writer nothing is: were an older row of it to come back, as from a backup, the key
/// of a message would be used twice. Each life begins new epochs.
#[derive(Serialize, Deserialize)]
pub struct KeptChain {
    epoch: u64,
    index: u64,
    key: Secret,
}

impl KeptChain {
    /// Of a reader.
    pub fn of_reader(reader: &Reader) -> Self {
        Self { epoch: reader.epoch, index: reader.chain.index, key: reader.chain.key().clone() }
    }

    /// The reader again.
    pub fn reader(self) -> Reader {
        Reader { epoch: self.epoch, chain: Chain::new(self.key, self.index) }
    }
}

/// The readers of all logs that a node can read.
pub type Readers = BTreeMap<LogId, Reader>;
