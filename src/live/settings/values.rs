//! What single values may be, wherever they come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::layer::KeySource;
use crate::live::chat::clean;
use crate::live::data_dir::{NotHex, key_from_hex};
use crate::mesh::topics::TopicError;

/// Longest nick in characters.
const NICK: usize = 32;

/// Longest name of a network in characters.
const NETWORK: usize = 100;

/// Longest name of a host, as DNS has it.
const HOST: usize = 253;

/// The durations that make sense: shorter ones are less than a tick, longer ones are as good as never.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A run of hex digits from this length on was meant as a key.
const NEARLY_A_KEY: usize = 32;

/// What is wrong with a value.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum ValueError {
    /// Not a name to call a node.
    #[error("a nick has 1 to {NICK} characters, all of which are seen: no control characters, no blanks at its ends, nothing invisible")]
    Nick,
    /// Not a name of a network.
    #[error("the name of a network has 1 to {NETWORK} characters, none of which is a control character")]
    Network,
    /// Not an IP address.
    #[error("expected an IP address without port, such as `0.0.0.0` or `::`, found `{0}`; the port is set by `port`")]
    Address(String),
    /// Not where metrics can be served.
    #[error("expected a port such as `9100`, for this machine only, or an address with port such as `0.0.0.0:9100`, found `{0}`")]
    Metrics(String),
    /// A seed without a port.
    #[error("the seed `{0}` has no port; write `{0}:9000`, with the port that the seed listens at")]
    NoPort(String),
    /// An IPv6 address in which port and address cannot be told apart.
    #[error("write the seed `{0}` as `[{0}]:9000`, with the port that the seed listens at")]
    Brackets(String),
    /// A port that is none.
    #[error("the seed `{0}` must end in a port from 1 to 65535")]
    Port(String),
    /// A host that is none.
    #[error("the seed `{0}` must begin with a host name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// Neither a key nor the path of one.
    #[error(transparent)]
    Key(#[from] NotHex),
    /// Not a duration.
    #[error("expected a duration from 1ms to 1day, such as `500ms` or `2s`, found `{0}`")]
    Duration(String),
    /// Not a time for which texts are kept.
    #[error("expected a duration from 1min to 36500days, such as `1h`, found `{0}`")]
    KeepTime(String),
    /// Not a time for which a prekey is announced.
    #[error("expected a duration from 1min to 7days, such as `1h`, found `{0}`")]
    PrekeyTime(String),
    /// Not a time after which a new chain of keys begins.
    #[error("expected a duration from 1s to 7days, such as `1h`, found `{0}`")]
    EpochTime(String),
    /// Not a format of log lines.
    #[error("expected `json` or `text`, found `{0}`")]
    Log(String),
    /// Not a rule of revocation.
    #[error("expected `any`, `sponsors` or a number of members from 2 to 255, found `{0}`")]
    Revocation(String),
    /// Not a rule of the past.
    #[error("expected `all`, `none` or a number of texts, found `{0}`")]
    Past(String),
    /// Not a topic.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// A topic that nobody joins.
    #[error("all members belong to the lobby: name other topics")]
    Lobby,
    /// An empty path.
    #[error("expected a path, found nothing")]
    Path,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(ValueError::Log(other.to_owned())),
        }
    }
}

/// A name to call a node. It is shown on terminals and in lines of text: nothing in it may be mistaken for something else there.
///
/// # Errors
/// It is too long or too short, or something in it is not seen.
pub fn nick(text: &str) -> Result<String, ValueError> {
    let blank = |c: char| c.is_whitespace() && c != ' ' || c == '\u{2800}';
    let is_seen = text.trim() == text && clean::line(text) == text && !text.chars().any(blank);
    let fits = (1..=NICK).contains(&text.chars().count()) && is_seen;
    fits.then(|| text.to_owned()).ok_or(ValueError::Nick)
}

/// The name of a network.
///
/// # Errors
/// It is too long or too short, or has control characters.
pub fn network(text: &str) -> Result<String, ValueError> {
    let fits = (1..=NETWORK).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or(ValueError::Network)
}

/// An address to listen at. IPv6 may stand in brackets.
///
/// # Errors
/// It is none, or has a port.
pub fn bind_addr(text: &str) -> Result<IpAddr, ValueError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| ValueError::Address(text.to_owned()))
}

/// Where metrics are served: an address with port, or a port, which is served to this machine only.
///
/// # Errors
/// It is something else.
pub fn metrics(text: &str) -> Result<SocketAddr, ValueError> {
    let address = text.parse().or_else(|_| text.parse().map(on_this_machine));
    address.map_err(|_| ValueError::Metrics(text.to_owned()))
}

/// The address of a port that only this machine reaches.
pub(super) fn on_this_machine(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Who is asked first: `host:port`, where the host is a name, an IPv4 address, or an IPv6 address in brackets.
///
/// # Errors
/// It is something else.
pub fn seed_peer(text: &str) -> Result<String, ValueError> {
    let seed = || text.to_owned();
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(ValueError::Brackets(seed()));
    }
    let ends_in_host = text.ends_with(']') || !text.contains(':');
    let (host, port) = match text.rsplit_once(':') {
        Some(parts) if !ends_in_host => parts,
        _ if is_host(text) => return Err(ValueError::NoPort(seed())),
        _ => return Err(ValueError::Host(seed())),
    };
    if !is_host(host) {
        return Err(ValueError::Host(seed()));
    }
    // `parse` would take "+9000".
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse::<u16>().ok().filter(|port| digits && *port > 0);
    port.map(|_| seed()).ok_or(ValueError::Port(seed()))
}

