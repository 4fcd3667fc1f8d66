//! Where a node is reached.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address a transport can dial. Opaque to protocols.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Address {
    /// A node of the same simulation, by its ordinal.
    Memory(u32),
    /// A socket.
    Socket(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(ordinal) => write!(f, "n{ordinal}"),
            Self::Socket(address) => address.fmt(f),
        }
    }
}

/// The text is no address.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
#[error("neither `n` and an ordinal nor a socket address")]
pub struct NotAnAddress;

/// Reads what [`Display`](fmt::Display) writes.
impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        match text.strip_prefix('n') {
            Some(ordinal) => ordinal.parse().map(Self::Memory).map_err(|_| NotAnAddress),
            None => text.parse().map(Self::Socket).map_err(|_| NotAnAddress),
        }
    }
}
