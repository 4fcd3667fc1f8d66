//! Links are dialled.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::link::{Gauge, Queued, carry};
use super::{Names, Shared};
use crate::gate::{Input, LinkId};
use crate::wire::{Address, CloseReason};

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Dials, and carries the link if somebody answers.
pub(super) async fn dial<A>(
    link: LinkId,
    node: u32,
    to: Address,
    mut queued: mpsc::UnboundedReceiver<Queued>,
    gauge: Arc<Gauge>,
    shared: Shared<A>,
) {
    let connecting = timeout(shared.connect_timeout, connect(node, to, &shared));
    let connected = tokio::select! {
        connected = connecting => connected,
        // Nothing is sent over a link that is not up, so this is its end.
        _ = queued.recv() => return,
    };
    match connected {
        Ok(Ok((stream, socket))) => {
            let to = if let Address::Memory(_) = to { to } else { Address::Socket(socket) };
            shared.tell(Input::Connected { link, to });
            carry(link, stream, queued, gauge, shared).await;
        }
        Ok(Err(reason)) => shared.tell(Input::Down { link, reason }),
        Err(_) => shared.tell(Input::Down { link, reason: CloseReason::Unreachable }),
    }
}

async fn connect<A>(node: u32, to: Address, shared: &Shared<A>) -> Result<(TcpStream, SocketAddr), CloseReason> {
    let addresses = match to {
        Address::Socket(socket) => vec![socket],
        Address::Memory(ordinal) => shared.names.nodes.get(ordinal as usize).copied().into_iter().collect(),
        Address::Seed(number) => {
            let name = shared.names.seeds.get(usize::from(number)).ok_or(CloseReason::Unreachable)?;
            let found = tokio::net::lookup_host(name.as_str()).await;
            shared.names.note_resolution(number, found.as_ref().err());
            found.map_err(|_| CloseReason::Unreachable)?.take(MAX_ADDRESSES).collect()
        }
        Address::Inbound(_) => Vec::new(),
    };
    // One that is silent must leave time for the others.
    let share = shared.connect_timeout / (addresses.len().max(1) as u32);
    let mut reason = CloseReason::Unreachable;
    for address in addresses {
        match timeout(share.max(Duration::from_millis(100)), open(node, address, &shared.names)).await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => reason = CloseReason::ConnectionRefused,
            Ok(Err(error)) => tracing::debug!(%address, %error, "a dial failed"),
            Err(_) => tracing::debug!(%address, "nobody answers a dial"),
        }
    }
    Err(reason)
}

async fn open(node: u32, address: SocketAddr, names: &Names) -> io::Result<TcpStream> {
    if names.nodes.is_empty() {
        return TcpStream::connect(address).await;
    }
    // Whom a link of a swarm comes from is known by its port, which must be noted before the other side can see it.
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(names.nodes[node as usize].ip(), 0))?;
    names.note_dialler(socket.local_addr()?, node);
    socket.connect(address).await
}
