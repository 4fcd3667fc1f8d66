//! A node as a library: started, asked, told, stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;

use bevy_ecs::prelude::*;
use tokio::sync::{broadcast, oneshot};

use super::config::MeshConfig;
use super::engine::{self, Ended, Engine, Request};
use super::events::MeshEvent;
use super::sockets::Event;
use super::start::{StartError, prepare};
use crate::crypto::NodeId;
use crate::gate::{Command, Gate, Input, NICK};
use crate::kernel::{AddressBook, Neighbors, Session, SessionPhase, Sessions, Standing};
use crate::mesh::liveness::RoundTrip;
use crate::mesh::membership::Membership;
use crate::wire::chat::MAX_TEXT;
use crate::wire::limits::MAX_PAYLOAD;
use crate::wire::{Address, Payload};

/// A node that runs, on a thread of its own. When the last handle is dropped it stops without a goodbye; [`shutdown`](Self::shutdown)
/// says one.
///
/// ```
/// use murmuration::live::{MeshConfig, MeshEvent, MeshNode};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let quiet = || MeshConfig { bind_addr: "127.0.0.1:0".parse().unwrap(), lan: false, ..MeshConfig::default() };
/// let alice = MeshNode::start(MeshConfig { nick: Some("alice".into()), ..quiet() }).await?;
/// let bob = MeshNode::start(MeshConfig { seeds: vec![alice.local_addr().to_string()], ..quiet() }).await?;
///
/// let mut events = bob.subscribe();
/// while !matches!(events.recv().await?, MeshEvent::NodeJoined(id) if id.0 == alice.pub_key()) {}
///
/// alice.broadcast(b"hello".as_slice())?;
/// let heard = loop {
///     if let MeshEvent::BroadcastReceived { payload, .. } = events.recv().await? {
///         break payload;
///     }
/// };
/// assert_eq!(&*heard, b"hello");
/// assert_eq!(bob.members().await?[0].nick.as_deref(), Some("alice"));
/// bob.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MeshNode {
    pub(super) shared: Arc<Shared>,
}

/// What all handles of a node have in common.
pub(super) struct Shared {
    pub(super) events: mpsc::Sender<Event<Request>>,
    pub(super) told: broadcast::Sender<(u32, MeshEvent)>,
    pub(super) id: NodeId,
    pub(super) local_addr: SocketAddr,
    pub(super) address: SocketAddr,
    pub(super) network: String,
    pub(super) metrics: Option<SocketAddr>,
}

/// The node has stopped.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
#[error("the node has stopped")]
pub struct NodeStopped;

/// Why something is not said.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The node has stopped.
    #[error(transparent)]
    Stopped(#[from] NodeStopped),
    /// It is too long.
    #[error("{0} bytes are more than the {MAX_PAYLOAD} that fit into one message: split it")]
    TooLong(usize),
    /// It is too long for a text.
    #[error("a text of {0} bytes is longer than the {MAX_TEXT} allowed: split it")]
    TextTooLong(usize),
    /// There is nothing in it.
    #[error("there is nothing to say")]
    Empty,
}

/// A member of the mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberInfo {
    /// Its name.
    pub node_id: NodeId,
    /// Its public key, which is its name.
    pub pub_key: [u8; 32],
    /// What it calls itself.
    pub nick: Option<String>,
    /// How it stands with this node.
    pub standing: Standing,
    /// Where it is reached.
    pub address: Option<Address>,
}

/// A session that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionInfo {
    /// With whom.
    pub node_id: NodeId,
    /// Where it was dialled or comes from.
    pub address: Address,
    /// Whether it is a link of the mesh.
    pub neighbor: bool,
    /// Whether this node dialled.
    pub dialled: bool,
    /// Round-trip times.
    pub round_trip: RoundTrip,
}

impl MeshNode {
    /// Starts a node.
    ///
    /// # Errors
    /// Why it does not start; each says what to do.
    #[expect(clippy::disallowed_methods, reason = "a node in wall time waits on a thread of its own")]
    pub async fn start(config: MeshConfig) -> Result<Self, StartError> {
        let (node, world) = prepare(config)?;
        std::thread::Builder::new().name("mesh".into()).spawn(move || engine::run(world)).map(drop)?;
        Ok(node)
    }

    /// Its public key, by which others know it.
    pub fn pub_key(&self) -> [u8; 32] {
        self.shared.id.0
    }

    /// Its name.
    pub fn id(&self) -> NodeId {
        self.shared.id
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.local_addr
    }

