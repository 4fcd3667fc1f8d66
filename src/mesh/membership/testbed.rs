//! A small mesh for tests: nodes with given links, whose frames take a constant time and may be lost.

use std::collections::BTreeMap;
use std::time::Duration;

use bevy_app::App;
use bevy_ecs::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::crypto::{CryptoMode, Identity, NodeId};
use crate::kernel::{
    AddressBook, AppAgendaExt, Channel, Clock, Contact, FrameIn, FrameOut, Instant, KernelPlugin, Keys, Neighbor, NeighborUp, Neighbors,
    Node, NodeRng, NodeStarted, NodeState, Role, Service, Session, SessionOf, SessionPhase, Standing, Tick, TickSystems, forbid_ambiguity,
    next_due, run_tick,
};
use crate::mesh::detection::{DetectionConfig, DetectionPlugin, Suspected};
use crate::mesh::membership::{Heartbeat, MemberForgotten, MemberJoined, Membership, MembershipConfig, MembershipPlugin};
use crate::wire::{Address, Frame};

const LATENCY: Duration = Duration::from_millis(5);

/// The frames under way, and those that are lost.
#[derive(Resource)]
struct Air {
    under_way: BTreeMap<(Instant, u64), (Entity, Frame)>,
    sequence: u64,
    loss: f64,
    rng: ChaCha8Rng,
}

/// The session at the other end.
#[derive(Component, Clone, Copy)]
struct OtherEnd(Entity);

/// What happened, by ordinal or id.
#[derive(Resource, Default)]
pub struct Log {
    pub joined: Vec<(Instant, Entity, NodeId)>,
    pub beats: Vec<(Instant, Entity, NodeId)>,
    pub suspected: Vec<(Instant, Entity, NodeId)>,
    pub forgotten: Vec<(Instant, Entity, NodeId)>,
}

pub struct Testbed {
    pub app: App,
    pub nodes: Vec<Entity>,
    pub now: Instant,
    pending_starts: Vec<NodeStarted>,
}

pub fn identity(ordinal: u32, mode: CryptoMode) -> Identity {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&ordinal.to_le_bytes());
    Identity::from_seed(seed, mode)
}

#[derive(Resource, Default)]
struct Inbox(Vec<NodeStarted>, Vec<NeighborUp>);

impl Testbed {
    pub fn new(count: u32, loss: f64, membership: MembershipConfig, detection: DetectionConfig) -> Self {
        let mut app = App::new();
        app.add_plugins((KernelPlugin::default(), MembershipPlugin(membership), DetectionPlugin(detection)));
        forbid_ambiguity(&mut app);
        app.init_resource::<Log>().init_resource::<Inbox>();
        app.insert_resource(Air { under_way: BTreeMap::new(), sequence: 0, loss, rng: ChaCha8Rng::seed_from_u64(7) });
        app.add_agenda_source(|world| world.resource::<Air>().under_way.first_key_value().map(|((at, _), _)| *at));
        app.add_systems(
            Tick,
            (
                wake.in_set(TickSystems::Begin),
                deliver.in_set(TickSystems::Receive),
                carry.in_set(TickSystems::Send),
                log.in_set(TickSystems::Observe),
            ),
        );
        let nodes = (0..count)
            .map(|ordinal| {
                let keys = Keys(identity(ordinal, CryptoMode::Modelled));
                let contact = Contact { id: keys.0.id(), address: Address::Memory(ordinal) };
                let rng = NodeRng(ChaCha8Rng::seed_from_u64(u64::from(ordinal) + 100));
                app.world_mut().spawn((Node { ordinal, epoch: 0, state: NodeState::Running }, contact, keys, rng)).id()
            })
            .collect();
        Self { app, nodes, now: Instant::ZERO, pending_starts: Vec::new() }
    }

    pub fn start(&mut self, node: usize, with_memory: bool) {
        self.pending_starts.push(NodeStarted { node: self.nodes[node], at: self.now, with_memory });
    }

    pub fn start_all(&mut self) {
        (0..self.nodes.len()).for_each(|node| self.start(node, false));
    }

    pub fn id(&self, node: usize) -> NodeId {
        self.app.world().get::<Contact>(self.nodes[node]).unwrap().id
    }

    pub fn link(&mut self, a: usize, b: usize) {
        let at = self.now;
        let ids = [self.id(a), self.id(b)];
        let ends = [self.nodes[a], self.nodes[b]];
        let world = self.app.world_mut();
        let sessions = [(0, 1), (1, 0)].map(|(me, other)| {
            let session = Session {
                phase: SessionPhase::Established,
                role: Role::Initiator,
                remote: Some(ids[other]),
                belonging: Default::default(),
                address: Address::Memory(0),
                reach: None,
                since: at,
            };
            world.spawn((session, SessionOf(ends[me]), Channel::modelled(), Service::Datagram)).id()
        });
        for (me, other) in [(0, 1), (1, 0)] {
            world.entity_mut(sessions[me]).insert(OtherEnd(sessions[other]));
            let neighbor = Neighbor { session: sessions[me], id: ids[other] };
            world.get_mut::<Neighbors>(ends[me]).unwrap().insert(neighbor);
            world.resource_mut::<Inbox>().1.push(NeighborUp { node: ends[me], neighbor, at });
        }
    }

