//! The rules are called with what happens, and what they decide is done.

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use rand::RngExt;
use smallvec::SmallVec;

use super::TopologyConfig;
use super::components::Topology;
use super::rules::{Action, Scene};
use crate::crypto::NodeId;
use crate::kernel::{
    AddressBook, CloseSession, Connect, Contact, Fired, Instant, Neighbor, NeighborDown, NeighborUp, Neighbors, Node, NodeClock, NodeRng,
    NodeStarted, Outgoing, Received, Refusals, Role, Session, SessionClosed, SessionOpened, SessionPhase, Sessions, Timers,
};
use crate::mesh::leave::MemberLeft;
use crate::wire::{CloseReason, TopologyMessage};

/// An audit is due.
#[derive(Clone, Copy, Debug)]
pub struct Audit;

/// A look between audits is due, if it is still meant: the instant it was set for.
#[derive(Clone, Copy, Debug)]
pub struct Wake(Instant);

/// Whatever the overlay needs of a node. It has no `Sessions` while it has no session.
type NodeParts<'a> =
    (&'a Node, &'a NodeClock, &'a Contact, &'a AddressBook, Option<&'a Sessions>, &'a mut NodeRng, &'a mut Topology, &'a mut Neighbors);

/// Where the overlay looks and acts.
#[derive(SystemParam)]
pub(super) struct Stage<'w, 's> {
    config: Res<'w, TopologyConfig>,
    nodes: Query<'w, 's, NodeParts<'static>>,
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
        let Ok((node, clock, me, book, mine, mut rng, mut topology, mut neighbors)) = self.nodes.get_mut(entity) else { return };
        let mine: SmallVec<[(NodeId, Entity); 8]> = open_sessions(mine, &self.sessions).collect();
        self.open.clear();
        self.open.extend(mine.iter().map(|(remote, _)| *remote));
        let (config, rng, actions) = (&self.config, &mut rng.0, &mut *self.actions);
        let mut scene = Scene { me: *me, now: at, clock: *clock, config, book, open: &self.open, rng, actions };
        decide(&mut topology, &mut scene);
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
                        && neighbors.insert(neighbor)
                    {
                        self.up.write(NeighborUp { node: entity, neighbor, at });
                    }
                }
                Action::Unlink(id) => {
                    let session = neighbors.iter().find(|neighbor| neighbor.id == id).map(|neighbor| neighbor.session);
                    if let Some(neighbor) = session.and_then(|session| neighbors.remove(session)) {
                        self.down.write(NeighborDown { node: entity, neighbor, at });
                    }
                }
                Action::Close(id, reason) => {
                    self.close.write_batch(session_with(&id).map(|session| CloseSession { session, reason, at }));
                }
                Action::Dial(to) => {
                    self.connect.write(Connect { node: entity, to, at });
                }
                Action::Wake(due) => self.wakes.set(entity, node, due, Wake(due)),
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

pub(super) fn start(mut started: MessageReader<NodeStarted>, mut audits: ResMut<Timers<Audit>>, mut stage: Stage) {
    for NodeStarted { node: entity, at, .. } in started.read().copied() {
        let Ok((node, clock, .., mut rng, _, mut neighbors)) = stage.nodes.get_mut(entity) else { continue };
        neighbors.clear();
        let phase = stage.config.rebalance_interval.mul_f64(rng.0.random_range(0.1..1.0));
        audits.set(entity, node, clock.after(at, phase), Audit);
        stage.play(entity, at, Topology::start);
    }
}

/// Links end with their sessions, unless another session with the same node has taken over.
pub(super) fn follow_closed(mut closed: MessageReader<SessionClosed>, mut stage: Stage) {
    for SessionClosed { node: entity, session, remote, address, role, was_open, at, .. } in closed.read().copied() {
        let Ok((_, _, _, _, mine, _, _, mut neighbors)) = stage.nodes.get_mut(entity) else { continue };
        let successor = open_sessions(mine, &stage.sessions).find(|(other, _)| Some(*other) == remote);
        match (remote.filter(|_| was_open), successor) {
            (Some(_), Some((id, session_now))) => {
                if let Some(neighbor) = neighbors.remove(session) {
                    stage.down.write(NeighborDown { node: entity, neighbor, at });
                    let neighbor = Neighbor { session: session_now, id };
                    neighbors.insert(neighbor);
                    stage.up.write(NeighborUp { node: entity, neighbor, at });
                }
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

pub(super) fn wake(mut fired: MessageReader<Fired<Wake>>, mut stage: Stage) {
    for Fired { node, at, timer: Wake(due) } in fired.read().copied() {
        stage.play(node, at, |topology, scene| topology.wake(scene, due));
    }
}

pub(super) fn audit(mut fired: MessageReader<Fired<Audit>>, mut audits: ResMut<Timers<Audit>>, mut stage: Stage) {
    for Fired { node: entity, at, .. } in fired.read().copied() {
        let Ok((node, clock, ..)) = stage.nodes.get(entity) else { continue };
        audits.set(entity, node, clock.after(at, stage.config.rebalance_interval), Audit);
        stage.play(entity, at, Topology::audit);
        let Ok((_, clock, _, _, mine, _, topology, _)) = stage.nodes.get(entity) else { continue };
        // Sessions that serve the overlay in no way for two audits serve nobody.
        let idle = stage.config.rebalance_interval * 2;
        for (remote, session) in open_sessions(mine, &stage.sessions) {
            let old = stage.sessions.get(session).is_ok_and(|state| clock.elapsed(state.since, at) >= idle);
            if old && !topology.uses(&remote) {
                stage.close.write(CloseSession { session, reason: CloseReason::Unwanted, at });
            }
        }
    }
}
