//! A run with nothing in it but the transport: a script of what nodes and faults do, and what each node is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bevy_app::App;
use bevy_ecs::prelude::*;

use super::super::{Fabric, MemoryTransportPlugin};
use crate::kernel::{
    BeaconIn, BeaconOut, CloseSystems, Dial, FrameIn, FrameOut, HangUp, Instant, KernelPlugin, LinkDown, LinkUp, Node, NodeState, Role,
    Service, Session, SessionLimits, SessionOf, SessionPhase, Sessions, Tick, TickSystems, forbid_ambiguity, next_due, run_tick,
    spawn_session,
};
use crate::link_model::{LinkModel, NetworkFault};
use crate::scenario::Network;
use crate::trial::{Carrier, Trace};
use crate::wire::frame::VERSION;
use crate::wire::{Address, CloseReason, Frame, FrameKind, Hello, NodeId};

/// What somebody does.
#[derive(Clone, Debug)]
pub(super) enum Do {
    Dial(u32, u32),
    /// From, to, number of the frame.
    Send(u32, u32, u32),
    HangUp(u32, u32),
    Hello(u32),
    Crash(u32),
    Restart(u32),
    /// Who, and until when in milliseconds.
    Pause(u32, u64),
    Fault(NetworkFault),
}

/// What a node is told, with the peer whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Up(u32, Role),
    Down(u32, CloseReason),
    Frame(u32, u32),
    Hello(NodeId),
}

#[derive(Resource, Default)]
struct Log(BTreeMap<u32, Vec<(u64, Told)>>);

/// A run in one or several worlds.
pub(super) struct Run {
    apps: Vec<App>,
    owner: Arc<[u16]>,
    nodes: Vec<Entity>,
    pub(super) script: Vec<(u64, Do)>,
}

pub(super) fn id(ordinal: u32) -> NodeId {
    NodeId([ordinal as u8; 32])
}

impl Run {
    /// `owner` names the world of each node; the script is by milliseconds.
    pub(super) fn new(network: &Network, owner: &[u16], script: Vec<(u64, Do)>) -> Self {
        let model = LinkModel::new(network, owner.len() as u32, &BTreeMap::new(), 42).unwrap();
        let (model, owner): (_, Arc<[u16]>) = (Arc::new(model), owner.into());
        let quantum = model.min_latency().min(Duration::from_millis(1));
        let world = |number: u16| {
            let mut app = App::new();
            app.add_plugins((KernelPlugin { quantum }, MemoryTransportPlugin))
                .init_resource::<Log>()
                .insert_resource(SessionLimits { max_sessions: 4 })
                .insert_resource(Fabric::new(model.clone(), network.service.into(), number, owner.clone(), quantum, 42))
                .add_systems(Tick, note.in_set(TickSystems::Handshake).before(CloseSystems));
            forbid_ambiguity(&mut app);
            app
        };
        let mut apps: Vec<App> = (0..=*owner.iter().max().unwrap()).map(world).collect();
        let nodes = (0_u32..).zip(owner.iter()).map(|(ordinal, owner)| {
            let world = apps[usize::from(*owner)].world_mut();
            let node = world.spawn(Node { ordinal, epoch: 0, state: NodeState::Running }).id();
            world.resource_mut::<Fabric>().attach(ordinal, node, id(ordinal));
            node
        });
        Self { nodes: nodes.collect(), apps, owner, script }
    }

    /// A run of `nodes` nodes in one world.
    pub(super) fn single(network: &Network, nodes: usize, script: Vec<(u64, Do)>) -> Self {
        Self::new(network, &vec![0; nodes], script)
    }

    /// Runs until `millis`; what each node was told, at which nanosecond.
    pub(super) fn until(mut self, millis: u64) -> BTreeMap<u32, Vec<(u64, Told)>> {
        self.run(millis);
        let logs = self.apps.iter_mut().map(|app| std::mem::take(&mut app.world_mut().resource_mut::<Log>().0));
        logs.flatten().collect()
    }

    pub(super) fn run(&mut self, millis: u64) {
        let end = Instant::ZERO + Duration::from_millis(millis);
        let mut script: Vec<(u64, Do)> = std::mem::take(&mut self.script);
        // A pause ends by somebody's doing, as a fault plugin would.
        let ends = script.iter().filter_map(|(_, action)| match action {
            Do::Pause(node, until) => Some((*until, Do::Restart(*node))),
            _ => None,
        });
        let ends: Vec<_> = ends.collect();
        script.extend(ends);
        script.sort_by_key(|(at, _)| *at);
        let mut script = script.into_iter().peekable();
        loop {
            let due = self.apps.iter().filter_map(|app| next_due(app.world())).min();
            let next = script.peek().map(|(at, _)| Instant::ZERO + Duration::from_millis(*at));
            let Some(now) = due.into_iter().chain(next).min().filter(|now| *now < end) else { break };
            while let Some((_, action)) = script.next_if(|(at, _)| Instant::ZERO + Duration::from_millis(*at) <= now) {
                self.act(action, now);
            }
            for app in &mut self.apps {
                run_tick(app.world_mut(), now);
            }
            for from in 0..self.apps.len() {
                for to in (0..self.apps.len()).filter(|to| *to != from) {
                    let flights = self.fabric(from).take_outbox(to as u16);
                    self.fabric(to).receive(flights);
                }
            }
        }
    }

