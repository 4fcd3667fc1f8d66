//! Many nodes in one process, each with a socket of its own on the loopback interface, in one world.
//!
//! [`play`] runs a scenario so, in wall time and under its link model, and makes the same record of it as the simulator. [`Swarm`] is the
//! quickest demonstration, and the load generator.

mod carrier;
mod crowd;
mod play;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

pub use crowd::{Load, Swarm, SwarmConfig};
pub use play::{PlayError, Progress, play};

use super::sockets::{self, BindError};

/// One listener for each of `nodes` nodes, and their addresses.
fn listen_all(nodes: u32) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), BindError> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listeners: Vec<TcpListener> = (0..nodes).map(|_| sockets::bind(any)).collect::<Result<_, _>>()?;
    let addresses = listeners.iter().map(|listener| listener.local_addr().map_err(|error| BindError::Other(any, error)));
    let addresses = addresses.collect::<Result<_, _>>()?;
    Ok((listeners, addresses))
}
