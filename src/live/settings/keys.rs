//! The settings that the file may hold: what they are called and how they are read.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

use super::layer::{KeySource, Layer};
use super::{chat, rules, values};

/// One setting.
pub(super) struct Key {
    /// What it is called.
    pub name: &'static str,
    /// What it is, for those who wrote something else.
    pub expects: &'static str,
    /// Puts what was found into a layer.
    pub read: fn(&Found<'_>, &mut Layer) -> Result<(), Wrong>,
}

/// The value that was found for a setting.
pub(super) struct Found<'a> {
    /// It, and where it stands.
    pub value: &'a Spanned<DeValue<'a>>,
    /// The folder of the file.
    pub folder: &'a Path,
}

/// Why a value does not do.
pub(super) struct Wrong {
    /// Where, if not the whole value is wrong.
    pub place: Option<Range<usize>>,
    /// What is wrong, if there is more to say than what was expected.
    pub message: Option<String>,
}

const DURATION: &str = "a duration in quotes, such as \"500ms\" or \"2s\"";
const SOCKET: &str = "an IP address with port in quotes, such as \"127.0.0.1:9100\" or \"[::1]:9100\"";
const METRICS: &str = "a port such as 9100, for this machine only, or an IP address with port in quotes, such as \"0.0.0.0:9100\"";
const PATH: &str = "a path in quotes";
const DEGREE: &str = "a whole number from 1 to 1000";
const ANSWER: &str = "true or false";

/// All settings.
pub(super) const KEYS: &[Key] = &[
    Key { name: "nick", expects: "a name in quotes", read: |f, l| put(&mut l.nick, f.text(values::nick)) },
    Key { name: "bind_addr", expects: "an IP address in quotes", read: |f, l| put(&mut l.bind_addr, f.text(values::bind_addr)) },
    Key { name: "port", expects: "a port from 0 to 65535, where 0 is any", read: |f, l| put(&mut l.port, f.whole(0..=65_535)) },
    Key { name: "advertise", expects: SOCKET, read: |f, l| put(&mut l.advertise, f.parsed()) },
    Key { name: "discovery_port", expects: "a port from 1 to 65535", read: |f, l| put(&mut l.discovery_port, f.whole(1..=65_535)) },
    Key { name: "lan", expects: ANSWER, read: |f, l| put(&mut l.lan, f.answer()) },
    Key { name: "wan_mode", expects: ANSWER, read: |f, l| put(&mut l.wan_mode, f.answer()) },
    Key {
        name: "seed_peers",
        expects: "a list such as [\"seed.example.org:9000\"]",
        read: |f, l| put(&mut l.seed_peers, f.list(values::seed_peer)),
    },
    Key { name: "network", expects: "a name in quotes", read: |f, l| put(&mut l.network, f.text(values::network)) },
    Key {
        name: "network_key",
        expects: "64 hex digits or the path of a file with a key, in quotes",
        read: |f, l| put(&mut l.network_key, f.key_source()),
    },
    Key { name: "metrics", expects: METRICS, read: |f, l| put(&mut l.metrics, f.metrics()) },
    Key { name: "log", expects: "\"json\" or \"text\"", read: |f, l| put(&mut l.log, f.text(str::parse)) },
    Key { name: "record", expects: PATH, read: |f, l| put(&mut l.record, f.path()) },
    Key {
        name: "record_limit_mib",
        expects: "a whole number of MiB from 1 to 1048576",
        read: |f, l| put(&mut l.record_limit_mib, f.whole(1..=1 << 20)),
    },
    Key { name: "record_secret", expects: PATH, read: |f, l| put(&mut l.record_secret, f.path()) },
    Key { name: "link_model", expects: PATH, read: |f, l| put(&mut l.link_model, f.scenario()) },
    Key { name: "chat", expects: ANSWER, read: |f, l| put(&mut l.chat, f.answer()) },
    Key { name: "topics", expects: "a list of names such as [\"tech\"]", read: |f, l| put(&mut l.topics, f.list(rules::topic)) },
    Key { name: "invite_only", expects: ANSWER, read: |f, l| put(&mut l.invite_only, f.answer()) },
    Key {
        name: "revocation",
        expects: "\"any\", \"sponsors\" or a number in quotes",
        read: |f, l| put(&mut l.revocation, f.text(rules::revocation)),
    },
    Key { name: "past", expects: "\"all\", \"none\" or a number in quotes", read: |f, l| put(&mut l.past, f.text(rules::past)) },
    Key { name: "keep_time", expects: DURATION, read: |f, l| put(&mut l.keep_time, f.text(chat::keep_time)) },
    Key {
        name: "keep_mib",
        expects: "a whole number of MiB from 1 to 1048576",
        read: |f, l| put(&mut l.keep_mib, f.whole(chat::KEEP_MIB)),
    },
    Key { name: "prekey_time", expects: DURATION, read: |f, l| put(&mut l.prekey_time, f.text(chat::prekey_time)) },
    Key { name: "epoch_texts", expects: "a whole number from 1 to 1000", read: |f, l| put(&mut l.epoch_texts, f.whole(chat::EPOCH_TEXTS)) },
    Key { name: "epoch_time", expects: DURATION, read: |f, l| put(&mut l.epoch_time, f.text(chat::epoch_time)) },
    Key { name: "min_degree", expects: DEGREE, read: |f, l| put(&mut l.min_degree, f.whole(1..=1_000)) },
    Key { name: "max_degree", expects: DEGREE, read: |f, l| put(&mut l.max_degree, f.whole(1..=1_000)) },
    Key { name: "gossip_interval", expects: DURATION, read: |f, l| put(&mut l.gossip_interval, f.text(values::duration)) },
    Key { name: "heartbeat_interval", expects: DURATION, read: |f, l| put(&mut l.heartbeat_interval, f.text(values::duration)) },
    Key { name: "phi_threshold", expects: "a number more than 0", read: |f, l| put(&mut l.phi_threshold, f.positive()) },
    Key { name: "rebalance_interval", expects: DURATION, read: |f, l| put(&mut l.rebalance_interval, f.text(values::duration)) },
    Key { name: "ihave_timeout", expects: DURATION, read: |f, l| put(&mut l.ihave_timeout, f.text(values::duration)) },
    Key {
        name: "max_discovery_retries",
        expects: "a whole number from 1 to 1000000",
        read: |f, l| put(&mut l.max_discovery_retries, f.whole(1..=1_000_000)),
    },
    Key { name: "recovery_base_delay", expects: DURATION, read: |f, l| put(&mut l.recovery_base_delay, f.text(values::duration)) },
    Key { name: "connect_timeout", expects: DURATION, read: |f, l| put(&mut l.connect_timeout, f.text(values::duration)) },
];

