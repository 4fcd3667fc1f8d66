//! A node is brought up: its sockets, its world, and what serves its metrics.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use bevy_app::App;
use bevy_ecs::prelude::*;

use super::advertise::reachable;
use super::clock::WallClock;
use super::config::MeshConfig;
use super::engine::{Engine, Request};
use super::life::Life;
use super::link_model::LinkShaper;
use super::node::{MeshNode, Shared};
use super::observe::{self, Backlog, Scrape, Server, SocketCounts};
use super::recorder::RecordError;
use super::sockets::{self, BindError, Event, LanError, LanSegment, Names, Sockets};
use super::store::Store;
use crate::crypto::{CryptoMode, Identity, NodeId, Secret};
use crate::gate::Link;
use crate::kernel::Instant;
use crate::scenario;
use crate::trial::Plan;
use crate::wire::Address;

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

/// Builds the world of a node that is about to run, and its handle.
pub(super) fn prepare(config: MeshConfig) -> Result<(MeshNode, World), StartError> {
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
    if let Some(told) = config.advertise {
        let broadcast = matches!(told.ip(), IpAddr::V4(ip) if ip.is_broadcast());
        if told.port() == 0 || told.ip().is_unspecified() || told.ip().is_multicast() || broadcast {
            return Err(StartError::Config(format!(
                "nobody can dial {told}: advertise the address and port at which others reach this node"
            )));
        }
    }
    let listener = sockets::bind(config.bind_addr)?;
    let local_addr = listener.local_addr()?;
    let names = config.seed_names();
    let towards: Vec<SocketAddr> = config.seeds.iter().filter_map(|seed| seed.parse().ok()).chain(config.known_peers.clone()).collect();
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
    match &config.data_dir {
        Some(folder) => engine.keep_in(Store::open(folder)),
        // A life that follows another shall know what that one knew.
        None if config.record.is_some() => engine.keep_in(Store::in_memory()),
        None => {}
    }
    if let Some(path) = &config.link_model {
        engine.shape(Box::new(link_model(path, &id, engine.now())?));
    }
    let network = config.network.clone();
    let life = Life::new(config, seed, Address::Socket(address));
    let told = life.told();
    life.begin(app, &mut engine, life.birth())?;
    let closed = engine.closed();
    app.insert_resource(engine);
    let shared = Shared { events, told, closed, room: Shared::room(), id, local_addr, address, network, metrics };
    Ok((MeshNode { shared: Arc::new(shared) }, life))
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
                note_backlogs(world);
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
    let address = wait.recv().map_err(std::io::Error::other)??;
    if !address.ip().is_loopback() {
        let port = address.port();
        tracing::warn!(%address, "metrics are shown to everybody who reaches this address; for this machine only, use --metrics {port}");
    }
    Ok(address)
}

/// Says what sockets count, and how much waits at each link.
fn note_backlogs(world: &mut World) {
    world.resource_scope(|world, mut engine: Mut<Engine>| {
        let Some(sockets) = engine.sockets() else { return };
        world.insert_resource(SocketCounts(sockets.counts()));
        let links: Vec<(Entity, (usize, usize))> =
            world.query::<(Entity, &Link)>().iter(world).map(|(session, link)| (session, sockets.backlog(link.id))).collect();
        for (session, (frames, bytes)) in links {
            world.entity_mut(session).insert(Backlog { frames: frames as u32, bytes: bytes as u64 });
        }
    });
}

pub(super) fn random_secret() -> Result<Secret, StartError> {
    let mut secret = Secret([0; 32]);
    getrandom::fill(&mut secret.0).map_err(|error| StartError::System(std::io::Error::other(error.to_string())))?;
    Ok(secret)
}
