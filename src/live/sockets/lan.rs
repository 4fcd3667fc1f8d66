//! Hellos on the local network, by multicast and broadcast.
//!
//! A node hears on the discovery port, which it shares with the other nodes of the host, and speaks from a socket of its own on each
//! interface. The system gives a datagram for the shared port to all of them if it is a multicast or a broadcast, and to only
//! one if it is not: so whoever answers a hello does so to the port that it came from.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use if_addrs::IfAddr;
use indexmap::IndexMap;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Shared, SocketCounts};
use crate::gate::Input;
use crate::live::throttle::Throttle;
use crate::wire::{Address, Hello, NodeId, beacon};

/// All hosts of the segment; routers do not pass it on.
pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// Most hellos listened to in a second: a segment of some hundred nodes.
const MAX_PER_SECOND: u32 = 256;
/// A hello that comes again within this time came another way.
const ECHO: Duration = Duration::from_millis(500);
/// Whoever said hello within this time is answered directly too.
const RECENT: Duration = Duration::from_secs(2);
/// Most of these.
const MAX_RECENT: usize = 64;

/// How a node takes part in the local network.
#[derive(Clone, Copy, Debug)]
pub struct LanSegment {
    /// The UDP port that all share.
    pub port: u16,
    /// The node's own address; with an unspecified IP, whoever hears it takes the IP that the hello came from.
    pub listens: SocketAddr,
}

/// A node cannot take part in the local network.
#[derive(thiserror::Error, Debug)]
pub enum LanError {
    /// Somebody holds the discovery port for itself.
    #[error("UDP port {0} is held by another program that does not share it: choose another with --discovery-port, or --no-lan")]
    InUse(u16),
    /// Something else.
    #[error("cannot hear hellos on UDP port {0}: {1}; --no-lan does without")]
    Other(u16, io::Error),
}

/// Begins to hear and say hellos; what is to be said comes from `hellos`.
pub(super) fn join<A: Send + 'static>(
    node: u32,
    segment: LanSegment,
    hellos: mpsc::UnboundedReceiver<(u32, Hello)>,
    shared: Shared<A>,
) -> Result<(), LanError> {
    let ears = shared_socket(segment.port).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => LanError::InUse(segment.port),
        _ => LanError::Other(segment.port, error),
    })?;
    if segment.listens.ip().is_loopback() {
        let address = segment.listens;
        tracing::info!(%address, "hellos are said and heard on this host only, for the node listens there only; --bind 0.0.0.0 is for all");
    }
    let lan = Lan {
        node,
        segment,
        ears,
        mouths: IndexMap::new(),
        recent: IndexMap::new(),
        budget: (Instant::now(), 0),
        mute: false,
        foreign: Throttle::default(),
        shared,
    };
    tokio::spawn(lan.run(hellos));
    Ok(())
}

fn shared_socket(port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    UdpSocket::from_std(socket.into())
}

/// The socket that speaks on the interface with this address.
fn own_socket(interface: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    socket.set_multicast_if_v4(&interface)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((interface, 0)).into())?;
    UdpSocket::from_std(socket.into())
}

/// Whether a node that listens at `bound` says hello on the interface with the address `interface`.
fn speaks_on(bound: IpAddr, interface: Ipv4Addr) -> bool {
    bound.is_unspecified() || bound == IpAddr::V4(interface) || bound.is_loopback() && interface.is_loopback()
}

/// An interface's own socket, and where its broadcasts go.
struct Mouth {
    socket: UdpSocket,
    broadcast: Option<Ipv4Addr>,
}

struct Lan<A> {
    node: u32,
    segment: LanSegment,
    ears: UdpSocket,
    mouths: IndexMap<Ipv4Addr, Mouth>,
    /// Who said hello lately, from where, and when.
    recent: IndexMap<NodeId, (SocketAddr, Instant)>,
    /// The running second, and the hellos heard in it.
    budget: (Instant, u32),
    /// There was no interface to speak on.
    mute: bool,
    foreign: Throttle,
    shared: Shared<A>,
}

