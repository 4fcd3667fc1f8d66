//! Nodes that find each other and talk, for as long as somebody looks on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bevy_app::App;
use tokio::sync::broadcast;

use super::listen_all;
use crate::crypto::{CryptoMode, Identity, Secret};
use crate::gate::{Command, GatePlugin, Input, NICK, NodeSpec, spawn_node};
use crate::kernel::{Instant, KernelPlugin};
use crate::live::MeshEvent;
use crate::live::clock::WallClock;
use crate::live::config::MeshConfig;
use crate::live::engine::{self, Ended, Engine, Request};
use crate::live::events::{Events, EventsPlugin};
use crate::live::network::{network_key, network_tag};
use crate::live::observe::MeterPlugin;
use crate::live::sockets::{Event, Names, Sockets};
use crate::live::start::{StartError, random_secret, serve_metrics};
use crate::mesh::MeshPlugins;
use crate::wire::limits::MAX_PAYLOAD;
use crate::wire::{Address, Payload};

/// What a swarm is started with.
#[derive(Clone, Debug)]
pub struct SwarmConfig {
    /// How many nodes.
    pub nodes: u32,
    /// How they are configured: degrees, intervals, network.
    pub mesh: MeshConfig,
    /// What they say.
    pub load: Option<Load>,
    /// Serve the metrics of all nodes there.
    pub metrics: Option<SocketAddr>,
}

/// What the nodes of a swarm say, in turn.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Broadcasts per second of all nodes together.
    pub rate: f64,
    /// Bytes of each.
    pub size: usize,
}

/// Most broadcasts per second that can be asked for.
pub const MAX_RATE: f64 = 1e6;
/// Most broadcasts that are said at once. What a machine is too slow for is not said later.
const MAX_CATCH_UP: usize = 1_000;

impl SwarmConfig {
    fn check(&self) -> Result<(), StartError> {
        let wrong = |message: String| Err(StartError::Config(message));
        if self.nodes == 0 {
            return wrong("a swarm has at least one node (--nodes)".to_owned());
        }
        let Some(Load { rate, size }) = self.load else { return Ok(()) };
        if !(rate > 0.0 && rate <= MAX_RATE) {
            return wrong(format!("the rate is more than 0 and at most {MAX_RATE} broadcasts a second, and {rate} is not (--rate)"));
        }
        if size > MAX_PAYLOAD {
            return wrong(format!("a broadcast has at most {MAX_PAYLOAD} bytes, and {size} are more (--size)"));
        }
        Ok(())
    }
}

