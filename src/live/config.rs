//! What a live node is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::crypto::Secret;
use crate::mesh::admission::AdmissionConfig;
use crate::mesh::broadcast::BroadcastConfig;
use crate::mesh::chat::ChatConfig;
use crate::mesh::detection::DetectionConfig;
use crate::mesh::discovery::DiscoveryConfig;
use crate::mesh::handshake::HandshakeConfig;
use crate::mesh::membership::MembershipConfig;
use crate::mesh::prekeys::PrekeyConfig;
use crate::mesh::routing::RoutingConfig;
use crate::mesh::topics::TopicsConfig;
use crate::mesh::topology::TopologyConfig;
use crate::mesh::{Dissemination, Overlay, Protocols};
use crate::wire::Address;
use crate::wire::admission::Rules;

/// The name of the network of those who name none.
pub const DEFAULT_NETWORK: &str = "murmuration";

/// Configuration of a live node. Defaults: row T02 of the mission.
///
/// ```
/// use murmuration::live::MeshConfig;
///
/// let config = MeshConfig { nick: Some("alice".into()), ..MeshConfig::default() };
/// assert_eq!(config.bind_addr, "0.0.0.0:9000".parse().unwrap());
/// assert_eq!((config.min_degree, config.max_degree), (2, 3));
/// ```
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// Where it listens for TCP; port 0 is any. `[::]:9000` takes IPv4 and IPv6.
    pub bind_addr: SocketAddr,
    /// The address it tells others; found out if `None`.
    pub advertise: Option<SocketAddr>,
    /// UDP port of hellos on the local network.
    pub discovery_port: u16,
    /// Whether it says and hears hellos on the local network.
    pub lan: bool,
    /// Who is asked first, as `host:port`. Names are resolved at each attempt.
    pub seeds: Vec<String>,
    /// Sockets of peers known from earlier, those seen last first: the first 64 are tried besides the seeds.
    pub known_peers: Vec<SocketAddr>,
    /// Name of the network. Nodes of other networks are left alone.
    pub network: String,
    /// The key that members share. `None` is an open network: whoever knows its name may join.
    pub network_key: Option<Secret>,
    /// What others call it.
    pub nick: Option<String>,
    /// The Ed25519 seed of its identity; a new one if `None`.
    pub keypair_seed: Option<Secret>,
    /// The node's lives so far end before this number: what it says is newer than what it said in any of them, also if the clock went
    /// back. 0 if there was none.
    pub incarnation: u64,
    /// Fewest links that it aims for.
    pub min_degree: usize,
    /// Most links that it has.
    pub max_degree: usize,
    /// Time between two rounds of anti-entropy.
    pub gossip_interval: Duration,
    /// Time between two heartbeats.
    pub heartbeat_interval: Duration,
    /// Suspicion level from which a member is suspected.
    pub phi_threshold: f64,
    /// Pause that is accepted on top of the mean between heartbeats before suspicion rises.
    pub acceptable_pause: Duration,
    /// Time between two audits of the links.
    pub rebalance_interval: Duration,
    /// Time from an announcement until the message is asked for.
    pub ihave_timeout: Duration,
    /// Failed attempts in a row after which it calls itself offline. It goes on trying, slowly.
    pub max_discovery_retries: u32,
    /// Wait after the first failed attempt; doubles with each further one.
    pub recovery_base_delay: Duration,
    /// Longest time from a dial to its link.
    pub connect_timeout: Duration,
    /// Whether members talk to one another: encrypted texts in topics and to one, with their history, and messages to one member.
    pub chat: bool,
    /// Topics that it joins when it starts, besides the lobby to which all belong.
    pub topics: Vec<String>,
    /// Whether the network is by invitation. A node that knows nobody to ask founds one, with itself as the first member.
    pub require_invitation: bool,
    /// The rules of the network, if the node founds it.
    pub rules: Rules,
    /// Time for which what was said is kept.
    pub keep_time: Duration,
    /// Most bytes that are kept of what was said in each topic; the oldest goes first.
    pub keep_bytes: usize,
    /// Time for which it announces a prekey. It is erased as long after that.
    pub prekey_time: Duration,
    /// Texts after which it begins a new chain of keys.
    pub epoch_texts: u64,
    /// Time after which it does.
    pub epoch_time: Duration,
    /// The folder in which it keeps what it says and hears; if `None` that is lost when the node ends.
    pub data_dir: Option<PathBuf>,
    /// Serve metrics, health and statistics over HTTP there.
    pub metrics: Option<SocketAddr>,
    /// Write down everything that enters the node, to be replayed.
    pub record: Option<RecordConfig>,
    /// Put the links of this scenario on those of the node.
    pub link_model: Option<PathBuf>,
}