    pub(super) fn fabric(&mut self, world: usize) -> Mut<'_, Fabric> {
        self.apps[world].world_mut().resource_mut::<Fabric>()
    }

    /// The digests of all worlds, added up.
    pub(super) fn digest(&self) -> Trace {
        self.apps.iter().fold(Trace::default(), |mut sum: Trace, app| {
            sum.merge(*app.world().resource::<Trace>());
            sum
        })
    }

    pub(super) fn delivered(&self) -> u64 {
        self.apps.iter().map(|app| app.world().resource::<Fabric>().delivered()).sum()
    }

    fn world(&mut self, node: u32) -> (&mut World, Entity) {
        (self.apps[usize::from(self.owner[node as usize])].world_mut(), self.nodes[node as usize])
    }

    fn act(&mut self, action: Do, at: Instant) {
        if let Do::Dial(node, _) | Do::Hello(node) = action {
            let (world, node) = self.world(node);
            if !world.get::<Node>(node).unwrap().is_up() {
                return;
            }
        }
        match action {
            Do::Dial(from, to) => {
                let (world, node) = self.world(from);
                let session = spawn_session(&mut world.commands(), node, Role::Initiator, Address::Memory(to), at);
                world.flush();
                world.write_message(Dial { node, session, to: Address::Memory(to), at });
            }
            Do::Send(from, to, number) => {
                let (world, node) = self.world(from);
                let mut bytes = vec![VERSION, FrameKind::Handshake as u8];
                bytes.extend(number.to_le_bytes());
                if let Some(session) = open_session(world, node, to) {
                    world.write_message(FrameOut { session, at, frame: Frame::Bytes(bytes.into()) });
                }
            }
            Do::HangUp(from, to) => {
                let (world, node) = self.world(from);
                if let Some(session) = open_session(world, node, to) {
                    world.get_mut::<Session>(session).unwrap().phase = SessionPhase::Closed;
                    world.write_message(HangUp { session, reason: CloseReason::Unwanted, at });
                }
            }
            Do::Hello(from) => {
                let (world, node) = self.world(from);
                let hello = Hello { network: [0; 8], id: id(from), address: Address::Memory(from) };
                world.write_message(BeaconOut { node, at, hello });
            }
            Do::Crash(ordinal) => {
                let (world, node) = self.world(ordinal);
                world.resource_mut::<Fabric>().detach(ordinal);
                world.get_mut::<Node>(node).unwrap().state = NodeState::Down;
                let sessions = world.get::<Sessions>(node).map(|sessions| sessions.iter().collect::<Vec<_>>());
                for session in sessions.unwrap_or_default() {
                    world.despawn(session);
                }
            }
            Do::Restart(ordinal) => {
                let (world, node) = self.world(ordinal);
                let mut state = world.get_mut::<Node>(node).unwrap();
                // Of pauses that overlap the first one counts.
                if state.held_until(at).is_some() {
                    return;
                }
                if std::mem::replace(&mut state.state, NodeState::Running) == NodeState::Down {
                    world.resource_mut::<Fabric>().attach(ordinal, node, id(ordinal));
                }
            }
            Do::Pause(ordinal, until) => {
                let (world, node) = self.world(ordinal);
                let until = Instant::ZERO + Duration::from_millis(until);
                let mut node = world.get_mut::<Node>(node).unwrap();
                if node.state == NodeState::Running {
                    node.state = NodeState::Paused { until };
                }
            }
            Do::Fault(fault) => self.apps.iter_mut().for_each(|app| app.world_mut().resource_mut::<Fabric>().apply(&fault)),
        }
    }
}

fn open_session(world: &World, node: Entity, peer: u32) -> Option<Entity> {
    world.get::<Sessions>(node)?.iter().find(|session| {
        let session = world.get::<Session>(*session).unwrap();
        session.phase == SessionPhase::Handshaking && session.address == Address::Memory(peer)
    })
}

fn note(
    mut log: ResMut<Log>,
    mut up: MessageReader<LinkUp>,
    mut down: MessageReader<LinkDown>,
    mut frames: MessageReader<FrameIn>,
    mut hellos: MessageReader<BeaconIn>,
    mut sessions: Query<(&mut Session, &SessionOf, &Service)>,
    nodes: Query<&Node>,
    mut order: Local<Vec<(u32, u64, Told)>>,
) {
    let ordinal = |node: Entity| nodes.get(node).unwrap().ordinal;
    let mut concerns = |session: Entity| {
        let Ok((mut session, SessionOf(node), _)) = sessions.get_mut(session) else { panic!("no session entity") };
        if session.phase == SessionPhase::Dialing {
            session.phase = SessionPhase::Handshaking;
        }
        let Address::Memory(peer) = session.address else { panic!("{:?}", session.address) };
        (ordinal(*node), peer, session.role)
    };
    for LinkUp { session, at, .. } in up.read() {
        let (node, peer, role) = concerns(*session);
        order.push((node, at.as_nanos(), Told::Up(peer, role)));
    }
    for FrameIn { session, at, frame } in frames.read() {
        let Frame::Bytes(bytes) = frame else { panic!("{frame:?}") };
        let (node, peer, _) = concerns(*session);
        order.push((node, at.as_nanos(), Told::Frame(peer, u32::from_le_bytes(bytes[2..].try_into().unwrap()))));
    }
    for LinkDown { session, reason, at } in down.read() {
        let (node, peer, _) = concerns(*session);
        order.push((node, at.as_nanos(), Told::Down(peer, *reason)));
    }
    for BeaconIn { node, at, hello } in hellos.read() {
        order.push((ordinal(*node), at.as_nanos(), Told::Hello(hello.id)));
    }
    for (node, at, told) in order.drain(..) {
        log.0.entry(node).or_default().push((at, told));
    }
}
