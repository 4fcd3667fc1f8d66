//! A life of a node: the world that it lives in, and how it begins anew in another when its recording is full.

use bevy_app::App;
use bevy_ecs::prelude::*;
use tokio::sync::broadcast;

use super::chat::{ChatEventsPlugin, RefusalPlugin};
use super::config::MeshConfig;
use super::engine::{Ended, Engine, Rebuild};
use super::event::MeshEvent;
use super::events::{Events, EventsPlugin};
use super::network::{network_key, network_tag};
use super::observe::MeterPlugin;
use super::recorder::{FlightRecorder, RecordCounts};
use super::start::{StartError, random_secret};
use super::store::{Keeping, Store};
use crate::crypto::{CryptoMode, Identity, NodeId, Secret};
use crate::gate::{Command, Gate, GatePlugin, Input, NICK, NodeSpec, Output, spawn_node};
use crate::kernel::{AddressBook, Clock, Contact, Incarnation, KernelPlugin, Session, SessionPhase, Sessions, Standing, Tick, TickSystems};
use crate::mesh::MeshPlugins;
use crate::mesh::leave::Stopped;
use crate::mesh::membership::{ADDRESS, Membership};
use crate::replay::{Header, Keys, describe_protocols, key_random};
use crate::wire::{Address, CloseReason};

/// Most peers that were known before and are asked besides the seeds.
const MAX_KNOWN: usize = 64;
/// Most members that a life which follows another asks first of these.
const REMEMBERED: usize = 16;

/// What all lives of a node in one process have in common.
#[derive(Clone)]
pub struct Life {
    config: MeshConfig,
    seed: Secret,
    address: Address,
    told: Events,
    counts: RecordCounts,
}

/// What a life begins with.
pub struct Birth {
    /// The lives so far end before this number.
    incarnation: u64,
    /// Links dialled before.
    dialled: u64,
    /// Whom it asks first.
    seeds: Vec<Address>,
    /// Whom it asks besides.
    known: Vec<Address>,
    /// What stands in its namespace.
    namespace: Vec<(String, Option<Vec<u8>>)>,
}

impl Life {
    /// A node of that configuration, identity and address.
    pub fn new(config: MeshConfig, seed: Secret, address: Address) -> Self {
        Self { config, seed, address, told: Events::default(), counts: RecordCounts::default() }
    }

    /// Where its events go, while there is a world that tells any.
    pub fn told(&self) -> broadcast::WeakSender<(u32, MeshEvent)> {
        self.told.0.downgrade()
    }

    /// Whether it is recorded.
    pub fn is_recorded(&self) -> bool {
        self.config.record.is_some()
    }

    /// What the first life begins with.
    pub fn birth(&self) -> Birth {
        let nick = self.config.nick.clone().map(String::into_bytes);
        let known = self.config.known_peers.iter().map(|peer| Address::Socket(*peer)).take(MAX_KNOWN).collect();
        let seeds = self.config.seed_addresses();
        Birth { incarnation: self.config.incarnation, dialled: 0, seeds, known, namespace: vec![(NICK.to_owned(), nick)] }
    }

    /// Begins a life in `app`: its recording, then its world, of which the first tick is due at once.
    ///
    /// # Errors
    /// It cannot be recorded, or the system gives no random numbers.
    pub fn begin(&self, app: &mut App, engine: &mut Engine, birth: Birth) -> Result<(), StartError> {
        let key = self.config.network_key.as_ref();
        let salt = random_secret()?.0;
        let spec = NodeSpec {
            ordinal: 0,
            identity: Identity::from_seed(self.seed.0, CryptoMode::Real),
            network_key: network_key(&self.config.network, key),
            network_tag: network_tag(&self.config.network, key),
            address: self.address,
            seeds: birth.seeds,
            known: birth.known,
            incarnation: birth.incarnation,
            random: u64::from_le_bytes(*random_secret()?.0.first_chunk().unwrap_or(&[0; 8])),
            // Whoever replays a recording must be able to make the same keys.
            key_random: if self.is_recorded() { key_random(&self.seed, &salt) } else { random_secret()? },
        };
        self.furnish(app);
        let world = app.world_mut();
        world.insert_resource(engine.store().map_or_else(Keeping::nowhere, |store| store.keeping().clone()));
        let at = engine.now();
        if let Some(config) = &self.config.record {
            let protocols = describe_protocols(&self.config.protocols(), world.resource::<Clock>().quantum())
                .map_err(|error| StartError::Config(format!("a node that is configured so cannot be recorded: {error}")))?;
            let header = Header::new(protocols, &self.config.network, &spec, at, salt, birth.dialled);
            let keys = Keys { identity: self.seed.clone(), network: self.config.network_key.clone() };
            let nonce = *random_secret()?.0.first_chunk().unwrap_or(&[0; 12]);
            engine.record(Box::new(FlightRecorder::begin(config, &header, &keys, nonce, self.counts.clone())?));
        }
        world.resource_mut::<Gate>().continue_after(birth.dialled);
        spawn_node(world, spec, at);
        for rows in engine.store().map(Store::batches).unwrap_or_default() {
            engine.enter(Input::Restore { node: 0, rows });
        }
        for (key, value) in birth.namespace {
            // Even if there is nothing to say, the first tick is due now.
            engine.enter(Input::Command { node: 0, command: Command::SetKey { key, value } });
        }
        Ok(())
    }