fn is_host(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let address = rest.strip_suffix(']').unwrap_or_default();
        // The zone of a link-local address, as in `fe80::1%eth0`, is the system's to know.
        return address.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    // A name of numbers only is meant as an IPv4 address.
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let named = text.strip_suffix('.').unwrap_or(text).split('.').all(label);
    text.len() <= HOST && if numeric { text.parse::<Ipv4Addr>().is_ok() } else { named }
}

/// A key as 64 hex digits, or else the path of a file that holds one.
///
/// # Errors
/// It is empty, or hex digits that are too few or too many.
pub fn key_source(text: &str) -> Result<KeySource, ValueError> {
    match key_from_hex(text) {
        Ok(key) => Ok(KeySource::Key(key)),
        Err(error) if error.all_hex && error.length >= NEARLY_A_KEY => Err(error.into()),
        Err(_) => path(text).map(KeySource::File),
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf, ValueError> {
    if text.is_empty() { Err(ValueError::Path) } else { Ok(text.into()) }
}

pub(super) fn duration(text: &str) -> Result<Duration, ValueError> {
    let duration = humantime::parse_duration(text).ok().filter(|duration| (SHORTEST..=LONGEST).contains(duration));
    duration.ok_or_else(|| ValueError::Duration(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_have_a_host_and_a_port() {
        for seed in ["a:1", "node-1.example.org:9000", "10.0.0.1:65535", "[::1]:9000", "[fe80::1%eth0]:9000", "my_pod:80", "é.example:9000"]
        {
            assert_eq!(seed_peer(seed).as_deref(), Ok(seed));
        }
        for seed in ["10.0.0.1", "seed.example.org", "[::1]"] {
            assert_eq!(seed_peer(seed), Err(ValueError::NoPort(seed.into())));
        }
        for seed in ["::1", "fe80::1:9000"] {
            assert_eq!(seed_peer(seed), Err(ValueError::Brackets(seed.into())));
        }
        for seed in ["a:", "a:0", "a:65536", "a:+1", "a:b", "[::1]:x"] {
            assert_eq!(seed_peer(seed), Err(ValueError::Port(seed.into())));
        }
        for seed in ["", ":9000", "a b:9000", "http://a:9000", "1.2.3:9000", "300.1.1.1:9", "[::1:9000", "a..b:1", "1::2::3:9", "]"] {
            assert_eq!(seed_peer(seed), Err(ValueError::Host(seed.into())));
        }
    }

    #[test]
    fn names_can_be_shown() {
        assert_eq!(nick("Zoë the 2nd").as_deref(), Ok("Zoë the 2nd"));
        let invisible =
            ["al\u{200b}ice", "\u{3164}", "\u{2800}", "a\u{a0}b", "alice\u{202e}", "\u{301}", &format!("a{}", "\u{301}".repeat(9))];
        for bad in ["", " alice", "alice\n", "a\u{1b}[31m", &"a".repeat(33)].into_iter().chain(invisible) {
            assert_eq!(nick(bad), Err(ValueError::Nick), "{bad:?}");
        }
        assert!(network("lab 3").is_ok() && network("").is_err() && network("a\tb").is_err());
    }

    #[test]
    fn addresses_come_without_port() {
        for (text, address) in [("0.0.0.0", "0.0.0.0"), ("::", "::"), ("[::1]", "::1")] {
            assert_eq!(bind_addr(text), Ok(address.parse().unwrap()));
        }
        assert!(bind_addr("0.0.0.0:9000").unwrap_err().to_string().contains("without port"));
    }

    #[test]
    fn metrics_are_for_this_machine_unless_an_address_is_named() {
        for (text, address) in [("9100", "127.0.0.1:9100"), ("0", "127.0.0.1:0"), ("0.0.0.0:9100", "0.0.0.0:9100"), ("[::1]:1", "[::1]:1")]
        {
            assert_eq!(metrics(text), Ok(address.parse().unwrap()));
        }
        for bad in ["", "65536", "-1", "localhost:9100", "127.0.0.1"] {
            assert_eq!(metrics(bad), Err(ValueError::Metrics(bad.into())));
        }
    }

    #[test]
    fn a_key_is_digits_or_a_file() {
        assert!(matches!(key_source(&"0f".repeat(32)), Ok(KeySource::Key(_))));
        assert_eq!(key_source("keys/lab.key"), Ok(KeySource::File("keys/lab.key".into())));
        assert_eq!(key_source("beef"), Ok(KeySource::File("beef".into())));
        let error = key_source(&"a".repeat(63)).unwrap_err().to_string();
        assert!(error.contains("this is 63 characters") && !error.contains("aaa"), "{error}");
        assert_eq!(key_source(""), Err(ValueError::Path));
    }

    #[test]
    fn durations_have_bounds() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for bad in ["0s", "999us", "25h", "5", "-1s", "soon", ""] {
            assert_eq!(duration(bad), Err(ValueError::Duration(bad.into())));
        }
    }
}