/// A swarm that runs, on a thread of its own, until it is told to stop or dropped.
pub struct Swarm {
    events: mpsc::Sender<Event<Request>>,
    told: broadcast::WeakSender<(u32, MeshEvent)>,
    metrics: Option<SocketAddr>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Swarm {
    /// Starts a swarm: the first node is the seed of all others.
    ///
    /// # Errors
    /// Why it does not start.
    pub fn start(config: SwarmConfig) -> Result<Self, StartError> {
        config.check()?;
        let (listeners, addresses) = listen_all(config.nodes)?;
        let (events, inbox) = mpsc::channel();
        let clock = WallClock::unix();
        let mut sockets = Sockets::new(events.clone(), clock, Names::of_nodes(addresses.clone()), config.mesh.connect_timeout)?;
        for (node, listener) in listeners.into_iter().enumerate() {
            sockets.listen(node as u32, listener)?;
        }
        let metrics = config.metrics.map(|address| serve_metrics(address, &sockets, events.clone())).transpose()?;

        // Nobody talks through the nodes of a swarm.
        let protocols = MeshConfig { chat: false, ..config.mesh.clone() }.protocols();
        let mut app = App::empty();
        let meter = MeterPlugin { listening: addresses, ..MeterPlugin::default() };
        app.add_plugins((KernelPlugin::default(), meter, MeshPlugins(protocols), GatePlugin, EventsPlugin));
        app.init_resource::<Ended>();
        let told = app.world().resource::<Events>().0.downgrade();
        let mut world = std::mem::take(app.world_mut());
        let mut engine = Engine::new(clock, sockets, inbox);
        let (name, key) = (&config.mesh.network, config.mesh.network_key.as_ref());
        for ordinal in 0..config.nodes {
            let Secret(seed) = random_secret()?;
            let spec = NodeSpec {
                ordinal,
                identity: Identity::from_seed(seed, CryptoMode::Real),
                network_key: network_key(name, key),
                network_tag: network_tag(name, key),
                address: Address::Memory(ordinal),
                seeds: (ordinal > 0).then_some(Address::Memory(0)).into_iter().collect(),
                known: Vec::new(),
                incarnation: 0,
                random: u64::from(ordinal) ^ u64::from_le_bytes(*random_secret()?.0.first_chunk().unwrap_or(&[0; 8])),
                key_random: random_secret()?,
            };
            spawn_node(&mut world, spec, engine.now());
            let nick = Command::SetKey { key: NICK.to_owned(), value: Some(format!("node-{ordinal}").into_bytes()) };
            engine.enter(Input::Command { node: ordinal, command: nick });
        }
        world.insert_resource(engine);
        let (nodes, load) = (config.nodes, config.load);
        #[expect(clippy::disallowed_methods, reason = "a node in wall time waits on a thread of its own")]
        let thread = std::thread::Builder::new().name("mesh".into()).spawn(move || {
            speak(&mut world, nodes, load);
            engine::close(&mut world);
        })?;
        Ok(Self { events, told, metrics, thread: Some(thread) })
    }

    /// Where it serves metrics, if it does.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// What happens at its nodes from now on, with the ordinal of each. It is closed when the swarm has ended.
    pub fn subscribe(&self) -> broadcast::Receiver<(u32, MeshEvent)> {
        self.told.upgrade().unwrap_or_else(|| broadcast::Sender::new(1)).subscribe()
    }

    /// Lets node `ordinal` say something to all.
    pub fn publish(&self, ordinal: u32, payload: impl Into<Arc<[u8]>>) {
        let command = Command::Publish(Payload(payload.into()));
        let request: Request = Box::new(move |world| {
            if let Some(mut engine) = world.get_resource_mut::<Engine>() {
                engine.enter(Input::Command { node: ordinal, command });
            }
        });
        let _ = self.events.send(Event::Ask(request));
    }

    /// Does something with the world, between two ticks.
    pub fn ask(&self, what: impl FnOnce(&mut bevy_ecs::world::World) + Send + 'static) {
        let _ = self.events.send(Event::Ask(Box::new(what)));
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Ask(Box::new(|world| world.insert_resource(Ended(true)))));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Moves the world, and lets its nodes say what the load asks for.
fn speak(world: &mut bevy_ecs::world::World, nodes: u32, load: Option<Load>) {
    let gap = load.map(|load| Duration::from_secs_f64((1.0 / load.rate).min(1e6)));
    let mut next = world.resource::<Engine>().now() + gap.unwrap_or_default();
    let mut count = 0_u64;
    while engine::step(world, if load.is_some() { next } else { Instant::NEVER }) {
        let (Some(load), Some(gap)) = (load, gap) else { continue };
        let mut engine = world.resource_mut::<Engine>();
        let now = engine.now();
        for _ in 0..MAX_CATCH_UP {
            if next > now {
                break;
            }
            // Whoever hears it can tell how long it took.
            let mut payload = vec![0; load.size.max(8)];
            payload[..8].copy_from_slice(&now.as_nanos().to_le_bytes());
            let command = Command::Publish(Payload(payload.into()));
            engine.enter(Input::Command { node: (count % u64::from(nodes.max(1))) as u32, command });
            count += 1;
            next = next + gap;
        }
        next = next.max(now);
    }
}