    /// What every life has around it.
    fn furnish(&self, app: &mut App) {
        app.insert_resource(self.told.clone()).insert_resource(self.counts.clone());
        let mesh = MeshPlugins(self.config.protocols());
        app.add_plugins((KernelPlugin::default(), MeterPlugin::default(), mesh, GatePlugin, EventsPlugin));
        app.add_plugins((RefusalPlugin, ChatEventsPlugin));
        app.add_systems(Tick, end_with_node.in_set(TickSystems::Observe)).init_resource::<Ended>();
    }

    /// How another life follows one whose recording is full.
    pub fn rebuild(self) -> Rebuild {
        Box::new(move |engine, world| {
            engine.end_record(world);
            let mut fresh = App::empty();
            match self.begin(&mut fresh, engine, self.rebirth(world)) {
                Ok(()) => {
                    self.part(engine, world);
                    tracing::info!("the recording is full: the node closes its sessions and begins anew in the next part");
                    Some(std::mem::take(fresh.world_mut()))
                }
                Err(error) => {
                    self.counts.fail();
                    tracing::error!("the node goes on unrecorded: {error}");
                    None
                }
            }
        })
    }

    /// What the life after that in `world` begins with.
    fn rebirth(&self, world: &World) -> Birth {
        let gate = world.resource::<Gate>();
        let mut birth = Birth { dialled: gate.dialled(), ..self.birth() };
        let Some(node) = gate.node(0) else { return birth };
        birth.incarnation = world.get::<Incarnation>(node).map_or(birth.incarnation, |it| it.0);
        if let Some(book) = world.get::<AddressBook>(node) {
            let members = book.iter().filter(|(_, peer)| peer.standing == Standing::Alive && peer.address.is_public());
            birth.known.splice(..0, members.map(|(_, peer)| peer.address).take(REMEMBERED));
            birth.known.truncate(MAX_KNOWN);
        }
        if let (Some(membership), Some(contact)) = (world.get::<Membership>(node), world.get::<Contact>(node)) {
            let own = membership.namespace(&contact.id).filter(|(key, _)| *key != ADDRESS);
            birth.namespace = own.map(|(key, value)| (key.to_owned(), Some(value.to_vec()))).collect();
        }
        if birth.namespace.is_empty() {
            birth.namespace.push((NICK.to_owned(), None));
        }
        birth
    }

    /// Ends the links of a life, after what they still have to send, and tells of it.
    fn part(&self, engine: &mut Engine, world: &World) {
        let (at, reason) = (engine.now(), CloseReason::Leaving);
        let gate = world.resource::<Gate>();
        let mut outputs: Vec<Output> = gate.links().map(|link| Output::HangUp { link, reason, at }).collect();
        outputs.push(Output::Vanish { node: 0 });
        if let Some(sockets) = engine.sockets() {
            sockets.carry(&mut outputs);
        }
        for id in gate.node(0).into_iter().flat_map(|node| open_peers(world, node)) {
            // Nobody may have subscribed.
            let _ = self.told.0.send((0, MeshEvent::Disconnected { id, reason }));
        }
    }
}

fn open_peers(world: &World, node: Entity) -> impl Iterator<Item = NodeId> {
    let sessions = world.get::<Sessions>(node).into_iter().flat_map(|all| all.iter());
    let open = sessions.filter_map(|session| world.get::<Session>(session)).filter(|state| state.phase == SessionPhase::Established);
    open.filter_map(|state| state.remote)
}

fn end_with_node(mut stopped: MessageReader<Stopped>, mut ended: ResMut<Ended>) {
    if stopped.read().count() > 0 {
        ended.0 = true;
    }
}