impl<A: Send + 'static> Lan<A> {
    async fn run(mut self, mut hellos: mpsc::UnboundedReceiver<(u32, Hello)>) {
        let mut buffer = [0; beacon::MAX_DATAGRAM + 1];
        loop {
            let ears = self.ears.recv_from(&mut buffer);
            tokio::select! {
                hello = hellos.recv() => match hello {
                    Some((_, hello)) => self.say(hello).await,
                    None => return,
                },
                heard = ears => self.hear(heard, &buffer),
                heard = answers(&self.mouths) => if let Some((length, from, bytes)) = heard {
                    self.hear(Ok((length, from)), &bytes);
                },
            }
        }
    }

    async fn say(&mut self, mut hello: Hello) {
        self.look_at_interfaces();
        hello.address = Address::Socket(self.segment.listens);
        let Ok(datagram) = beacon::encode(&hello) else { return };
        let port = self.segment.port;
        for (interface, mouth) in &self.mouths {
            let targets = (!interface.is_loopback()).then_some(GROUP).into_iter().chain(mouth.broadcast);
            for target in targets {
                if let Err(error) = mouth.socket.send_to(&datagram, SocketAddrV4::new(target, port)).await {
                    tracing::debug!(%interface, %target, %error, "a hello cannot be said");
                }
            }
        }
        self.recent.retain(|_, (_, at)| at.elapsed() < RECENT);
        for (to, _) in self.recent.values() {
            for mouth in self.mouths.values() {
                if mouth.socket.send_to(&datagram, to).await.is_ok() {
                    break;
                }
            }
        }
    }

    /// Interfaces come and go.
    fn look_at_interfaces(&mut self) {
        let found = match if_addrs::get_if_addrs() {
            Ok(found) => found,
            Err(error) => return tracing::debug!(%error, "the interfaces cannot be listed"),
        };
        let bound = self.segment.listens.ip();
        let here: Vec<_> = found
            .into_iter()
            .filter_map(|interface| match interface.addr {
                IfAddr::V4(v4) if speaks_on(bound, v4.ip) => Some(v4),
                _ => None,
            })
            .collect();
        self.mouths.retain(|address, _| here.iter().any(|v4| v4.ip == *address));
        for v4 in here {
            if !self.mouths.contains_key(&v4.ip)
                && let Ok(socket) = own_socket(v4.ip)
            {
                // The loopback interface knows no multicast; its broadcast reaches the other nodes of the host.
                let broadcast = if v4.ip.is_loopback() { Some(Ipv4Addr::new(127, 255, 255, 255)) } else { v4.broadcast };
                self.mouths.insert(v4.ip, Mouth { socket, broadcast });
            }
        }
        if self.mouths.is_empty() && !self.mute {
            tracing::warn!(
                "there is no interface with an IPv4 address to say hello on: nobody on the local network finds this node; name others with \
                 --seed, or say --no-lan"
            );
        }
        self.mute = self.mouths.is_empty();
    }

    fn hear(&mut self, heard: io::Result<(usize, SocketAddr)>, buffer: &[u8]) {
        let Ok((length, from)) = heard else { return };
        // The port takes what comes from everywhere.
        if self.segment.listens.ip().is_loopback() && !from.ip().is_loopback() {
            return;
        }
        let now = Instant::now();
        if now - self.budget.0 >= Duration::from_secs(1) {
            self.budget = (now, 0);
        }
        self.budget.1 += 1;
        if self.budget.1 > MAX_PER_SECOND {
            return SocketCounts::count(&self.shared.counts.hellos_dropped);
        }
        let Ok(mut hello) = beacon::decode(&buffer[..length]) else {
            if let Some(count) = self.foreign.count(self.shared.clock.now()) {
                let port = self.segment.port;
                let advice = "another program uses the discovery port: if nodes do not find each other, give all of them another";
                tracing::warn!(%from, port, count, "{advice} --discovery-port");
            }
            return SocketCounts::count(&self.shared.counts.foreign_datagrams);
        };
        if let Address::Socket(socket) = &mut hello.address
            && socket.ip().is_unspecified()
        {
            socket.set_ip(from.ip());
        }
        let echo = self.recent.get(&hello.id).is_some_and(|(_, at)| now - *at < ECHO);
        if self.recent.len() < MAX_RECENT || self.recent.contains_key(&hello.id) {
            self.recent.insert(hello.id, (from, if echo { self.recent[&hello.id].1 } else { now }));
        }
        if !echo {
            self.shared.tell(Input::Hello { node: self.node, hello });
        }
    }
}

/// The next datagram that comes to a socket of the node's own.
async fn answers(mouths: &IndexMap<Ipv4Addr, Mouth>) -> Option<(usize, SocketAddr, [u8; beacon::MAX_DATAGRAM + 1])> {
    if mouths.is_empty() {
        return std::future::pending().await;
    }
    let mut buffer = [0; beacon::MAX_DATAGRAM + 1];
    let polls = mouths.values().map(|mouth| Box::pin(mouth.socket.readable()));
    let (ready, index) = first_of(polls.collect()).await;
    ready.ok()?;
    let (_, mouth) = mouths.get_index(index)?;
    let (length, from) = mouth.socket.try_recv_from(&mut buffer).ok()?;
    Some((length, from, buffer))
}

/// The first of several futures that is ready, and which.
async fn first_of<F: Future + Unpin>(mut futures: Vec<F>) -> (F::Output, usize) {
    std::future::poll_fn(|context| {
        let found = futures.iter_mut().enumerate().find_map(|(index, future)| match std::pin::Pin::new(future).poll(context) {
            std::task::Poll::Ready(output) => Some((output, index)),
            std::task::Poll::Pending => None,
        });
        found.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_listens_to_its_own_host_speaks_to_nobody_else() {
        let (own, ethernet) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 7));
        for (bound, expected) in [
            ("0.0.0.0", [true, true]),
            ("::", [true, true]),
            ("127.0.0.1", [true, false]),
            ("127.0.0.2", [true, false]),
            ("::1", [true, false]),
            ("192.0.2.7", [false, true]),
            ("192.0.2.8", [false, false]),
        ] {
            assert_eq!([own, ethernet].map(|interface| speaks_on(bound.parse().unwrap(), interface)), expected, "{bound}");
        }
    }
}
