//! What an operator may set: flags win over `config.toml`, which wins over the defaults.
//!
//! ```
//! use murmuration::live::settings::{Layer, Settings, parse};
//!
//! let file = parse("port = 0\nmax_degree = 5\n", "config.toml".as_ref())?;
//! let flags = Layer { port: Some(9100), ..Layer::default() };
//! let settings = Settings::of(flags.over(file))?;
//! assert_eq!((settings.mesh.bind_addr.port(), settings.mesh.max_degree), (9100, 5));
//!
//! let mistake = parse("max_degre = 5", "config.toml".as_ref()).unwrap_err().to_string();
//! assert!(mistake.starts_with("config.toml:1:1: there is no setting `max_degre`; did you mean `max_degree`?"), "{mistake}");
//! # Ok::<(), murmuration::live::settings::SettingsError>(())
//! ```

mod chat;
mod error;
mod file;
mod keys;
mod layer;
mod rules;
mod template;
mod values;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

pub use chat::{EPOCH_TEXTS, KEEP_MIB, epoch_time, keep_time, prekey_time};
pub use error::SettingsError;
pub use file::{parse, read};
pub use layer::{KeySource, Layer};
pub use rules::{past, revocation, topic};
pub use template::{write_answers, write_template};
pub use values::{LogFormat, ValueError, bind_addr, key_source, metrics, network, nick, seed_peer};

use super::data_dir::{CONFIG_FILE, read_key};
use super::{MeshConfig, RecordConfig};

/// Default of the time from a dial to its link in WAN mode.
pub const WAN_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between heartbeats that is accepted in WAN mode: links are lost and made anew for seconds, and nobody is gone for that.
pub const WAN_ACCEPTABLE_PAUSE: Duration = Duration::from_secs(12);

/// Default of the most MiB that a part of a recording takes.
pub const RECORD_LIMIT_MIB: u64 = 64;

/// Parts of a recording that are kept.
pub const RECORD_PARTS: usize = 4;

/// Everything that flags and configuration decide.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What the node is started with. What the data directory knows is not in it yet: identity, incarnation, known peers.
    pub mesh: MeshConfig,
    /// How log lines look.
    pub log: LogFormat,
    /// Whether the node is meant for wide areas only. It says nothing on the local network and hears nothing there, whatever `lan` says,
    /// waits [`WAN_CONNECT_TIMEOUT`] for a link unless `connect_timeout` is set, and accepts [`WAN_ACCEPTABLE_PAUSE`]. Nothing else changes.
    pub wan_mode: bool,
    /// Whether `lan = true` was said for nothing, because of `wan_mode`.
    pub lan_overruled: bool,
}

impl Settings {
    /// What `flags` and a file say: `config` if it is given, else `config.toml` in the data directory if that is there.
    ///
    /// # Errors
    /// The file cannot be read or has a mistake, or a key that is named cannot be read.
    pub fn load(flags: Layer, config: Option<&Path>, data_dir: &Path) -> Result<Self, SettingsError> {
        let default = data_dir.join(CONFIG_FILE);
        let file = match config {
            Some(path) => read(path)?,
            None if default.exists() => read(&default)?,
            None => Layer::default(),
        };
        Self::of(flags.over(file))
    }

    /// What `layer` says over the defaults. Reads the keys that it names.
    ///
    /// # Errors
    /// A key cannot be read, or `min_degree` is more than `max_degree`.
    pub fn of(layer: Layer) -> Result<Self, SettingsError> {
        let mut mesh = MeshConfig::default();
        let wan_mode = layer.wan_mode.unwrap_or(false);
        if wan_mode {
            mesh.connect_timeout = WAN_CONNECT_TIMEOUT;
            mesh.acceptable_pause = WAN_ACCEPTABLE_PAUSE;
        }
        let bind_addr = layer.bind_addr.unwrap_or(mesh.bind_addr.ip());
        mesh.bind_addr = SocketAddr::new(bind_addr, layer.port.unwrap_or(mesh.bind_addr.port()));
        mesh.lan = layer.lan.unwrap_or(mesh.lan) && !wan_mode;
        mesh.nick = layer.nick;
        mesh.advertise = layer.advertise;
        mesh.network_key = key(layer.network_key)?;
        mesh.metrics = layer.metrics;
        mesh.link_model = layer.link_model;
        if let Some(path) = layer.record {
            let limit = layer.record_limit_mib.unwrap_or(RECORD_LIMIT_MIB).saturating_mul(1 << 20);
            mesh.record = Some(RecordConfig { path, limit, parts: RECORD_PARTS, secret: key(layer.record_secret.map(KeySource::File))? });
        }
        or_default(&mut mesh.chat, layer.chat);
        or_default(&mut mesh.topics, layer.topics);
        or_default(&mut mesh.require_invitation, layer.invite_only);
        or_default(&mut mesh.rules.revocation, layer.revocation);
        or_default(&mut mesh.rules.past, layer.past);
        or_default(&mut mesh.keep_time, layer.keep_time);
        or_default(&mut mesh.keep_bytes, layer.keep_mib.map(|mib| usize::try_from(mib << 20).unwrap_or(usize::MAX)));
        or_default(&mut mesh.prekey_time, layer.prekey_time);
        or_default(&mut mesh.epoch_texts, layer.epoch_texts);
        or_default(&mut mesh.epoch_time, layer.epoch_time);
        or_default(&mut mesh.discovery_port, layer.discovery_port);
        or_default(&mut mesh.seeds, layer.seed_peers);
        or_default(&mut mesh.network, layer.network);
        or_default(&mut mesh.min_degree, layer.min_degree);
        or_default(&mut mesh.max_degree, layer.max_degree);
        or_default(&mut mesh.gossip_interval, layer.gossip_interval);
        or_default(&mut mesh.heartbeat_interval, layer.heartbeat_interval);
        or_default(&mut mesh.phi_threshold, layer.phi_threshold);
        or_default(&mut mesh.rebalance_interval, layer.rebalance_interval);
        or_default(&mut mesh.ihave_timeout, layer.ihave_timeout);
        or_default(&mut mesh.max_discovery_retries, layer.max_discovery_retries);
        or_default(&mut mesh.recovery_base_delay, layer.recovery_base_delay);
        or_default(&mut mesh.connect_timeout, layer.connect_timeout);
        if mesh.min_degree > mesh.max_degree {
            return Err(SettingsError::Degrees { min: mesh.min_degree, max: mesh.max_degree });
        }
        Ok(Self { mesh, log: layer.log.unwrap_or_default(), wan_mode, lan_overruled: wan_mode && layer.lan == Some(true) })
    }
}

impl From<Settings> for MeshConfig {
    fn from(settings: Settings) -> Self {
        settings.mesh
    }
}

fn or_default<T>(value: &mut T, set: Option<T>) {
    if let Some(set) = set {
        *value = set;
    }
}

fn key(source: Option<KeySource>) -> Result<Option<crate::crypto::Secret>, SettingsError> {
    Ok(match source {
        None => None,
        Some(KeySource::Key(key)) => Some(key),
        Some(KeySource::File(path)) => Some(read_key(&path)?),
    })
}

#[cfg(test)]
mod tests;
