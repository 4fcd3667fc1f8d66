//! The rules are called with what happens, and what they decide is done.

use bevy_ecs::prelude::*;
use bevy_ecs::query::QueryData;
use bevy_ecs::system::SystemParam;
use rand::RngExt;
use smallvec::SmallVec;

use super::TopologyConfig;
use super::components::Topology;
use super::rules::{Action, Scene};
use super::silence::LISTEN_INTERVAL;
use crate::crypto::NodeId;
use crate::kernel::{
    AddressBook, Channel, CloseSession, Connect, Contact, Fired, Instant, LinkState, Neighbor, NeighborDown, NeighborUp, Neighbors, Node,
    NodeClock, NodeRng, NodeStarted, Outgoing, Received, Refusals, Role, Session, SessionClosed, SessionOpened, SessionPhase, Sessions,
    Timers,
};
use crate::mesh::leave::MemberLeft;
use crate::wire::{CloseReason, TopologyMessage};

/// An audit is due.
#[derive(Clone, Copy, Debug)]
pub struct Audit;

/// A look between audits is due, if it is still meant: the instant it was set for.
#[derive(Clone, Copy, Debug)]
pub struct Wake(Instant);

/// A look at what comes over the links is due.
#[derive(Clone, Copy, Debug)]
pub struct Listen;

/// Whatever the overlay needs of a node. It has no `Sessions` while it has no session, and no `LinkState` where links are not published.
#[derive(QueryData)]
#[query_data(mutable)]
pub(super) struct NodeParts {
    node: &'static Node,
    clock: &'static NodeClock,
    me: &'static Contact,
    book: &'static AddressBook,
    paths: Option<&'static LinkState>,
    mine: Option<&'static Sessions>,
    rng: &'static mut NodeRng,
    topology: &'static mut Topology,
    neighbors: &'static mut Neighbors,
}

/// Where the overlay looks and acts.
#[derive(SystemParam)]
pub(super) struct Stage<'w, 's> {
    config: Res<'w, TopologyConfig>,
    nodes: Query<'w, 's, NodeParts>,
    sessions: Query<'w, 's, &'static Session>,
    wakes: ResMut<'w, Timers<Wake>>,
    outgoing: MessageWriter<'w, Outgoing>,
    connect: MessageWriter<'w, Connect>,
    close: MessageWriter<'w, CloseSession>,
    up: MessageWriter<'w, NeighborUp>,
    down: MessageWriter<'w, NeighborDown>,
    actions: Local<'s, Vec<Action>>,
    open: Local<'s, Vec<NodeId>>,
}

impl Stage<'_, '_> {
    /// Lets the rules decide for one node, and does what they say.
    fn play(&mut self, entity: Entity, at: Instant, decide: impl FnOnce(&mut Topology, &mut Scene)) {
        let Ok(mut it) = self.nodes.get_mut(entity) else { return };
        let mine: SmallVec<[(NodeId, Entity); 8]> = open_sessions(it.mine, &self.sessions).collect();
        self.open.clear();
        self.open.extend(mine.iter().map(|(remote, _)| *remote));
        let (config, rng, actions) = (&self.config, &mut it.rng.0, &mut *self.actions);
        let (me, clock, book, paths) = (*it.me, *it.clock, it.book, it.paths);
        let mut scene = Scene { me, now: at, clock, config, book, paths, open: &self.open, rng, actions };
        decide(&mut it.topology, &mut scene);
        let session_with = |id: &NodeId| mine.iter().find(|(remote, _)| remote == id).map(|(_, session)| *session);
        for action in self.actions.drain(..) {
            match action {
                Action::Send(to, message) => {
                    if let Some(session) = session_with(&to) {
                        self.outgoing.write(Outgoing { session, at, message: message.into() });
                    }
                }
                Action::Link(id) => {
                    if let Some(neighbor) = session_with(&id).map(|session| Neighbor { session, id })
                        && it.neighbors.insert(neighbor)
                    {
                        self.up.write(NeighborUp { node: entity, neighbor, at });
                    }
                }
                Action::Unlink(id) => {
                    let session = it.neighbors.iter().find(|neighbor| neighbor.id == id).map(|neighbor| neighbor.session);
                    if let Some(neighbor) = session.and_then(|session| it.neighbors.remove(session)) {
                        self.down.write(NeighborDown { node: entity, neighbor, at });
                    }
                }
                Action::Close(id, reason) => {
                    let sessions = mine.iter().filter(|(remote, _)| *remote == id);
                    self.close.write_batch(sessions.map(|(_, session)| CloseSession { session: *session, reason, at }));
                }
                Action::Dial(to) => {
                    self.connect.write(Connect { node: entity, to, at });
                }
                Action::Wake(due) => self.wakes.set(entity, it.node, due, Wake(due)),
            }
        }
    }
}

/// The open sessions of a node, and where they lead.
fn open_sessions(mine: Option<&Sessions>, sessions: &Query<&Session>) -> impl Iterator<Item = (NodeId, Entity)> {
    mine.into_iter().flat_map(Sessions::iter).filter_map(|session| {
        let state = sessions.get(session).ok().filter(|state| state.phase == SessionPhase::Established)?;
        Some((state.remote?, session))
    })
}

pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    mut audits: ResMut<Timers<Audit>>,
    mut listens: ResMut<Timers<Listen>>,
    mut stage: Stage,
) {
    for NodeStarted { node: entity, at, .. } in started.read().copied() {
        let Ok(mut it) = stage.nodes.get_mut(entity) else { continue };
        it.neighbors.clear();
        let first = it.clock.first(at, stage.config.rebalance_interval, it.rng.0.random_range(0.1..1.0));
        audits.set(entity, it.node, first, Audit);
        listens.set(entity, it.node, it.clock.first(at, LISTEN_INTERVAL, 0.0), Listen);
        stage.play(entity, at, Topology::start);
    }
}

/// Links end with their sessions, unless another session with the same node has taken over.
pub(super) fn follow_closed(mut closed: MessageReader<SessionClosed>, mut stage: Stage) {
    for SessionClosed { node: entity, session, remote, address, role, was_open, at, .. } in closed.read().copied() {
        let Ok(mut it) = stage.nodes.get_mut(entity) else { continue };
        let successor = open_sessions(it.mine, &stage.sessions).find(|(other, _)| Some(*other) == remote);
        match (remote.filter(|_| was_open), successor) {
            (Some(_), Some((id, session_now))) => {
                if let Some(neighbor) = it.neighbors.remove(session) {
                    stage.down.write(NeighborDown { node: entity, neighbor, at });
                    let neighbor = Neighbor { session: session_now, id };
                    it.neighbors.insert(neighbor);
                    stage.up.write(NeighborUp { node: entity, neighbor, at });
                }
                stage.play(entity, at, |topology, scene| topology.replaced(scene, id));
            }
            (Some(id), None) => stage.play(entity, at, |topology, scene| topology.closed(scene, id)),
            (None, None) if role == Role::Initiator => stage.play(entity, at, |topology, scene| topology.dial_failed(scene, address)),
            (None, _) => {}
        }
    }
}

pub(super) fn follow_left(mut left: MessageReader<MemberLeft>, mut stage: Stage) {
    for MemberLeft { node, member, at, .. } in left.read().copied() {
        stage.play(node, at, |topology, scene| topology.left(scene, member));
    }
}

pub(super) fn follow_opened(mut opened: MessageReader<SessionOpened>, mut stage: Stage) {
    for SessionOpened { node, session, remote, role, address, at, .. } in opened.read().copied() {
        if stage.sessions.get(session).is_ok_and(|state| state.phase == SessionPhase::Established) {
            stage.play(node, at, |topology, scene| topology.opened(scene, remote, address, role == Role::Initiator));
        }
    }
}

pub(super) fn receive(mut received: MessageReader<Received<TopologyMessage>>, mut refusals: ResMut<Refusals>, mut stage: Stage) {
    for Received { node, session, at, message } in received.read() {
        let Ok(Session { phase: SessionPhase::Established, remote: Some(remote), .. }) = stage.sessions.get(*session) else { continue };
        let remote = *remote;
        let mut verdict = Ok(());
        stage.play(*node, *at, |topology, scene| verdict = topology.receive(scene, remote, message));
        if let Err(reason) = verdict {
            refusals.count(reason);
            stage.close.write(CloseSession { session: *session, reason, at: *at });
        }
    }
}

pub(super) fn listen(
    mut fired: MessageReader<Fired<Listen>>,
    channels: Query<&Channel>,
    mut listens: ResMut<Timers<Listen>>,
    mut stage: Stage,
) {
    for Fired { node: entity, at, .. } in fired.read().copied() {
        let Ok(it) = stage.nodes.get(entity) else { continue };
        listens.set(entity, it.node, it.clock.after(at, LISTEN_INTERVAL), Listen);
        let heard = |neighbor: &Neighbor| Some((neighbor.id, channels.get(neighbor.session).ok()?.heard()));
        let frames: SmallVec<[(NodeId, u64); 8]> = it.neighbors.iter().filter_map(heard).collect();
        let of = |id: &NodeId| frames.iter().find(|(other, _)| other == id).map_or(0, |(_, frames)| *frames);
        stage.play(entity, at, |topology, scene| topology.listen(scene, of));
    }
}

pub(super) fn wake(mut fired: MessageReader<Fired<Wake>>, mut stage: Stage) {
    for Fired { node, at, timer: Wake(due) } in fired.read().copied() {
        stage.play(node, at, |topology, scene| topology.wake(scene, due));
    }
}

pub(super) fn audit(mut fired: MessageReader<Fired<Audit>>, mut audits: ResMut<Timers<Audit>>, mut stage: Stage) {
    for Fired { node: entity, at, .. } in fired.read().copied() {
        let Ok(it) = stage.nodes.get(entity) else { continue };
        audits.set(entity, it.node, it.clock.after(at, stage.config.rebalance_interval), Audit);
        stage.play(entity, at, Topology::audit);
        let Ok(it) = stage.nodes.get(entity) else { continue };
        // Sessions that serve the overlay in no way for two audits serve nobody.
        let idle = stage.config.rebalance_interval * 2;
        for (remote, session) in open_sessions(it.mine, &stage.sessions) {
            let old = stage.sessions.get(session).is_ok_and(|state| it.clock.elapsed(state.since, at) >= idle);
            if old && !it.topology.uses(&remote) {
                stage.close.write(CloseSession { session, reason: CloseReason::Unwanted, at });
            }
        }
    }
}