    /// The address that it tells others.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Where it serves metrics, if it does.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.shared.metrics
    }

    /// Changes what others call it.
    ///
    /// # Errors
    /// It has stopped.
    pub fn set_nick(&self, nick: &str) -> Result<(), NodeStopped> {
        self.command(Command::SetKey { key: NICK.to_owned(), value: Some(nick.as_bytes().to_vec()) })
    }

    /// Says something to all members, those included that are cut off now and come back while it is kept.
    ///
    /// # Errors
    /// It is longer than [`MAX_PAYLOAD`], or the node has stopped.
    pub fn broadcast(&self, payload: impl Into<Arc<[u8]>>) -> Result<(), SendError> {
        let payload = payload.into();
        if payload.len() > MAX_PAYLOAD {
            return Err(SendError::TooLong(payload.len()));
        }
        Ok(self.command(Command::Publish(Payload(payload)))?)
    }

    /// The members that it knows of, itself not included.
    ///
    /// # Errors
    /// It has stopped.
    pub async fn members(&self) -> Result<Vec<MemberInfo>, NodeStopped> {
        self.ask(|world, node| members(world, node)).await
    }

    /// Its open sessions.
    ///
    /// # Errors
    /// It has stopped.
    pub async fn connections(&self) -> Result<Vec<ConnectionInfo>, NodeStopped> {
        self.ask(|world, node| connections(world, node)).await
    }

    /// What happens from now on. Who does not read fast enough loses the oldest events and is told how many.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.shared.told.subscribe())
    }

    /// Says goodbye, and stops. Others report the departure at once.
    pub async fn shutdown(&self) {
        let mut events = self.subscribe();
        if self.command(Command::Shutdown).is_ok() {
            while events.recv().await.is_ok_and(|event| event != MeshEvent::Stopped) {}
        }
    }

    /// Does something with the world of the node, between two ticks, and returns what comes of it. A recording does not know of it: a node
    /// that is recorded may be looked at so, but not changed.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn ask<T: Send + 'static>(&self, what: impl FnOnce(&mut World, Entity) -> T + Send + 'static) -> Result<T, NodeStopped> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |world| {
            if let Some(node) = world.resource::<Gate>().node(0) {
                let _ = answer.send(what(world, node));
            }
        });
        self.shared.events.send(Event::Ask(request)).map_err(|_| NodeStopped)?;
        answered.await.map_err(|_| NodeStopped)
    }

    pub(super) fn command(&self, command: Command) -> Result<(), NodeStopped> {
        let request: Request = Box::new(move |world| {
            if let Some(mut engine) = world.get_resource_mut::<Engine>() {
                engine.enter(Input::Command { node: 0, command });
            }
        });
        self.shared.events.send(Event::Ask(request)).map_err(|_| NodeStopped)
    }
}

/// What happens at a node, from the moment of subscribing.
pub struct Subscription(broadcast::Receiver<(u32, MeshEvent)>);

impl Subscription {
    /// The next event.
    ///
    /// # Errors
    /// The node has stopped, or so many events were missed.
    pub async fn recv(&mut self) -> Result<MeshEvent, broadcast::error::RecvError> {
        self.0.recv().await.map(|(_, event)| event)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The sockets and the server of metrics can still speak to the world: it does not end by itself.
        let _ = self.events.send(Event::Ask(Box::new(|world| world.insert_resource(Ended(true)))));
    }
}

fn members(world: &World, node: Entity) -> Vec<MemberInfo> {
    let (Some(membership), Some(book)) = (world.get::<Membership>(node), world.get::<AddressBook>(node)) else { return Vec::new() };
    let info = |id: &NodeId| {
        let peer = book.get(id);
        MemberInfo {
            node_id: *id,
            pub_key: id.0,
            nick: membership.get(id, NICK).map(|nick| String::from_utf8_lossy(nick).into_owned()),
            standing: peer.map_or(Standing::Heard, |peer| peer.standing),
            address: peer.map(|peer| peer.address),
        }
    };
    membership.members().map(info).collect()
}

fn connections(world: &World, node: Entity) -> Vec<ConnectionInfo> {
    let Some(sessions) = world.get::<Sessions>(node) else { return Vec::new() };
    let info = |session: Entity| {
        let state = world.get::<Session>(session).filter(|state| state.phase == SessionPhase::Established)?;
        let node_id = state.remote?;
        Some(ConnectionInfo {
            node_id,
            address: state.reach.unwrap_or(state.address),
            neighbor: world.get::<Neighbors>(node).is_some_and(|all| all.contains(&node_id)),
            dialled: state.role.is_initiator(),
            round_trip: world.get::<RoundTrip>(session).copied().unwrap_or_default(),
        })
    };
    sessions.iter().filter_map(info).collect()
}