/// Configuration of the flight recorder. A node that is recorded gives up forward secrecy for what is recorded: whoever has the recording and
/// the identity key can open it. When a part is full the node closes its sessions and begins anew in another.
#[derive(Clone, Debug)]
pub struct RecordConfig {
    /// The file. Older parts are beside it, as `FILE.1` and so on.
    pub path: PathBuf,
    /// Most bytes of a part.
    pub limit: u64,
    /// Most parts, the current one included.
    pub parts: usize,
    /// Encrypts the node's keys into the recording. Without it they are left out, and a replay must be given them.
    pub secret: Option<Secret>,
}

impl Default for MeshConfig {
    fn default() -> Self {
        Self {
            bind_addr: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9000)),
            advertise: None,
            discovery_port: 9999,
            lan: true,
            seeds: Vec::new(),
            known_peers: Vec::new(),
            network: DEFAULT_NETWORK.to_owned(),
            network_key: None,
            nick: None,
            keypair_seed: None,
            incarnation: 0,
            min_degree: 2,
            max_degree: 3,
            gossip_interval: Duration::from_secs(1),
            heartbeat_interval: Duration::from_millis(500),
            phi_threshold: 8.0,
            acceptable_pause: DetectionConfig::default().acceptable_pause,
            rebalance_interval: Duration::from_secs(5),
            ihave_timeout: Duration::from_millis(500),
            max_discovery_retries: 10,
            recovery_base_delay: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(5),
            chat: true,
            topics: Vec::new(),
            require_invitation: false,
            rules: Rules::default(),
            keep_time: ChatConfig::default().keep_time,
            keep_bytes: ChatConfig::default().keep_bytes,
            prekey_time: PrekeyConfig::default().rotation,
            epoch_texts: ChatConfig::default().epoch_texts,
            epoch_time: ChatConfig::default().epoch_time,
            data_dir: None,
            metrics: None,
            record: None,
            link_model: None,
        }
    }
}

impl MeshConfig {
    /// How the protocols are configured by it.
    pub fn protocols(&self) -> Protocols {
        Protocols {
            discovery: Some(DiscoveryConfig {
                retry_base: self.recovery_base_delay,
                offline_after: self.max_discovery_retries,
                ..DiscoveryConfig::default()
            }),
            handshake: Some(HandshakeConfig { connect_timeout: self.connect_timeout, ..HandshakeConfig::default() }),
            membership: Some(MembershipConfig {
                gossip_interval: self.gossip_interval,
                heartbeat_interval: self.heartbeat_interval,
                ..MembershipConfig::default()
            }),
            detection: Some(DetectionConfig {
                threshold: self.phi_threshold,
                acceptable_pause: self.acceptable_pause,
                ..DetectionConfig::default()
            }),
            overlay: Overlay::Degree(TopologyConfig {
                min_degree: self.min_degree,
                max_degree: self.max_degree,
                rebalance_interval: self.rebalance_interval,
                ..TopologyConfig::default()
            }),
            dissemination: Dissemination::Plumtree(BroadcastConfig { graft_timeout: self.ihave_timeout, ..BroadcastConfig::default() }),
            // Always: whose folder knows a network by invitation stays in it.
            admission: Some(AdmissionConfig { invite_only: self.require_invitation, rules: self.rules, ..AdmissionConfig::default() }),
            prekeys: self.chat.then_some(PrekeyConfig { rotation: self.prekey_time, grace: self.prekey_time }),
            routing: self.chat.then(RoutingConfig::default),
            topics: self.chat.then(|| TopicsConfig { join: self.topics.clone(), ..TopicsConfig::default() }),
            chat: self.chat.then(|| ChatConfig {
                keep_time: self.keep_time,
                keep_bytes: self.keep_bytes,
                epoch_texts: self.epoch_texts,
                epoch_time: self.epoch_time,
                ..ChatConfig::default()
            }),
            ..Protocols::default()
        }
    }

    /// Whom it asks first: sockets, and names by number.
    pub(super) fn seed_addresses(&self) -> Vec<Address> {
        let mut names = 0;
        let mut address = |seed: &String| match seed.parse() {
            Ok(socket) => Address::Socket(socket),
            Err(_) => {
                names += 1;
                Address::Seed(names - 1)
            }
        };
        self.seeds.iter().map(&mut address).collect()
    }

    /// The seeds that are names, by number.
    pub(super) fn seed_names(&self) -> Vec<String> {
        self.seeds.iter().filter(|seed| seed.parse::<SocketAddr>().is_err()).cloned().collect()
    }
}
