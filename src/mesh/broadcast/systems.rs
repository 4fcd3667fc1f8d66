//! Between the ECS and the state machine.

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use rand::RngExt;

use super::components::Broadcast;
use super::{BroadcastConfig, Delivered, Publish, Published, Redundant};
use crate::kernel::{
    CloseSession, Contact, Fired, Incarnation, Instant, NeighborDown, NeighborUp, Node, NodeClock, NodeRng, NodeStarted, Outgoing,
    Received, Refusals, Timers,
};
use crate::mesh::plumtree::{Effect, Effects, Kept, Moment};
use crate::wire::limits::MAX_PAYLOAD;
use crate::wire::{BroadcastMessage, CloseReason};

/// Something of the tree is due: announcements, grafts, a look for gaps.
#[derive(Clone, Copy, Debug)]
pub struct TreeTimer;

/// A summary for one neighbour is due.
#[derive(Clone, Copy, Debug)]
pub struct SummaryTimer;

/// Where effects go.
#[derive(SystemParam)]
pub(super) struct Outlets<'w, 's> {
    effects: Local<'s, Effects>,
    timers: ResMut<'w, Timers<TreeTimer>>,
    outgoing: MessageWriter<'w, Outgoing>,
    delivered: MessageWriter<'w, Delivered>,
    redundant: MessageWriter<'w, Redundant>,
    close: MessageWriter<'w, CloseSession>,
    refusals: ResMut<'w, Refusals>,
}

impl Outlets<'_, '_> {
    /// Carries out the effects of an input of `node` at `at`, and sets its timer if the earliest due instant moved forward.
    fn drain(&mut self, entity: Entity, node: &Node, at: Instant, broadcast: &mut Broadcast) {
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Send(session, message) => {
                    self.outgoing.write(Outgoing { session, at, message: message.into() });
                }
                Effect::Deliver(Kept { round, rumor, .. }) => {
                    self.delivered.write(Delivered { node: entity, rumor, round, at });
                }
                Effect::Redundant(id) => {
                    self.redundant.write(Redundant { node: entity, id, at });
                }
                Effect::Refuse(session) => {
                    let reason = CloseReason::ProtocolViolation;
                    self.refusals.count(reason);
                    self.close.write(CloseSession { session, reason, at });
                }
            }
        }
        let due = broadcast.tree.next_due();
        if due < broadcast.armed {
            broadcast.armed = due;
            self.timers.set(entity, node, due.max(at), TreeTimer);
        }
    }
}

pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    config: Res<BroadcastConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut NodeRng, &mut Broadcast)>,
    mut timers: ResMut<Timers<SummaryTimer>>,
) {
    for NodeStarted { node: entity, at, with_memory } in started.read() {
        let Ok((node, clock, mut rng, mut broadcast)) = nodes.get_mut(*entity) else { continue };
        if *with_memory {
            broadcast.tree.forget_links();
            broadcast.armed = Instant::NEVER;
        } else {
            *broadcast = Broadcast::default();
        }
        timers.set(*entity, node, clock.first(*at, config.summary_interval, rng.0.random_range(0.0..1.0)), SummaryTimer);
    }
}

pub(super) fn follow_neighbors(
    mut up: MessageReader<NeighborUp>,
    mut down: MessageReader<NeighborDown>,
    mut nodes: Query<(&Node, &mut Broadcast)>,
    mut out: Outlets,
) {
    for NeighborDown { node, neighbor, .. } in down.read() {
        if let Ok((_, mut broadcast)) = nodes.get_mut(*node) {
            broadcast.tree.neighbor_down(neighbor.session);
        }
    }
    for NeighborUp { node: entity, neighbor, at } in up.read() {
        let Ok((node, mut broadcast)) = nodes.get_mut(*entity) else { continue };
        broadcast.tree.greet(neighbor.session, &mut out.effects);
        out.drain(*entity, node, *at, &mut broadcast);
    }
}

pub(super) fn publish(
    mut asked: ResMut<Messages<Publish>>,
    config: Res<BroadcastConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Contact, &Incarnation, &mut Broadcast)>,
    mut published: MessageWriter<Published>,
    mut out: Outlets,
) {
    for Publish { node: entity, payload, at } in asked.drain() {
        let Ok((node, clock, me, incarnation, mut broadcast)) = nodes.get_mut(entity) else { continue };
        let size = payload.0.len();
        if size > MAX_PAYLOAD {
            out.refusals.count(CloseReason::FrameTooLong);
            continue;
        }
        let moment = Moment { at, clock, config: &config };
        let id = broadcast.tree.broadcast(me.id, incarnation.0, payload, &moment, &mut out.effects);
        published.write(Published { node: entity, id, size: size as u32, at });
        out.drain(entity, node, at, &mut broadcast);
    }
}

pub(super) fn receive(
    mut received: ResMut<Messages<Received<BroadcastMessage>>>,
    config: Res<BroadcastConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut Broadcast)>,
    mut out: Outlets,
) {
    for Received { node: entity, session, at, message } in received.drain() {
        let Ok((node, clock, mut broadcast)) = nodes.get_mut(entity) else { continue };
        let moment = Moment { at, clock, config: &config };
        broadcast.tree.on_message(session, message, &moment, &mut out.effects);
        out.drain(entity, node, at, &mut broadcast);
    }
}

pub(super) fn tree_timers(
    mut fired: MessageReader<Fired<TreeTimer>>,
    config: Res<BroadcastConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut Broadcast)>,
    mut out: Outlets,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, mut broadcast)) = nodes.get_mut(*entity) else { continue };
        // An earlier one was set after this one: it has done the work.
        if broadcast.armed > *at {
            continue;
        }
        broadcast.armed = Instant::NEVER;
        broadcast.tree.on_timer(&Moment { at: *at, clock, config: &config }, &mut out.effects);
        out.drain(*entity, node, *at, &mut broadcast);
    }
}

/// Compares notes with a random neighbour.
pub(super) fn compare_notes(
    mut fired: MessageReader<Fired<SummaryTimer>>,
    config: Res<BroadcastConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut NodeRng, &mut Broadcast)>,
    mut timers: ResMut<Timers<SummaryTimer>>,
    mut out: Outlets,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, mut rng, mut broadcast)) = nodes.get_mut(*entity) else { continue };
        timers.set(*entity, node, clock.after(*at, config.summary_interval), SummaryTimer);
        let partners = broadcast.tree.partners();
        if partners > 0 {
            broadcast.tree.compare_notes(rng.0.random_range(0..partners), &mut out.effects);
            out.drain(*entity, node, *at, &mut broadcast);
        }
    }
}
