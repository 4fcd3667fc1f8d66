//! `mesh-live run`: from flags and configuration to a node.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use murmuration::crypto::Secret;
use murmuration::live::data_dir::{DataDir, DataDirError};
use murmuration::live::settings::{self, Layer, LogFormat, Settings};
use murmuration::live::{MeshConfig, since_1970};
use murmuration::wire::admission::{PastRule, RevocationRule};
use tracing::level_filters::LevelFilter;

use crate::{Owner, log, node};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    owner: Owner,
    /// The configuration, instead of `config.toml` in the data directory. Flags win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What others call the node.
    #[arg(long, value_name = "NAME", value_parser = settings::nick)]
    nick: Option<String>,
    /// The IP address it listens at; `0.0.0.0` if not given.
    #[arg(long, value_name = "ADDR", value_parser = settings::bind_addr)]
    bind: Option<IpAddr>,
    /// The TCP port it listens at; 9000 if not given, 0 for any.
    #[arg(long)]
    port: Option<u16>,
    /// The address with port that it tells others, if what it finds out by itself is wrong.
    #[arg(long, value_name = "ADDR")]
    advertise: Option<SocketAddr>,
    /// Who is asked first, as host:port; may be repeated. Given once, those of the configuration are not asked.
    #[arg(long, value_name = "HOST:PORT", value_parser = settings::seed_peer)]
    seed: Vec<String>,
    /// UDP port of hellos on the local network; 9999 if not given.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    discovery_port: Option<u16>,
    /// Do not look for others on the local network, and do not be found there.
    #[arg(long)]
    no_lan: bool,
    /// For wide areas only: as --no-lan, and more patient with links and with members that are silent.
    #[arg(long)]
    wan: bool,
    /// Name of the network; nodes of other networks are left alone.
    #[arg(long, value_name = "NAME", value_parser = settings::network)]
    network: Option<String>,
    /// The key that all members share: a file that only you may read, or 64 hex digits, which others on this machine can see.
    #[arg(long, value_name = "FILE|HEX")]
    network_key: Option<String>,
    /// The network is by invitation: nobody joins whom no member has invited. Without a seed the node founds one.
    #[arg(long)]
    invite_only: bool,
    /// A topic to join at the start; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = settings::topic)]
    topic: Vec<String>,
    /// Who may revoke members of a network that this node founds: `any` member, the `sponsors`, or so many members together.
    #[arg(long, value_name = "any|sponsors|K", value_parser = settings::revocation)]
    revocation: Option<RevocationRule>,
    /// What newcomers to a network that this node founds may read: `all`, `none`, or the last N texts of each topic.
    #[arg(long, value_name = "all|none|N", value_parser = settings::past)]
    past: Option<PastRule>,
    /// How long what was said is kept, such as `30days`; 365days if not given.
    #[arg(long, value_name = "TIME", value_parser = settings::keep_time)]
    keep_time: Option<Duration>,
    /// Most MiB that are kept of what was said in each topic; 64 if not given.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(settings::KEEP_MIB))]
    keep_mib: Option<u64>,
    /// How long a key is announced to which others seal; 1h if not given. It is erased as long after that.
    #[arg(long, value_name = "TIME", value_parser = settings::prekey_time)]
    prekey_time: Option<Duration>,
    /// Texts after which the node begins a new chain of keys; 1000 if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(settings::EPOCH_TEXTS))]
    epoch_texts: Option<u64>,
    /// Time after which it does; 1h if not given.
    #[arg(long, value_name = "TIME", value_parser = settings::epoch_time)]
    epoch_time: Option<Duration>,
    /// No chat, topics and messages to one member.
    #[arg(long)]
    no_chat: bool,
    /// Serve metrics, health and statistics over HTTP at this port of this machine only, or at this address with port.
    #[arg(long, value_name = "PORT|ADDR", value_parser = settings::metrics)]
    metrics: Option<SocketAddr>,
    /// How log lines look: `json` or `text`. What is logged is set by RUST_LOG.
    #[arg(long, value_name = "FORMAT")]
    log: Option<LogFormat>,
    /// Write down everything that enters the node, for `mesh-sim replay FILE`. What you say while it records stands in the file in plain text,
    /// what is for one member only too, for whoever can read the file. Whoever has the node's identity key besides can open all that the node
    /// was told. When a part is full the node closes its sessions and begins anew in another.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Most MiB of a part of the recording; 64 if not given.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    record_limit: Option<u64>,
    /// A file with a key that encrypts the node's keys into the recording. Without it they are left out.
    #[arg(long, value_name = "FILE")]
    record_secret: Option<PathBuf>,
    /// Put the links of this scenario on those of the node.
    #[arg(long, value_name = "FILE")]
    link_model: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), String> {
    let prepared = prepare(args, LevelFilter::INFO)?;
    let config = prepared.config.clone();
    node::start(prepared, async |node| node::start_lines(&config, node).await, async |_, _| std::future::pending().await)
}