    /// Ends all links between the two groups, or of one node, without telling anybody.
    pub fn cut(&mut self, crosses: impl Fn(NodeId, NodeId) -> bool) {
        let world = self.app.world_mut();
        for node in &self.nodes {
            let id = world.get::<Contact>(*node).unwrap().id;
            let gone: Vec<Neighbor> =
                world.get::<Neighbors>(*node).unwrap().iter().filter(|other| crosses(id, other.id)).copied().collect();
            for neighbor in gone {
                world.get_mut::<Neighbors>(*node).unwrap().remove(neighbor.session);
                world.despawn(neighbor.session);
            }
        }
    }

    /// A ring and random chords: degrees 2 and 3.
    pub fn link_sparsely(&mut self) {
        let count = self.nodes.len();
        (0..count).for_each(|node| self.link(node, (node + 1) % count));
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut free: Vec<usize> = (0..count).collect();
        while free.len() > count / 5 + 1 {
            let a = free.swap_remove(rng.random_range(0..free.len()));
            let b = free.swap_remove(rng.random_range(0..free.len()));
            self.link(a, b);
        }
    }

    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        let world = self.app.world_mut();
        world.resource_mut::<Inbox>().0.append(&mut self.pending_starts);
        if !world.resource::<Inbox>().0.is_empty() || !world.resource::<Inbox>().1.is_empty() {
            run_tick(world, self.now);
        }
        while let Some(due) = next_due(world).filter(|due| *due < end) {
            run_tick(world, due);
        }
        self.now = end;
    }

    pub fn set_state(&mut self, node: usize, state: NodeState) {
        let mut node = self.app.world_mut().get_mut::<Node>(self.nodes[node]).unwrap();
        node.state = state;
        node.epoch += u32::from(state == NodeState::Down);
    }

    pub fn membership(&self, node: usize) -> &Membership {
        self.app.world().get(self.nodes[node]).unwrap()
    }

    /// Ids that the node holds for alive, itself not included.
    pub fn alive(&self, node: usize) -> usize {
        let book = self.app.world().get::<AddressBook>(self.nodes[node]).unwrap();
        let alive = |id: &&NodeId| book.get(id).is_some_and(|peer| peer.standing == Standing::Alive);
        self.membership(node).members().filter(alive).count()
    }

    pub fn log(&self) -> &Log {
        self.app.world().resource()
    }
}

fn wake(mut inbox: ResMut<Inbox>, mut started: MessageWriter<NodeStarted>, mut up: MessageWriter<NeighborUp>) {
    started.write_batch(inbox.0.drain(..));
    up.write_batch(inbox.1.drain(..));
}

fn deliver(clock: Res<Clock>, mut air: ResMut<Air>, sessions: Query<&SessionOf>, nodes: Query<&Node>, mut frames: MessageWriter<FrameIn>) {
    let mut waiting = Vec::new();
    while let Some(entry) = air.under_way.first_entry().filter(|entry| entry.key().0 < clock.end()) {
        let ((at, sequence), (session, frame)) = entry.remove_entry();
        let Ok(SessionOf(node)) = sessions.get(session) else { continue };
        match nodes.get(*node).map(|node| node.state) {
            Ok(NodeState::Running) => {
                frames.write(FrameIn { session, at, frame });
            }
            Ok(NodeState::Paused { until }) => waiting.push(((until, sequence), (session, frame))),
            _ => {}
        }
    }
    air.under_way.extend(waiting);
}

fn carry(mut frames: MessageReader<FrameOut>, mut air: ResMut<Air>, ends: Query<&OtherEnd>) {
    let air = &mut *air;
    for FrameOut { session, at, frame } in frames.read() {
        let Ok(OtherEnd(other)) = ends.get(*session) else { continue };
        if !air.rng.random_bool(air.loss) {
            air.sequence += 1;
            air.under_way.insert((*at + LATENCY, air.sequence), (*other, frame.clone()));
        }
    }
}

fn log(
    mut log: ResMut<Log>,
    mut joined: MessageReader<MemberJoined>,
    mut beats: MessageReader<Heartbeat>,
    mut suspected: MessageReader<Suspected>,
    mut forgotten: MessageReader<MemberForgotten>,
) {
    log.joined.extend(joined.read().map(|fact| (fact.at, fact.node, fact.member)));
    log.beats.extend(beats.read().map(|fact| (fact.at, fact.node, fact.member)));
    log.suspected.extend(suspected.read().map(|fact| (fact.at, fact.node, fact.member)));
    log.forgotten.extend(forgotten.read().map(|fact| (fact.at, fact.node, fact.member)));
}
