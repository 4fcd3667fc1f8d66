//! Between the ECS and the state machine.

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use rand::RngExt;

use super::components::Broadcast;
use super::{BroadcastConfig, Delivered, Publish, Published, Redundant};
use crate::kernel::ahead::{Found, glance, next_chunk};
use crate::kernel::{
    CloseSession, Contact, Fired, Incarnation, Instant, NeighborDown, NeighborUp, Neighbors, Node, NodeClock, NodeRng, NodeStarted,
    Outgoing, Received, Refusals, Timers,
};
use crate::mesh::plumtree::{self, Effect, Moment, Plumtree};
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
pub(super) struct Outlets<'w> {
    timers: ResMut<'w, Timers<TreeTimer>>,
    outgoing: MessageWriter<'w, Outgoing>,
    delivered: MessageWriter<'w, Delivered>,
    redundant: MessageWriter<'w, Redundant>,
    close: MessageWriter<'w, CloseSession>,
    refusals: ResMut<'w, Refusals>,
}

/// Where those of one input go.
struct Outlet<'a, 'w> {
    all: &'a mut Outlets<'w>,
    node: Entity,
    at: Instant,
}

impl plumtree::Outlet for Outlet<'_, '_> {
    #[inline]
    fn push(&mut self, effect: Effect) {
        let Self { all, node, at } = self;
        let (node, at) = (*node, *at);
        match effect {
            Effect::Send(session, message) => {
                all.outgoing.write(Outgoing { session, at, message: message.into() });
            }
            Effect::Deliver { round, rumor } => {
                all.delivered.write(Delivered { node, rumor, round, at });
            }
            Effect::Redundant(id) => {
                all.redundant.write(Redundant { node, id, at });
            }
            Effect::Refuse(session) => {
                let reason = CloseReason::ProtocolViolation;
                all.refusals.count(reason);
                all.close.write(CloseSession { session, reason, at });
            }
        }
    }
}

impl Outlets<'_> {
    /// Lets `act` do something to the tree of a node at `at`, and sets its timer if the earliest due instant moved forward.
    #[inline]
    fn after(
        &mut self,
        entity: Entity,
        node: &Node,
        at: Instant,
        broadcast: &mut Broadcast,
        act: impl FnOnce(&mut Plumtree, &mut dyn plumtree::Outlet),
    ) {
        act(&mut broadcast.tree, &mut Outlet { all: self, node: entity, at });
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
    mut nodes: Query<(&Node, &Neighbors, &mut Broadcast)>,
    mut out: Outlets,
) {
    for NeighborDown { node, neighbor, .. } in down.read() {
        if let Ok((.., mut broadcast)) = nodes.get_mut(*node) {
            broadcast.tree.neighbor_down(neighbor.session);
        }
    }
    for NeighborUp { node: entity, neighbor, at } in up.read() {
        let Ok((node, neighbors, mut broadcast)) = nodes.get_mut(*entity) else { continue };
        // It may have been given up again in the same tick.
        if neighbors.iter().all(|one| one != neighbor) {
            continue;
        }
        out.after(*entity, node, *at, &mut broadcast, |tree, out| tree.greet(neighbor.session, out));
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
        out.after(entity, node, at, &mut broadcast, |tree, out| {
            let id = tree.broadcast(me.id, incarnation.0, payload, &moment, out);
            published.write(Published { node: entity, id, size: size as u32, at });
        });
    }
}

pub(super) fn receive(
    mut received: ResMut<Messages<Received<BroadcastMessage>>>,
    config: Res<BroadcastConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut Broadcast)>,
    mut out: Outlets,
    mut chunk: Local<Vec<Received<BroadcastMessage>>>,
) {
    let mut received = received.drain();
    while next_chunk(&mut received, &mut chunk) {
        {
            let at = |received: &Received<_>| Some(nodes.get(received.node).ok()?.2);
            let found: Found<_> = chunk.iter().filter_map(|received| Some((at(received)?, &received.message))).collect();
            glance(found.iter().map(|(broadcast, _)| broadcast.glance_first()));
            glance(found.iter().map(|(broadcast, message)| broadcast.tree.glance(message)));
        }
        let mut messages = chunk.drain(..).peekable();
        while let Some(Received { node: entity, .. }) = messages.peek() {
            let entity = *entity;
            let mut state = nodes.get_mut(entity).ok();
            // Messages to one node stand together.
            while let Some(Received { session, at, message, .. }) = messages.next_if(|received| received.node == entity) {
                let Some((node, clock, broadcast)) = &mut state else { continue };
                let broadcast = broadcast.bypass_change_detection();
                let moment = Moment { at, clock, config: &config };
                out.after(entity, node, at, broadcast, |tree, out| tree.on_message(session, message, &moment, out));
            }
        }
    }
}

pub(super) fn tree_timers(
    mut fired: MessageReader<Fired<TreeTimer>>,
    config: Res<BroadcastConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut Broadcast)>,
    mut out: Outlets,
    mut chunk: Local<Vec<Fired<TreeTimer>>>,
) {
    let mut fired = fired.read().copied();
    while next_chunk(&mut fired, &mut chunk) {
        {
            let found: Found<_> = chunk.iter().filter_map(|fired| Some(nodes.get(fired.node).ok()?.2)).collect();
            glance(found.iter().map(|broadcast| broadcast.glance_first()));
            glance(found.iter().map(|broadcast| broadcast.tree.glance_due()));
        }
        for Fired { node: entity, at, .. } in chunk.drain(..) {
            let Ok((node, clock, mut broadcast)) = nodes.get_mut(entity) else { continue };
            let broadcast = broadcast.bypass_change_detection();
            // An earlier one was set after this one: it has done the work.
            if broadcast.armed > at {
                continue;
            }
            broadcast.armed = Instant::NEVER;
            let moment = Moment { at, clock, config: &config };
            out.after(entity, node, at, broadcast, |tree, out| tree.on_timer(&moment, out));
        }
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
            let partner = rng.0.random_range(0..partners);
            out.after(*entity, node, *at, &mut broadcast, |tree, out| tree.compare_notes(partner, out));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bevy_app::App;

    use super::super::BroadcastPlugin;
    use super::*;
    use crate::kernel::{KernelPlugin, Neighbor, NodeState, Tick, TickSystems, run_tick};
    use crate::wire::NodeId;

    #[test]
    fn a_link_that_is_made_and_given_up_in_one_tick_is_no_branch_of_the_tree() {
        let mut app = App::empty();
        app.add_plugins((KernelPlugin { quantum: Duration::from_millis(1) }, BroadcastPlugin::default()));
        let node = app.world_mut().spawn(Node { ordinal: 0, epoch: 0, state: NodeState::Running }).id();
        let [brief, lasting] = [1, 2].map(|number| Neighbor { session: app.world_mut().spawn_empty().id(), id: NodeId([number; 32]) });
        app.world_mut().get_mut::<Neighbors>(node).unwrap().insert(lasting);
        let at = Instant::from_nanos(1_000_000);
        app.add_systems(
            Tick,
            (move |mut up: MessageWriter<NeighborUp>, mut down: MessageWriter<NeighborDown>| {
                up.write_batch([brief, lasting].map(|neighbor| NeighborUp { node, neighbor, at }));
                down.write(NeighborDown { node, neighbor: brief, at });
            })
            .in_set(TickSystems::Wake),
        );
        run_tick(app.world_mut(), at);
        let broadcast = app.world().get::<Broadcast>(node).unwrap();
        assert_eq!(broadcast.eager_peers().collect::<Vec<_>>(), [lasting.session]);
    }
}
