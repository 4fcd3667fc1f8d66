//! A node as a library: started, asked, told, stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;

use bevy_ecs::prelude::*;
use tokio::sync::{Semaphore, broadcast, oneshot, watch};

use super::config::MeshConfig;
use super::engine::{self, Ended, Engine, Request};
use super::event::MeshEvent;
use super::sockets::Event;
use super::start::{StartError, prepare};
use super::view::{ConnectionInfo, MemberInfo, connections, members};
use crate::crypto::NodeId;
use crate::gate::{Command, Gate, Input, NICK};
use crate::kernel::Incarnation;
use crate::mesh::admission::{Admission, AdmissionState};
use crate::wire::Payload;
use crate::wire::chat::MAX_TEXT;
use crate::wire::limits::MAX_PAYLOAD;

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

/// Most commands that wait for the world.
const MAX_WAITING: usize = 4_096;

/// What all handles of a node have in common.
pub(super) struct Shared {
    pub(super) events: mpsc::Sender<Event<Request>>,
    /// Events come while there is a world: handles do not keep subscribers waiting.
    pub(super) told: broadcast::WeakSender<(u32, MeshEvent)>,
    pub(super) closed: watch::Receiver<bool>,
    /// Room for commands that wait.
    pub(super) room: Arc<Semaphore>,
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

/// The thread of the node has died.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
#[error("the node has died of a mistake in this program, which stands above: start it again, and please report it")]
pub struct NodeDied;

/// Why something is not said.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The node has stopped.
    #[error(transparent)]
    Stopped(#[from] NodeStopped),
    /// The node has not yet done what it was told before.
    #[error("{MAX_WAITING} commands wait for the node already: say it again later, and less often")]
    Busy,
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

impl Shared {
    /// Room for as many commands as may wait.
    pub(super) fn room() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MAX_WAITING))
    }
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
    /// It has stopped, or has too much to do.
    pub fn set_nick(&self, nick: &str) -> Result<(), SendError> {
        self.limited(Command::SetKey { key: NICK.to_owned(), value: Some(nick.as_bytes().to_vec()) })
    }

    /// Says something to all members, those included that are cut off now and come back while it is kept.
    ///
    /// # Errors
    /// It is longer than [`MAX_PAYLOAD`], or the node has stopped, or 4,096 commands wait for it already.
    pub fn broadcast(&self, payload: impl Into<Arc<[u8]>>) -> Result<(), SendError> {
        let payload = payload.into();
        if payload.len() > MAX_PAYLOAD {
            return Err(SendError::TooLong(payload.len()));
        }
        self.limited(Command::Publish(Payload(payload)))
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

    /// The number of its present life, which begins a later one when others are found to hold more of it than it has said.
    ///
    /// # Errors
    /// It has stopped.
    pub async fn incarnation(&self) -> Result<u64, NodeStopped> {
        self.ask(|world, node| world.get::<Incarnation>(node).map_or(0, |it| it.0)).await
    }

    /// Whether its network is by invitation: because it was told so, or because it was in one when it ended last.
    ///
    /// # Errors
    /// It has stopped.
    pub async fn is_by_invitation(&self) -> Result<bool, NodeStopped> {
        self.ask(|world, node| world.get::<Admission>(node).is_some_and(|admission| admission.state() != AdmissionState::Open)).await
    }

    /// What happens from now on. Who does not read fast enough loses the oldest events and is told how many.
    pub fn subscribe(&self) -> Subscription {
        // Of a node that has ended nothing comes.
        let told = self.shared.told.upgrade().unwrap_or_else(|| broadcast::Sender::new(1));
        Subscription(told.subscribe())
    }

    /// Says goodbye, and stops. Others report the departure at once. When it returns the recording is whole and the sockets are closed.
    pub async fn shutdown(&self) {
        if self.command(Command::Shutdown, ()).is_ok() {
            // Of a node that has died there is nothing to wait for.
            let _ = self.ended().await;
        }
    }

    /// Waits until the node has ended, whoever ended it.
    ///
    /// # Errors
    /// Its thread has died of a panic, which was written to the standard error.
    pub async fn ended(&self) -> Result<(), NodeDied> {
        self.shared.closed.clone().wait_for(|closed| *closed).await.map(drop).map_err(|_| NodeDied)
    }

    /// Does something with the world of the node, between two ticks, and returns what comes of it. What the node was told before it has
    /// done by then. A recording does not know of it: a node
    /// that is recorded may be looked at so, but not changed.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn ask<T: Send + 'static>(&self, what: impl FnOnce(&mut World, Entity) -> T + Send + 'static) -> Result<T, NodeStopped> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |world| {
            engine::take_in(world);
            if let Some(node) = world.resource::<Gate>().node(0) {
                let _ = answer.send(what(world, node));
            }
        });
        self.shared.events.send(Event::Ask(request)).map_err(|_| NodeStopped)?;
        answered.await.map_err(|_| NodeStopped)
    }

    /// Has the node obey, unless too much waits for it.
    pub(super) fn limited(&self, command: Command) -> Result<(), SendError> {
        let room = self.shared.room.clone().try_acquire_owned().map_err(|_| SendError::Busy)?;
        Ok(self.command(command, room)?)
    }

    /// Has the node obey. What `held` holds is held until the world knows of the command.
    fn command(&self, command: Command, held: impl Send + 'static) -> Result<(), NodeStopped> {
        let request: Request = Box::new(move |world| {
            drop(held);
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
    /// The node has stopped and there are no more, or so many were missed.
    pub async fn recv(&mut self) -> Result<MeshEvent, broadcast::error::RecvError> {
        self.0.recv().await.map(|(_, event)| event)
    }

    /// The next event if it is there already.
    pub(super) fn try_recv(&mut self) -> Option<MeshEvent> {
        self.0.try_recv().ok().map(|(_, event)| event)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The sockets and the server of metrics can still speak to the world: it does not end by itself.
        let _ = self.events.send(Event::Ask(Box::new(|world| world.insert_resource(Ended(true)))));
    }
}
