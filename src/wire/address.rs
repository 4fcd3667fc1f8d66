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
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(ordinal) => write!(f, "n{ordinal}"),
            Self::Socket(address) => address.fmt(f),
        }
    }
}
