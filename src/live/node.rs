//! A node as a library: started, asked, told, stopped.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use bevy_app::App;
use bevy_ecs::prelude::*;
use tokio::sync::{broadcast, oneshot};

use super::advertise::reachable;
use super::clock::WallClock;
use super::config::MeshConfig;
use super::engine::{self, Ended, Engine, Request};
use super::events::MeshEvent;
use super::life::Life;
use super::link_model::LinkShaper;
use super::observe::{self, Scrape, Server};
use super::recorder::RecordError;
use super::sockets::{self, BindError, Event, LanError, LanSegment, Names, Sockets};
use crate::crypto::{CryptoMode, Identity, NodeId, Secret};
use crate::gate::{Command, Gate, Input, NICK};
use crate::kernel::{AddressBook, Instant, Neighbors, Session, SessionPhase, Sessions, Standing};
use crate::mesh::liveness::RoundTrip;
use crate::mesh::membership::Membership;
use crate::scenario;
use crate::trial::Plan;
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
    shared: Arc<Shared>,
}

struct Shared {
    events: mpsc::Sender<Event<Request>>,
    told: broadcast::Sender<(u32, MeshEvent)>,
    id: NodeId,
    local_addr: SocketAddr,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
}

/// Why a node does not start.
#[derive(thiserror::Error, Debug)]
pub enum StartError {
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It cannot hear hellos.
    #[error(transparent)]
    Lan(#[from] LanError),
    /// It cannot serve metrics.
    #[error(transparent)]
    Metrics(#[from] observe::BindError),
    /// The system gives no threads, files or random numbers.
    #[error("the system is out of something: {0}")]
    System(#[from] std::io::Error),
    /// It cannot record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The configuration makes no sense.
    #[error("the configuration is wrong: {0}")]
    Config(String),
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

    fn command(&self, command: Command) -> Result<(), NodeStopped> {
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

/// Builds the world of a node that is about to run, and its handle.
fn prepare(config: MeshConfig) -> Result<(MeshNode, World), StartError> {
    let mut app = App::empty();
    let (node, life) = bring_up(&mut app, config)?;
    let mut world = std::mem::take(app.world_mut());
    if life.is_recorded() {
        world.resource_mut::<Engine>().rebuild_with(life.rebuild());
    }
    Ok((node, world))
}

/// Adds a node to `app`, which has neither kernel nor protocols yet. The node lives as long as [`turn`](super::engine::turn) is called on
/// the app's world, as by a system in its main schedule:
///
/// ```
/// use bevy_app::{App, Update};
/// use bevy_ecs::world::World;
/// use murmuration::live::{MeshConfig, engine, install};
///
/// let mut app = App::new();
/// let config = MeshConfig { bind_addr: "127.0.0.1:0".parse().unwrap(), lan: false, ..MeshConfig::default() };
/// let node = install(&mut app, config)?;
/// app.add_systems(Update, |world: &mut World| {
///     engine::turn(world);
/// });
/// app.update();
/// # Ok::<(), murmuration::live::StartError>(())
/// ```
///
/// The app's world is not the node's to build anew: a recording ends when its part is full, and cannot be replayed if systems of the app change
/// what the node knows.
///
/// # Errors
/// As [`MeshNode::start`].
pub fn install(app: &mut App, config: MeshConfig) -> Result<MeshNode, StartError> {
    bring_up(app, config).map(|(node, _)| node)
}

fn bring_up(app: &mut App, config: MeshConfig) -> Result<(MeshNode, Life), StartError> {
    if config.min_degree > config.max_degree {
        return Err(StartError::Config(format!("min_degree {} is more than max_degree {}", config.min_degree, config.max_degree)));
    }
    let listener = sockets::bind(config.bind_addr)?;
    let local_addr = listener.local_addr()?;
    let (seeds, names) = (config.seed_addresses(), config.seed_names());
    let towards: Vec<SocketAddr> =
        seeds.iter().filter_map(|seed| if let Address::Socket(socket) = seed { Some(*socket) } else { None }).collect();
    let address = config.advertise.unwrap_or_else(|| reachable(local_addr, &towards));

    let seed = match &config.keypair_seed {
        Some(seed) => seed.clone(),
        None => random_secret()?,
    };
    let id = Identity::from_seed(seed.0, CryptoMode::Real).id();
    let (events, inbox) = mpsc::channel();
    let clock = WallClock::unix();
    let mut sockets = Sockets::new(events.clone(), clock, Names::of_seeds(names), config.connect_timeout)?;
    sockets.listen(0, listener)?;
    if config.lan {
        // Whoever hears the hello of a node that listens everywhere knows best under which of its addresses.
        let listens = config.advertise.unwrap_or(local_addr);
        sockets.join_lan(0, LanSegment { port: config.discovery_port, listens })?;
    }

    let metrics = config.metrics.map(|address| serve_metrics(address, &sockets, events.clone())).transpose()?;

    let mut engine = Engine::new(clock, sockets, inbox);
    if let Some(path) = &config.link_model {
        engine.shape(Box::new(link_model(path, &id, engine.now())?));
    }
    let life = Life::new(config, seed, Address::Socket(address));
    let told = life.told();
    life.begin(app, &mut engine, life.birth(seeds))?;
    app.insert_resource(engine);
    Ok((MeshNode { shared: Arc::new(Shared { events, told, id, local_addr, address, metrics }) }, life))
}

/// The link model of the scenario at `path`, which begins now.
fn link_model(path: &Path, me: &NodeId, now: Instant) -> Result<LinkShaper, StartError> {
    let wrong = |error: &dyn std::fmt::Display| StartError::Config(format!("the link model cannot be used: {error}"));
    let loaded = scenario::load(&path.to_string_lossy()).map_err(|error| wrong(&error))?;
    scenario::check(&loaded).map_err(|error| wrong(&error))?;
    let plan = Plan::new(&loaded.scenario, loaded.scenario.seed, 1).map_err(|error| wrong(&error))?;
    Ok(LinkShaper::for_node(Arc::new(plan), me, now))
}

/// Serves metrics, health and statistics of the world whose thread listens to `events`; returns where.
///
/// # Errors
/// The address cannot be used.
pub(super) fn serve_metrics(
    address: SocketAddr,
    sockets: &Sockets<Request>,
    events: mpsc::Sender<Event<Request>>,
) -> Result<SocketAddr, StartError> {
    let runtime = sockets.runtime().ok_or_else(|| std::io::Error::other("the sockets are closed"))?;
    let (source, mut scrapes) = tokio::sync::mpsc::channel::<Scrape>(4);
    runtime.spawn(async move {
        while let Some(scrape) = scrapes.recv().await {
            let answer: Request = Box::new(move |world| {
                engine::note_backlogs(world);
                let now = world.resource::<Engine>().now();
                scrape.answer(world, now);
            });
            if events.send(Event::Ask(answer)).is_err() {
                return;
            }
        }
    });
    let (bound, wait) = mpsc::channel();
    runtime.spawn(async move {
        match Server::bind(address, source).await {
            Ok(server) => {
                let _ = bound.send(Ok(server.address()));
                server.serve(std::future::pending()).await;
            }
            Err(error) => {
                let _ = bound.send(Err(error));
            }
        }
    });
    Ok(wait.recv().map_err(std::io::Error::other)??)
}

pub(super) fn random_secret() -> Result<Secret, StartError> {
    let mut secret = Secret([0; 32]);
    getrandom::fill(&mut secret.0).map_err(|error| StartError::System(std::io::Error::other(error.to_string())))?;
    Ok(secret)
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
