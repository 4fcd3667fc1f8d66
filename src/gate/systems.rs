//! Values become messages, messages become values.

use std::mem::take;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use smallvec::SmallVec;

use super::values::{Arrival, Command, Input, LinkId, Output};
use super::{Gate, Link};
use crate::kernel::{
    BeaconIn, BeaconOut, Clock, Dial, FrameIn, FrameOut, HangUp, Instant, LinkDown, LinkUp, Node, NodeState, Outgoing, Role, Session,
    SessionLimits, SessionOf, SessionOpened, SessionPhase, Sessions, Shutdown, spawn_session,
};
use crate::mesh::admission::{Invite, Revoke};
use crate::mesh::broadcast::Publish;
use crate::mesh::chat::{Say, SayTo};
use crate::mesh::membership::SetKey;
use crate::mesh::routing::SendTo;
use crate::mesh::topics::{JoinTopic, LeaveTopic};
use crate::wire::routing::DatagramBody;
use crate::wire::{CloseReason, Frame};

/// What the owners of nodes want.
#[derive(SystemParam)]
pub(super) struct Wishes<'w> {
    publish: MessageWriter<'w, Publish>,
    keys: MessageWriter<'w, SetKey>,
    shutdown: MessageWriter<'w, Shutdown>,
    say: MessageWriter<'w, Say>,
    say_to: MessageWriter<'w, SayTo>,
    join: MessageWriter<'w, JoinTopic>,
    leave: MessageWriter<'w, LeaveTopic>,
    send: MessageWriter<'w, SendTo>,
    invite: MessageWriter<'w, Invite>,
    revoke: MessageWriter<'w, Revoke>,
}

impl Wishes<'_> {
    /// Makes a message of `command`, and leaves nothing in it.
    fn pass_on(&mut self, node: Entity, command: &mut Command, at: Instant) {
        match command {
            Command::Publish(payload) => drop(self.publish.write(Publish { node, payload: payload.clone(), at })),
            Command::SetKey { key, value } => drop(self.keys.write(SetKey { node, key: take(key), value: value.take(), at })),
            Command::Shutdown => drop(self.shutdown.write(Shutdown { node, at })),
            Command::Say { topic, text } => drop(self.say.write(Say { node, topic: *topic, text: take(text), at })),
            Command::SayTo { to, text } => drop(self.say_to.write(SayTo { node, to: *to, text: take(text), at })),
            Command::JoinTopic(name) => drop(self.join.write(JoinTopic { node, name: take(name), at })),
            Command::LeaveTopic(name) => drop(self.leave.write(LeaveTopic { node, name: take(name), at })),
            Command::Send { to, payload } => {
                let body = DatagramBody::Raw(payload.clone());
                self.send.write(SendTo { node, to: *to, body, at });
            }
            Command::Invite(target) => drop(self.invite.write(Invite { node, target: *target, at })),
            Command::Revoke(target) => drop(self.revoke.write(Revoke { node, target: *target, at })),
        }
    }
}

/// Whether something has arrived that is for [`obey`], or for those before it.
pub(super) fn is_told(gate: Res<Gate>) -> bool {
    let is_told = |arrival: &Arrival| matches!(arrival.input, Input::Command { .. } | Input::StoodStill | Input::Restore { .. });
    gate.inbox.iter().any(is_told)
}

/// Hands over what the owners of nodes want. What else has arrived waits for [`receive`].
pub(super) fn obey(clock: Res<Clock>, mut gate: ResMut<Gate>, mut nodes: Query<&mut Node>, mut wishes: Wishes) {
    let Gate { inbox, nodes: entities, .. } = &mut *gate;
    inbox.retain_mut(|arrival| {
        let at = arrival.at();
        match &mut arrival.input {
            Input::Command { node, command } => {
                let Some(node) = entities.get(*node as usize).copied().flatten() else { return false };
                wishes.pass_on(node, command, at);
                false
            }
            Input::StoodStill => {
                let now = clock.start();
                for mut node in &mut nodes {
                    node.state = match node.state {
                        NodeState::Running => NodeState::Paused { until: now },
                        // One that is over stands for a node that runs.
                        NodeState::Paused { until } => NodeState::Paused { until: until.max(now) },
                        NodeState::Down => NodeState::Down,
                    };
                }
                false
            }
            _ => true,
        }
    });
}

/// What the gate tells its world.
#[derive(SystemParam)]
pub(super) struct Told<'w> {
    up: MessageWriter<'w, LinkUp>,
    down: MessageWriter<'w, LinkDown>,
    frames: MessageWriter<'w, FrameIn>,
    beacons: MessageWriter<'w, BeaconIn>,
}