/// What a node starts with.
pub struct Prepared {
    /// Its configuration, identity included.
    pub config: MeshConfig,
    /// What flags and the configuration say.
    pub settings: Settings,
    /// Its folder.
    pub dir: DataDir,
}

/// From flags and configuration to what a node starts with. Begins the log, at `level` unless the environment says otherwise.
pub fn prepare(args: &Args, level: LevelFilter) -> Result<Prepared, String> {
    let folder = args.folder()?;
    let settings = args.settings(&folder)?;
    let seed = args.keypair_seed()?;
    log::begin(settings.log, level)?;

    if settings.lan_overruled {
        tracing::warn!("`lan = true` means nothing with `wan_mode` or --wan: the local network is left alone; take one of both away");
    }

    let dir = DataDir::open(&folder).map_err(|error| error.to_string())?;
    let config = config(&settings, seed, &dir).map_err(|error| error.to_string())?;
    match args.config.is_none().then(|| settings::write_template(&folder)).transpose() {
        Ok(Some(Some(path))) => tracing::info!(file = %path.display(), "a configuration to fill in was written"),
        Ok(_) => {}
        Err(error) => tracing::warn!("no configuration to fill in: {error}"),
    }
    Ok(Prepared { config, settings, dir })
}

/// With what a node starts: its settings, the identity that is given or else its own, and what its data directory knows.
pub fn config(settings: &Settings, seed: Option<Secret>, dir: &DataDir) -> Result<MeshConfig, DataDirError> {
    let mut config = MeshConfig::from(settings.clone());
    config.keypair_seed = Some(seed.map_or_else(|| dir.identity(), Ok)?);
    config.data_dir = Some(dir.path().to_owned());
    config.incarnation = dir.next_incarnation(since_1970().as_millis() as u64)?;
    config.known_peers = dir.known_peers(since_1970().as_secs()).iter().map(|peer| peer.socket).collect();
    Ok(config)
}

impl Args {
    /// The data directory.
    pub fn folder(&self) -> Result<PathBuf, String> {
        self.owner.folder()
    }

    /// The identity that is used instead of that in the data directory.
    pub fn keypair_seed(&self) -> Result<Option<Secret>, String> {
        self.owner.keypair_seed()
    }

    /// Whether the configuration is another than that in the data directory.
    pub fn has_own_config(&self) -> bool {
        self.config.is_some()
    }

    /// What flags and configuration say.
    pub fn settings(&self, folder: &Path) -> Result<Settings, String> {
        let settings = Settings::load(self.layer()?, self.config.as_deref(), folder).map_err(|error| error.to_string())?;
        if settings.mesh.record.is_none() && (self.record_secret.is_some() || self.record_limit.is_some()) {
            return Err("--record-secret and --record-limit are about a recording, and nothing is recorded: add --record FILE".to_owned());
        }
        Ok(settings)
    }

    /// What the flags say.
    fn layer(&self) -> Result<Layer, String> {
        let network_key = self.network_key.as_deref().map(settings::key_source).transpose();
        Ok(Layer {
            nick: self.nick.clone(),
            bind_addr: self.bind,
            port: self.port,
            advertise: self.advertise,
            discovery_port: self.discovery_port,
            lan: self.no_lan.then_some(false),
            wan_mode: self.wan.then_some(true),
            seed_peers: (!self.seed.is_empty()).then(|| self.seed.clone()),
            network: self.network.clone(),
            network_key: network_key.map_err(|error| format!("--network-key: {error}"))?,
            chat: self.no_chat.then_some(false),
            topics: (!self.topic.is_empty()).then(|| self.topic.clone()),
            invite_only: self.invite_only.then_some(true),
            revocation: self.revocation,
            past: self.past,
            keep_time: self.keep_time,
            keep_mib: self.keep_mib,
            prekey_time: self.prekey_time,
            epoch_texts: self.epoch_texts,
            epoch_time: self.epoch_time,
            metrics: self.metrics,
            log: self.log,
            record: self.record.clone(),
            record_limit_mib: self.record_limit,
            record_secret: self.record_secret.clone(),
            link_model: self.link_model.clone(),
            ..Layer::default()
        })
    }
}
