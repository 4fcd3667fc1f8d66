//! Handshakes begin, advance, end or run out of time.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;

use super::admit::{Opening, admit};
use super::components::{Exchange, HandshakeState};
use super::{HandshakeConfig, NetworkKey};
use crate::crypto::{Handshake, Progress, Secrets};
use crate::kernel::{
    AccessList, Channel, CloseSession, Contact, Dial, Fired, FrameIn, FrameOut, Instant, KeyRng, Keys, LinkUp, Node, NodeClock, Refusals,
    Role, Service, Session, SessionOf, SessionOpened, SessionPhase, SessionTraffic, Sessions, Timers, Traffic,
};
use crate::wire::{CloseReason, Frame, FrameKind, Protocol};

/// Over a datagram service, how long to wait before the last message is sent again.
const REPEAT: Duration = Duration::from_secs(1);

/// Time is up for a session that is not open.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    session: Entity,
    phase: SessionPhase,
}

/// The last message may have been lost.
#[derive(Clone, Copy, Debug)]
pub struct Repeat(Entity);

/// What handshakes send and tell.
#[derive(SystemParam)]
pub(super) struct Outlets<'w, 's> {
    frames: MessageWriter<'w, FrameOut>,
    pub opened: MessageWriter<'w, SessionOpened>,
    pub close: MessageWriter<'w, CloseSession>,
    traffic: ResMut<'w, Traffic>,
    of_sessions: Query<'w, 's, &'static mut SessionTraffic>,
    refusals: ResMut<'w, Refusals>,
}

impl Outlets<'_, '_> {
    fn send(&mut self, session: Entity, at: Instant, frame: Frame) {
        self.traffic.sent[Protocol::Handshake as usize].add(frame.len());
        if let Ok(mut of_session) = self.of_sessions.get_mut(session) {
            of_session.0.sent[Protocol::Handshake as usize].add(frame.len());
        }
        self.frames.write(FrameOut { session, at, frame });
    }

    fn note_received(&mut self, session: Entity, frame: &Frame) {
        self.traffic.received[Protocol::Handshake as usize].add(frame.len());
        if let Ok(mut of_session) = self.of_sessions.get_mut(session) {
            of_session.0.received[Protocol::Handshake as usize].add(frame.len());
        }
    }

    pub fn refuse(&mut self, session: Entity, at: Instant, reason: CloseReason) {
        self.refusals.count(reason);
        self.close.write(CloseSession { session, reason, at });
    }
}

/// Whatever a handshake needs of its node.
type NodeParts<'a> = (&'a Node, &'a NodeClock, &'a Keys, &'a NetworkKey, &'a mut KeyRng);

pub(super) fn limit_dials(
    mut dials: MessageReader<Dial>,
    config: Res<HandshakeConfig>,
    nodes: Query<(&Node, &NodeClock)>,
    mut deadlines: ResMut<Timers<Deadline>>,
) {
    for Dial { node: entity, session, at, .. } in dials.read() {
        let Ok((node, clock)) = nodes.get(*entity) else { continue };
        let due = clock.after(*at, config.connect_timeout);
        deadlines.set(*entity, node, due, Deadline { session: *session, phase: SessionPhase::Dialing });
    }
}

pub(super) fn begin(
    mut links: MessageReader<LinkUp>,
    config: Res<HandshakeConfig>,
    mut nodes: Query<NodeParts>,
    mut sessions: Query<(&mut Session, &Service, &mut HandshakeState, &mut Channel)>,
    mut deadlines: ResMut<Timers<Deadline>>,
    mut repeats: ResMut<Timers<Repeat>>,
    mut out: Outlets,
) {
    for LinkUp { node: entity, session, at } in links.read().copied() {
        let (Ok((node, clock, keys, key, mut rng)), Ok((mut state, service, mut handshake, mut channel))) =
            (nodes.get_mut(entity), sessions.get_mut(session))
        else {
            continue;
        };
        if state.phase == SessionPhase::Closed {
            continue;
        }
        state.phase = SessionPhase::Handshaking;
        let initiator = state.role == Role::Initiator;
        match Handshake::begin(&keys.0, initiator, &key.0, &mut rng.0) {
            Ok((side, first)) => {
                let last = Exchange { received: None, sent: first.clone().filter(|_| *service == Service::Datagram) };
                *handshake = HandshakeState::Running { handshake: Box::new(side), last };
                if let Some(first) = first {
                    out.send(session, at, first);
                }
            }
            Err(reason) => out.refuse(session, at, reason),
        }
        let due = clock.after(at, config.handshake_timeout);
        deadlines.set(entity, node, due, Deadline { session, phase: SessionPhase::Handshaking });
        if *service == Service::Datagram {
            if !initiator {
                *channel = Channel::Expecting(Vec::new());
            }
            repeats.set(entity, node, clock.after(at, REPEAT), Repeat(session));
        }
    }
}