/// Hands over links, frames and hellos.
pub(super) fn receive(
    mut gate: ResMut<Gate>,
    limits: Res<SessionLimits>,
    nodes: Query<&Sessions>,
    mut sessions: Query<(&mut Session, &SessionOf, &mut Link)>,
    mut commands: Commands,
    mut told: Told,
) {
    let gate = &mut *gate;
    // Links over which a frame has come in this tick: it may say why the link ends.
    let mut spoken: SmallVec<[LinkId; 16]> = SmallVec::new();
    let mut later = Vec::new();
    // Those that are spawned here are counted only after this system.
    let mut accepted: SmallVec<[Entity; 16]> = SmallVec::new();
    for arrival in take(&mut gate.inbox) {
        let at = arrival.at();
        match arrival.input {
            Input::Connected { link, to } => {
                let Some(session) = gate.session(link) else { continue };
                let Ok((mut state, SessionOf(node), _)) = sessions.get_mut(session) else { continue };
                state.reach = Some(to).filter(|to| to.is_public());
                told.up.write(LinkUp { node: *node, session, at });
            }
            Input::Accepted { node: ordinal, link, from } => {
                let entity = gate.nodes.get(ordinal as usize).copied().flatten();
                let reason = match entity {
                    None => Some(CloseReason::ConnectionRefused),
                    Some(node) => {
                        let new = accepted.iter().filter(|other| **other == node).count();
                        let all = || nodes.get(node).into_iter().flat_map(|all| all.iter());
                        // Whoever says nothing must leave room for the peers that the node knows and dials.
                        let is_stranger = |session: &Entity| {
                            sessions.get(*session).is_ok_and(|(state, ..)| {
                                state.role == Role::Responder && !matches!(state.phase, SessionPhase::Established | SessionPhase::Closed)
                            })
                        };
                        let strangers = || new + all().filter(is_stranger).count();
                        let is_full = all().count() + new >= limits.max_sessions || strangers() >= limits.max_strangers();
                        is_full.then_some(CloseReason::TooManySessions)
                    }
                };
                if let Some(reason) = reason {
                    gate.refused += 1;
                    gate.outbox.push(Output::HangUp { link, reason, at });
                } else if let Some(node) = entity {
                    let session = spawn_session(&mut commands, node, Role::Responder, from, at);
                    commands.entity(session).insert(Link { id: link, congested: false });
                    gate.sessions.insert(link, (session, ordinal));
                    accepted.push(node);
                    told.up.write(LinkUp { node, session, at });
                }
            }
            Input::Down { link, .. } if spoken.contains(&link) => later.push(arrival),
            Input::Down { link, reason } => {
                if let Some((session, _)) = gate.sessions.swap_remove(&link) {
                    told.down.write(LinkDown { session, reason, at });
                }
            }
            Input::Frame { link, bytes } => {
                if let Some(session) = gate.session(link) {
                    if spoken.last() != Some(&link) {
                        spoken.push(link);
                    }
                    told.frames.write(FrameIn { session, at, frame: Frame::Bytes(bytes) });
                }
            }
            Input::Congested { link, congested } => {
                let session = gate.session(link);
                if let Some(Ok((_, _, mut state))) = session.map(|session| sessions.get_mut(session)) {
                    state.congested = congested;
                }
            }
            Input::Hello { node, hello } => {
                if let Some(node) = gate.nodes.get(node as usize).copied().flatten() {
                    told.beacons.write(BeaconIn { node, at, hello });
                }
            }
            Input::StoodStill | Input::Restore { .. } | Input::Command { .. } => {}
        }
    }
    gate.inbox = later;
}

/// Drops what is lazy and meant for a peer that does not read.
pub(super) fn shed_lazy(
    links: Query<&Link>,
    congested: Query<(), Changed<Link>>,
    mut any: Local<bool>,
    mut gate: ResMut<Gate>,
    mut outgoing: ResMut<Messages<Outgoing>>,
    mut kept: Local<Vec<Outgoing>>,
) {
    if !congested.is_empty() {
        *any = links.iter().any(|link| link.congested);
    }
    if !*any || outgoing.is_empty() {
        return;
    }
    for message in outgoing.drain() {
        if message.message.is_lazy() && links.get(message.session).is_ok_and(|link| link.congested) {
            gate.dropped += 1;
        } else {
            kept.push(message);
        }
    }
    outgoing.write_batch(kept.drain(..));
}

/// Gives dialled links their names.
pub(super) fn dial(mut dials: MessageReader<Dial>, nodes: Query<&Node>, mut gate: ResMut<Gate>, mut commands: Commands) {
    for Dial { node, session, to, at } in dials.read().copied() {
        let Ok(node) = nodes.get(node) else { continue };
        gate.dialled += 1;
        let link = LinkId(gate.dialled * 2);
        gate.sessions.insert(link, (session, node.ordinal));
        commands.entity(session).try_insert(Link { id: link, congested: false });
        gate.outbox.push(Output::Dial { node: node.ordinal, link, to, at });
    }
}

/// Tells the transport whose other side is no longer a stranger.
pub(super) fn vouch(mut opened: MessageReader<SessionOpened>, links: Query<&Link>, mut gate: ResMut<Gate>) {
    for SessionOpened { session, remote, .. } in opened.read() {
        if let Ok(link) = links.get(*session) {
            gate.outbox.push(Output::Proven { link: link.id, remote: *remote });
        }
    }
}

pub(super) fn send(mut frames: ResMut<Messages<FrameOut>>, links: Query<&Link>, mut gate: ResMut<Gate>) {
    for FrameOut { session, at, frame } in frames.drain() {
        if let (Ok(link), Frame::Bytes(bytes)) = (links.get(session), frame) {
            gate.outbox.push(Output::Frame { link: link.id, bytes, at });
        }
    }
}

pub(super) fn say_hello(mut beacons: ResMut<Messages<BeaconOut>>, nodes: Query<&Node>, mut gate: ResMut<Gate>) {
    for BeaconOut { node, at, hello } in beacons.drain() {
        if let Ok(node) = nodes.get(node) {
            gate.outbox.push(Output::Hello { node: node.ordinal, hello, at });
        }
    }
}

pub(super) fn hang_up(mut ends: MessageReader<HangUp>, links: Query<&Link>, mut gate: ResMut<Gate>) {
    for HangUp { session, reason, at } in ends.read().copied() {
        if let Ok(link) = links.get(session)
            && gate.sessions.swap_remove(&link.id).is_some()
        {
            gate.outbox.push(Output::HangUp { link: link.id, reason, at });
        }
    }
}