/// Names that belong elsewhere, and where.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    ("data_dir", "the data directory is where this file is looked for: name it with --data-dir"),
    ("keypair_seed", "the seed of the identity is kept in `identity.key` in the data directory, or given with --keypair-seed"),
    ("config", "a configuration cannot name another: name it with --config"),
    ("require_invitation", "in the file it is called `invite_only`"),
    ("topic", "in the file it is called `topics`, and is a list"),
    ("wan", "in the file it is called `wan_mode`"),
    ("seed", "in the file it is called `seed_peers`, and is a list"),
    ("bind", "in the file it is called `bind_addr`"),
    ("no_lan", "in the file it is `lan = false`"),
    ("record_limit", "in the file it is called `record_limit_mib`"),
];

fn put<T>(slot: &mut Option<T>, value: Result<T, Wrong>) -> Result<(), Wrong> {
    *slot = Some(value?);
    Ok(())
}

/// The value is not what is expected.
const UNEXPECTED: Wrong = Wrong { place: None, message: None };

fn because(message: impl Display) -> Wrong {
    Wrong { place: None, message: Some(message.to_string()) }
}

impl Found<'_> {
    fn text<T, E: Display>(&self, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Wrong> {
        read(self.value.get_ref().as_str().ok_or(UNEXPECTED)?).map_err(because)
    }

    fn parsed<T: std::str::FromStr>(&self) -> Result<T, Wrong> {
        self.value.get_ref().as_str().and_then(|text| text.parse().ok()).ok_or(UNEXPECTED)
    }

    fn metrics(&self) -> Result<SocketAddr, Wrong> {
        match self.value.get_ref() {
            DeValue::String(_) => self.text(values::metrics),
            _ => self.whole(0..=65_535).map(values::on_this_machine),
        }
    }

    fn answer(&self) -> Result<bool, Wrong> {
        self.value.get_ref().as_bool().ok_or(UNEXPECTED)
    }

    fn whole<T: TryFrom<u64>>(&self, range: std::ops::RangeInclusive<u64>) -> Result<T, Wrong> {
        let number = self.value.get_ref().as_integer().and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        number.filter(|number| range.contains(number)).and_then(|number| number.try_into().ok()).ok_or(UNEXPECTED)
    }

    fn positive(&self) -> Result<f64, Wrong> {
        let number = match self.value.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite() && *number > 0.0).ok_or(UNEXPECTED)
    }

    fn list<E: Display>(&self, read: impl Fn(&str) -> Result<String, E>) -> Result<Vec<String>, Wrong> {
        let values = self.value.get_ref().as_array().ok_or(UNEXPECTED)?.iter();
        values.map(|value| Found { value, ..*self }.text(&read).map_err(|wrong| wrong.at(value.span()))).collect()
    }

    /// Relative paths begin at the folder of the file.
    fn path(&self) -> Result<PathBuf, Wrong> {
        Ok(self.folder.join(self.text(values::path)?))
    }

    fn key_source(&self) -> Result<KeySource, Wrong> {
        Ok(match self.text(values::key_source)? {
            KeySource::File(path) => KeySource::File(self.folder.join(path)),
            key => key,
        })
    }

    /// A scenario may also be named without being a file here.
    fn scenario(&self) -> Result<PathBuf, Wrong> {
        let here = self.path()?;
        if here.exists() { Ok(here) } else { self.text(values::path) }
    }
}

impl Wrong {
    fn at(self, place: Range<usize>) -> Self {
        Self { place: Some(place), ..self }
    }
}
