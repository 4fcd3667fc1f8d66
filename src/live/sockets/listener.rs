//! Links are accepted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;

use super::link::{Gauge, carry};
use super::{Event, Shared, SocketCounts, Wire};
use crate::gate::{Arrival, Input, LinkId};
use crate::live::throttle::Throttle;
use crate::wire::Address;

/// Connections that the system holds until they are accepted.
const BACKLOG: i32 = 1024;
/// Wait after an accept that failed, as when there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A node cannot listen where it should.
#[derive(thiserror::Error, Debug)]
pub enum BindError {
    /// Somebody else does.
    #[error("{0} is in use by another program: choose another port with --port, or --port 0 for any that is free")]
    InUse(SocketAddr),
    /// It needs a right that this user does not have.
    #[error("this user may not listen on {0}: choose a port above 1023 with --port")]
    Forbidden(SocketAddr),
    /// The machine has no such address.
    #[error("this machine has no address {}: choose one of its own with --bind, or 0.0.0.0 for all", .0.ip())]
    NoSuchAddress(SocketAddr),
    /// Something else.
    #[error("cannot listen on {0}: {1}")]
    Other(SocketAddr, io::Error),
}

/// Listens on `address`; `[::]` takes IPv4 too.
///
/// # Errors
/// Why that cannot be.
pub fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        // A node that starts again must not wait until the links of its last life are forgotten.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(TcpListener::from(socket))
    };
    open().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse(address),
        io::ErrorKind::PermissionDenied => BindError::Forbidden(address),
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress(address),
        _ => BindError::Other(address, error),
    })
}

/// Accepts until the runtime ends.
pub(super) async fn accept_all<A: Send + 'static>(node: u32, listener: tokio::net::TcpListener, shared: Shared<A>) {
    let (mut crowds, mut failures) = (Throttle::default(), Throttle::default());
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                SocketCounts::count(&shared.counts.accept_errors);
                if let Some(count) = failures.count(shared.clock.now()) {
                    tracing::warn!(%error, count, "no link can be accepted; open files may be too few (ulimit -n)");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let Some(ticket) = shared.admission.admit(from.ip()) else {
            SocketCounts::count(&shared.counts.strangers_refused);
            if let Some(count) = crowds.count(shared.clock.now()) {
                let advice = "too many handshakes in flight: links are refused; if these are not your nodes, keep them out with a firewall";
                tracing::warn!(%from, count, "{advice}");
            }
            continue;
        };
        SocketCounts::count(&shared.counts.accepted);
        let link = LinkId(shared.accepted.fetch_add(1, Ordering::Relaxed) * 2 + 1);
        let (queue, queued) = mpsc::unbounded_channel();
        let gauge = Arc::new(Gauge::accepted(ticket));
        // The world must know of the link before its first frame.
        let (begin, begun) = tokio::sync::oneshot::channel::<()>();
        let (task_gauge, task_shared) = (gauge.clone(), shared.clone());
        let task = tokio::spawn(async move {
            if begun.await.is_ok() {
                carry(link, stream, queued, task_gauge, task_shared).await;
            }
        });
        let from = shared.names.dialler(from).map_or(Address::Inbound(from), Address::Memory);
        let arrival = Arrival::new(shared.clock.now(), Input::Accepted { node, link, from });
        let wire = Wire { node, queue, gauge, task: task.abort_handle() };
        if shared.events.send(Event::Accepted(arrival, wire)).is_err() {
            return;
        }
        let _ = begin.send(());
    }
}
