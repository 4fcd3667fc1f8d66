//! What is dialled by name or by number.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// How names of seeds, and ordinals of a swarm, become sockets.
#[derive(Debug, Default)]
pub struct Names {
    /// The seeds that are names, as `host:port`, by number.
    pub seeds: Vec<String>,
    /// Where the nodes of this process listen, by ordinal, if they are dialled by it.
    pub nodes: Vec<SocketAddr>,
    /// Which of them dialled from which socket.
    diallers: Mutex<BTreeMap<SocketAddr, u32>>,
    /// Why seeds could not be resolved when they last were tried, by number.
    unresolved: Mutex<BTreeMap<u16, String>>,
}

impl Names {
    /// Names of seeds.
    pub fn of_seeds(seeds: Vec<String>) -> Self {
        Self { seeds, ..Self::default() }
    }

    /// The nodes of one process.
    pub fn of_nodes(nodes: Vec<SocketAddr>) -> Self {
        Self { nodes, ..Self::default() }
    }

    /// A seed was looked up. What came of it is said when it is something else than the last time.
    pub(super) fn note_resolution(&self, number: u16, error: Option<&io::Error>) {
        let Some(seed) = self.seeds.get(usize::from(number)) else { return };
        let mut unresolved = self.unresolved.lock().unwrap_or_else(PoisonError::into_inner);
        match error.map(ToString::to_string) {
            Some(error) if unresolved.get(&number) == Some(&error) => {
                tracing::debug!(%seed, error, "the seed's name cannot be resolved still")
            }
            Some(error) => {
                tracing::warn!(%seed, error, "the seed's name cannot be resolved: is it spelt right? it is tried on, ever less often");
                unresolved.insert(number, error);
            }
            None if unresolved.remove(&number).is_some() => tracing::info!(%seed, "the seed's name can be resolved again"),
            None => {}
        }
    }

    /// Node `ordinal` dials from `socket`.
    pub(super) fn note_dialler(&self, socket: SocketAddr, ordinal: u32) {
        self.diallers.lock().unwrap_or_else(PoisonError::into_inner).insert(socket, ordinal);
    }

    /// Which node of this process dials from `socket`.
    pub(super) fn dialler(&self, socket: SocketAddr) -> Option<u32> {
        self.diallers.lock().unwrap_or_else(PoisonError::into_inner).get(&socket).copied()
    }
}
