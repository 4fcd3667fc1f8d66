//! Counting. Nothing here changes what a node does.

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;

use super::census::{Flows, Meter, OPENED, PeerTraffic, TickCount};
use crate::kernel::{
    FrameIn, FrameOut, NeighborDown, NeighborUp, NodeStarted, Outgoing, Received, Session, SessionClosed, SessionOf, SessionOpened,
    SessionPhase,
};
use crate::mesh::broadcast::{Delivered, Published, Redundant};
use crate::mesh::detection::{Suspected, Trusted};
use crate::mesh::discovery::{WentOffline, WentOnline};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{MemberForgotten, MemberJoined};
use crate::wire::{BroadcastMessage, WireMessage};

/// The two places in which traffic is written down: at the session and at its node.
#[derive(SystemParam)]
pub(super) struct Books<'w, 's> {
    sessions: Query<'w, 's, (&'static Session, &'static SessionOf, &'static mut PeerTraffic)>,
    meters: Query<'w, 's, &'static mut Meter>,
}

impl Books<'_, '_> {
    fn enter(&mut self, session: Entity, add: impl Fn(&mut Flows)) {
        let Ok((_, SessionOf(node), mut traffic)) = self.sessions.get_mut(session) else { return };
        add(&mut traffic.flows);
        if let Ok(mut meter) = self.meters.get_mut(*node) {
            add(&mut meter.flows);
        }
    }

    fn is_open(&self, session: Entity) -> bool {
        self.sessions.get(session).is_ok_and(|(state, ..)| state.phase == SessionPhase::Established)
    }
}

pub(super) fn count_frames_in(mut frames: MessageReader<FrameIn>, mut books: Books) {
    for FrameIn { session, frame, .. } in frames.read() {
        books.enter(*session, |flows| flows.received.frames.add(frame.len()));
    }
}

pub(super) fn count_frames_out(mut frames: MessageReader<FrameOut>, mut books: Books) {
    for FrameOut { session, frame, .. } in frames.read() {
        books.enter(*session, |flows| flows.sent.frames.add(frame.len()));
    }
}

pub(super) fn count_payloads_in(mut received: MessageReader<Received<BroadcastMessage>>, mut books: Books) {
    for Received { session, message, .. } in received.read() {
        if let Some(bytes) = payload(message) {
            books.enter(*session, |flows| flows.received.payloads.add(bytes));
        }
    }
}

pub(super) fn count_payloads_out(mut outgoing: MessageReader<Outgoing>, mut books: Books) {
    for Outgoing { session, message, .. } in outgoing.read() {
        let WireMessage::Broadcast(message) = message else { continue };
        // What is meant for a session that is not open is not sealed either.
        if let Some(bytes) = payload(message).filter(|_| books.is_open(*session)) {
            books.enter(*session, |flows| flows.sent.payloads.add(bytes));
        }
    }
}

/// Bytes of the payload that `message` carries, if it carries one.
fn payload(message: &BroadcastMessage) -> Option<usize> {
    match message {
        BroadcastMessage::Gossip { rumor, .. } | BroadcastMessage::Repair { rumor, .. } => Some(rumor.payload.0.len()),
        _ => None,
    }
}

pub(super) fn count_sessions(
    mut started: MessageReader<NodeStarted>,
    mut opened: MessageReader<SessionOpened>,
    mut closed: MessageReader<SessionClosed>,
    mut offline: MessageReader<WentOffline>,
    mut online: MessageReader<WentOnline>,
    mut meters: Query<&mut Meter>,
    mut sessions: Query<&mut PeerTraffic>,
) {
    for NodeStarted { node, at, .. } in started.read() {
        with(&mut meters, *node, |meter| (meter.started, meter.offline) = (Some(*at), false));
    }
    for SessionOpened { node, session, at, .. } in opened.read() {
        if let Ok(mut traffic) = sessions.get_mut(*session) {
            traffic.opened = *at;
        }
        with(&mut meters, *node, |meter| *meter.handshakes.entry(OPENED).or_default() += 1);
    }
    for SessionClosed { node, was_open, reason, .. } in closed.read() {
        with(&mut meters, *node, |meter| {
            let counts = if *was_open { &mut meter.closed } else { &mut meter.handshakes };
            *counts.entry(reason.name()).or_default() += 1;
        });
    }
    // A node that goes offline has no session, so it cannot be online again within the same tick before it went.
    for WentOffline { node, .. } in offline.read() {
        with(&mut meters, *node, |meter| (meter.offline, meter.went_offline) = (true, meter.went_offline + 1));
    }
    for WentOnline { node, .. } in online.read() {
        with(&mut meters, *node, |meter| (meter.offline, meter.went_online) = (false, meter.went_online + 1));
    }
}

pub(super) fn count_members(
    mut joined: MessageReader<MemberJoined>,
    mut left: MessageReader<MemberLeft>,
    mut forgotten: MessageReader<MemberForgotten>,
    mut suspected: MessageReader<Suspected>,
    mut trusted: MessageReader<Trusted>,
    mut up: MessageReader<NeighborUp>,
    mut down: MessageReader<NeighborDown>,
    mut meters: Query<&mut Meter>,
) {
    joined.read().for_each(|message| with(&mut meters, message.node, |meter| meter.joined += 1));
    left.read().for_each(|message| with(&mut meters, message.node, |meter| meter.left += 1));
    forgotten.read().for_each(|message| with(&mut meters, message.node, |meter| meter.forgotten += 1));
    suspected.read().for_each(|message| with(&mut meters, message.node, |meter| meter.suspected += 1));
    trusted.read().for_each(|message| with(&mut meters, message.node, |meter| meter.trusted += 1));
    up.read().for_each(|message| with(&mut meters, message.node, |meter| meter.neighbors_up += 1));
    down.read().for_each(|message| with(&mut meters, message.node, |meter| meter.neighbors_down += 1));
}

pub(super) fn count_broadcasts(
    mut published: MessageReader<Published>,
    mut delivered: MessageReader<Delivered>,
    mut redundant: MessageReader<Redundant>,
    mut meters: Query<&mut Meter>,
) {
    for Published { node, size, .. } in published.read() {
        with(&mut meters, *node, |meter| meter.published.add(*size as usize));
    }
    for Delivered { node, rumor, .. } in delivered.read() {
        with(&mut meters, *node, |meter| meter.delivered.add(rumor.payload.0.len()));
    }
    redundant.read().for_each(|message| with(&mut meters, message.node, |meter| meter.redundant += 1));
}

pub(super) fn count_tick(mut ticks: ResMut<TickCount>) {
    ticks.0 += 1;
}

fn with(meters: &mut Query<&mut Meter>, node: Entity, count: impl FnOnce(&mut Meter)) {
    if let Ok(mut meter) = meters.get_mut(node) {
        count(&mut meter);
    }
}