pub(super) fn advance(
    mut frames: ResMut<Messages<FrameIn>>,
    nodes: Query<(&Contact, &Keys, &Sessions, &AccessList)>,
    mut sessions: Query<(&mut Session, &SessionOf, &Service, &mut HandshakeState, &mut Channel)>,
    mut out: Outlets,
) {
    let mut early = Vec::new();
    for FrameIn { session, at, frame } in frames.iter_current_update_messages() {
        let kind = frame.kind();
        if !matches!(kind, Ok(FrameKind::Handshake | FrameKind::Refusal)) {
            continue;
        }
        let Ok((mut state, SessionOf(node), service, mut handshake, mut channel)) = sessions.get_mut(*session) else { continue };
        let Ok((me, keys, mine, access)) = nodes.get(*node) else { continue };
        let datagram = *service == Service::Datagram;
        if datagram && let Some(again) = answered_before(&handshake, frame) {
            if let Some(answer) = again {
                out.send(*session, *at, answer);
            }
            continue;
        }
        if state.phase != SessionPhase::Handshaking {
            // Who dials is done before the other side has checked its last message, and may be refused after that.
            if state.phase == SessionPhase::Established && !datagram {
                out.refuse(*session, *at, frame.refused().unwrap_or(CloseReason::OutOfPhase));
            }
            continue;
        }
        out.note_received(*session, frame);
        if let Some(reason) = frame.refused() {
            out.refuse(*session, *at, reason);
            continue;
        }
        let HandshakeState::Running { handshake: side, last } = &mut *handshake else { continue };
        let progress = side.read(frame, access.belonging);
        if datagram {
            last.received = Some(frame.clone());
        }
        let reply = match progress {
            Ok(Progress::Reply(reply)) => Some(reply),
            Ok(Progress::Finished { remote, belonging, secrets, reply }) => {
                state.remote = Some(remote);
                if let Some(reply) = reply {
                    if datagram {
                        last.sent = Some(reply.clone());
                    }
                    out.send(*session, *at, reply);
                }
                // Who received the last message owes no answer. If both repeated theirs, each repetition would call forth the other.
                if !state.role.is_initiator() {
                    last.sent = None;
                }
                *handshake = HandshakeState::Done { last: std::mem::take(last) };
                state.phase = SessionPhase::Established;
                let (node, session, at) = (*node, *session, *at);
                let open = match secrets {
                    Secrets::Noise(keys) => Channel::Noise(keys),
                    Secrets::Modelled => Channel::modelled(),
                };
                early.extend(channel.begin(open).into_iter().map(|frame| FrameIn { session, at, frame }));
                let opening = Opening { node, session, remote, belonging, last: Role::Responder, at };
                admit(opening, (me, access), mine, &mut sessions.transmute_lens::<&mut Session>().query(), &mut out);
                continue;
            }
            Err(reason) => {
                out.send(*session, *at, Frame::refusal(reason, keys.0.mode()));
                out.refuse(*session, *at, reason);
                continue;
            }
        };
        if let Some(reply) = reply {
            if datagram {
                last.sent = Some(reply.clone());
            }
            out.send(*session, *at, reply);
        }
    }
    // What had overtaken the last message comes as if it had come with it.
    frames.write_batch(early);
}

/// If `frame` repeats what came last: what was answered then.
fn answered_before(state: &HandshakeState, frame: &Frame) -> Option<Option<Frame>> {
    match state {
        HandshakeState::Running { last, .. } | HandshakeState::Done { last } => {
            (last.received.as_ref() == Some(frame)).then(|| last.sent.clone())
        }
        HandshakeState::Waiting => None,
    }
}

pub(super) fn time_out(
    mut deadlines: MessageReader<Fired<Deadline>>,
    mut repeats: MessageReader<Fired<Repeat>>,
    nodes: Query<(&Node, &NodeClock)>,
    sessions: Query<(&Session, &HandshakeState)>,
    mut timers: ResMut<Timers<Repeat>>,
    mut out: Outlets,
) {
    for Fired { at, timer: Deadline { session, phase }, .. } in deadlines.read().copied() {
        if sessions.get(session).is_ok_and(|(state, _)| state.phase == phase) {
            let reason = if phase == SessionPhase::Dialing { CloseReason::Unreachable } else { CloseReason::HandshakeTimeout };
            out.refuse(session, at, reason);
        }
    }
    for Fired { node: entity, at, timer: Repeat(session) } in repeats.read().copied() {
        let (Ok((node, clock)), Ok((state, handshake))) = (nodes.get(entity), sessions.get(session)) else { continue };
        if let (SessionPhase::Handshaking, HandshakeState::Running { last, .. }) = (state.phase, handshake) {
            if let Some(frame) = last.sent.clone() {
                out.send(session, at, frame);
            }
            timers.set(entity, node, clock.after(at, REPEAT), Repeat(session));
        }
    }
}

/// For [`PlainSessionsPlugin`](super::PlainSessionsPlugin).
pub(super) fn open_unproven(
    mut links: MessageReader<LinkUp>,
    nodes: Query<(&Contact, &Sessions, &AccessList)>,
    peers: Query<&crate::kernel::AssertedPeer>,
    mut sessions: Query<(&mut Session, &mut Channel)>,
    mut out: Outlets,
) {
    for LinkUp { node, session, at } in links.read().copied() {
        let (Ok((me, mine, access)), Ok(peer), Ok((mut state, mut channel))) =
            (nodes.get(node), peers.get(session), sessions.get_mut(session))
        else {
            continue;
        };
        if state.phase == SessionPhase::Closed {
            continue;
        }
        state.phase = SessionPhase::Established;
        state.remote = Some(peer.0);
        *channel = Channel::modelled();
        // Nothing is proven here: the other side is where it must be.
        let opening = Opening { node, session, remote: peer.0, belonging: access.belonging, last: Role::Initiator, at };
        admit(opening, (me, access), mine, &mut sessions.transmute_lens::<&mut Session>().query(), &mut out);
    }
}
