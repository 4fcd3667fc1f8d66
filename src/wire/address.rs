//! Where a node is reached.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// An address a transport can dial. Opaque to protocols.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Address {
    /// A node of the same simulation, by its ordinal.
    Memory(u32),
    /// A socket.
    Socket(SocketAddr),
    /// The node's own seed of this number, by name: its transport finds the socket anew at each dial. It never crosses a link.
    #[serde(skip)]
    Seed(u16),
    /// Where an accepted link comes from: nobody listens there. It never crosses a link.
    #[serde(skip)]
    Inbound(SocketAddr),
}

/// Longest address in bytes, as [`Address::to_bytes`] writes it.
pub const MAX_BYTES: usize = 64;

impl Address {
    /// Whether it means the same to everybody, so that others can be told.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Memory(_) | Self::Socket(_))
    }

    /// As a value in a namespace: the text that [`Display`](fmt::Display) writes.
    pub fn to_bytes(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_BYTES)?;
        match text.strip_prefix('n').and_then(|ordinal| ordinal.parse().ok()) {
            Some(ordinal) => Some(Self::Memory(ordinal)),
            None => text.parse().ok().map(Self::Socket),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(ordinal) => write!(f, "n{ordinal}"),
            Self::Socket(address) => address.fmt(f),
            Self::Seed(number) => write!(f, "seed {number}"),
            Self::Inbound(address) => write!(f, "from {address}"),
        }
    }
}
