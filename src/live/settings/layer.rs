//! What one source says: the flags, or the file.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::values::LogFormat;
use crate::crypto::Secret;
use crate::wire::admission::{PastRule, RevocationRule};

/// Where a key stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeySource {
    /// Here.
    Key(Secret),
    /// In this file.
    File(PathBuf),
}

/// Declares [`Layer`] and how one lies over another, so that no setting is forgotten there.
macro_rules! layer {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// What one source says; `None` where it says nothing.
        #[derive(Clone, PartialEq, Debug, Default)]
        pub struct Layer {
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        impl Layer {
            /// What this source says, and where it says nothing, what `under` says. Lists replace each other as a whole.
            #[must_use]
            pub fn over(self, under: Self) -> Self {
                Self { $($name: self.$name.or(under.$name),)* }
            }
        }
    };
}

layer! {
    /// What others call the node.
    nick: String,
    /// The address it listens at.
    bind_addr: IpAddr,
    /// The TCP port it listens at; 0 is any.
    port: u16,
    /// The address it tells others.
    advertise: SocketAddr,
    /// UDP port of hellos on the local network.
    discovery_port: u16,
    /// Whether it says and hears hellos on the local network.
    lan: bool,
    /// Whether it is meant for wide areas only.
    wan_mode: bool,
    /// Who is asked first.
    seed_peers: Vec<String>,
    /// Name of the network.
    network: String,
    /// The key that members share.
    network_key: KeySource,
    /// Where metrics are served.
    metrics: SocketAddr,
    /// How log lines look.
    log: LogFormat,
    /// Where is written down what enters the node.
    record: PathBuf,
    /// Most MiB of a part of the recording.
    record_limit_mib: u64,
    /// The file with the key that encrypts the node's keys in the recording.
    record_secret: PathBuf,
    /// The scenario whose links are put on those of the node.
    link_model: PathBuf,
    /// Whether members talk to one another.
    chat: bool,
    /// Topics that it joins.
    topics: Vec<String>,
    /// Whether the network is by invitation.
    invite_only: bool,
    /// Who may revoke, in a network that it founds.
    revocation: RevocationRule,
    /// What newcomers may read, in a network that it founds.
    past: PastRule,
    /// Time for which what was said is kept.
    keep_time: Duration,
    /// Most MiB that are kept of what was said in a topic.
    keep_mib: u64,
    /// Time for which a prekey is announced.
    prekey_time: Duration,
    /// Texts after which a new chain of keys begins.
    epoch_texts: u64,
    /// Time after which a new chain of keys begins.
    epoch_time: Duration,
    /// Fewest links.
    min_degree: usize,
    /// Most links.
    max_degree: usize,
    /// Time between two rounds of anti-entropy.
    gossip_interval: Duration,
    /// Time between two heartbeats.
    heartbeat_interval: Duration,
    /// Suspicion level from which a member is suspected.
    phi_threshold: f64,
    /// Time between two audits of the links.
    rebalance_interval: Duration,
    /// Time from an announcement until the message is asked for.
    ihave_timeout: Duration,
    /// Failed attempts in a row after which the node calls itself offline.
    max_discovery_retries: u32,
    /// Wait after the first failed attempt.
    recovery_base_delay: Duration,
    /// Longest time from a dial to its link.
    connect_timeout: Duration,
}
