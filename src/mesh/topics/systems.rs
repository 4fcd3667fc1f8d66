//! Between the ECS, the published links and the trees.

use std::collections::BTreeSet;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use rand::RngExt;

use super::components::{TopicCounts, TopicTree, Topics};
use super::messages::{JoinTopic, PublishTo, TopicDelivered, TopicError, TopicRefused};
use super::shape::participants;
use super::subscriptions::ROW;
use super::{LOBBY, TopicsConfig};
use crate::kernel::{
    Clock, CloseSession, Contact, Fired, Incarnation, Instant, LinkState, NeighborDown, NeighborUp, Neighbors, Node, NodeClock, NodeRng,
    NodeStarted, Outgoing, Received, Refusals, Restored, Timers,
};
use crate::mesh::plumtree::{self, Effect, Moment, Plumtree};
use crate::wire::limits::MAX_PAYLOAD;
use crate::wire::{CloseReason, TopicId, TopicMessage};

/// Something is due in a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreeTimer(TopicId);

/// It shall be worked out anew who relays.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShapeTimer;

/// Notes shall be compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct SummaryTimer;

/// Where effects go.
#[derive(SystemParam)]
pub(super) struct Outlets<'w> {
    timers: ResMut<'w, Timers<TreeTimer>>,
    outgoing: MessageWriter<'w, Outgoing>,
    delivered: MessageWriter<'w, TopicDelivered>,
    close: MessageWriter<'w, CloseSession>,
    refusals: ResMut<'w, Refusals>,
}

/// Where those of one input go.
struct Outlet<'a, 'w> {
    all: &'a mut Outlets<'w>,
    node: Entity,
    topic: TopicId,
    at: Instant,
    subscribed: bool,
    counts: &'a mut TopicCounts,
}

impl plumtree::Outlet for Outlet<'_, '_> {
    fn push(&mut self, effect: Effect) {
        let Self { all, node, topic, at, subscribed, counts } = self;
        let (node, topic, at) = (*node, *topic, *at);
        match effect {
            Effect::Send(session, message) => {
                all.outgoing.write(Outgoing { session, at, message: TopicMessage { topic, message }.into() });
            }
            Effect::Deliver { round, rumor } => {
                counts.delivered += 1;
                if *subscribed {
                    all.delivered.write(TopicDelivered { node, topic, rumor, hops: round, at });
                }
            }
            Effect::Redundant(_) => counts.redundant += 1,
            Effect::Refuse(session) => {
                all.refusals.count(CloseReason::ProtocolViolation);
                all.close.write(CloseSession { session, reason: CloseReason::ProtocolViolation, at });
            }
        }
    }
}

impl Outlets<'_> {
    /// Lets `act` do something to the tree of one topic, and sets its timer if the earliest due instant moved forward.
    fn after(
        &mut self,
        (entity, node): (Entity, &Node),
        at: Instant,
        topic: TopicId,
        state: &mut TopicTree,
        act: impl FnOnce(&mut Plumtree, &mut dyn plumtree::Outlet),
    ) {
        let TopicTree { tree, subscribed, counts, armed } = state;
        act(tree, &mut Outlet { all: self, node: entity, topic, at, subscribed: *subscribed, counts });
        let due = tree.next_due();
        if due < *armed {
            *armed = due;
            self.timers.set(entity, node, due.max(at), TreeTimer(topic));
        }
    }
}

pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    mut restored: MessageReader<Restored>,
    config: Res<TopicsConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut NodeRng, &mut Topics)>,
    mut timers: ResMut<Timers<SummaryTimer>>,
    mut join: MessageWriter<JoinTopic>,
) {
    for NodeStarted { node: entity, at, with_memory } in started.read().copied() {
        let Ok((node, clock, mut rng, mut topics)) = nodes.get_mut(entity) else { continue };
        if with_memory {
            for tree in topics.trees.values_mut() {
                tree.tree.forget_links();
                tree.armed = Instant::NEVER;
            }
            topics.shaping = false;
        } else {
            *topics = Topics::default();
            topics.trees.insert(TopicId::of(LOBBY), TopicTree::new(true));
            join.write_batch(config.join.iter().map(|name| JoinTopic { node: entity, name: name.clone(), at }));
        }
        topics.shaped_for = u64::MAX;
        timers.set(entity, node, clock.first(at, config.tree.summary_interval, rng.0.random_range(0.0..1.0)), SummaryTimer);
    }
    for message in restored.read() {
        if let Some(Ok(name)) = message.of_kind(ROW).map(|name| String::from_utf8(name.to_vec())) {
            join.write(JoinTopic { node: message.node, name, at: message.at });
        }
    }
}

/// The lobby's tree has all neighbours, at once.
pub(super) fn follow_neighbors(
    mut up: MessageReader<NeighborUp>,
    mut down: MessageReader<NeighborDown>,
    mut nodes: Query<(&Node, &Neighbors, &mut Topics)>,
    mut out: Outlets,
) {
    for NeighborDown { node, neighbor, .. } in down.read() {
        let Ok((.., mut topics)) = nodes.get_mut(*node) else { continue };
        topics.trees.values_mut().for_each(|state| state.tree.neighbor_down(neighbor.session));
        topics.shaped_for = u64::MAX;
    }
    for NeighborUp { node: entity, neighbor, at } in up.read() {
        let Ok((node, neighbors, mut topics)) = nodes.get_mut(*entity) else { continue };
        topics.shaped_for = u64::MAX;
        // It may have been given up again in the same tick.
        if neighbors.iter().all(|one| one != neighbor) {
            continue;
        }
        let lobby = TopicId::of(LOBBY);
        if let Some(state) = topics.trees.get_mut(&lobby) {
            out.after((*entity, node), *at, lobby, state, |tree, out| tree.greet(neighbor.session, out));
        }
    }
}

/// Of nodes whose trees may have to be shaped anew.
type Stirred = Or<(Changed<LinkState>, Changed<Topics>)>;

/// Has the trees shaped when links or subscriptions have changed.
pub(super) fn follow_links(
    config: Res<TopicsConfig>,
    clock: Res<Clock>,
    mut changed: Query<(Entity, &Node, &NodeClock, &mut Topics, &LinkState), Stirred>,
    mut timers: ResMut<Timers<ShapeTimer>>,
) {
    for (entity, node, node_clock, mut topics, links) in &mut changed {
        if node.is_up() && !topics.shaping && topics.shaped_for != links.version() {
            topics.bypass_change_detection().shaping = true;
            timers.set(entity, node, node_clock.after(clock.start(), config.shape_delay), ShapeTimer);
        }
    }
}

/// Works out anew who takes part in what.
pub(super) fn reshape(
    mut fired: MessageReader<Fired<ShapeTimer>>,
    mut nodes: Query<(&Node, &Contact, &Neighbors, &LinkState, &mut Topics)>,
    mut out: Outlets,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, me, neighbors, links, mut topics)) = nodes.get_mut(*entity) else { continue };
        topics.shaping = false;
        topics.shaped_for = links.version();
        shape(*entity, (node, me, neighbors, links), &mut topics, *at, &mut out);
    }
}

fn shape(
    entity: Entity,
    (node, me, neighbors, links): (&Node, &Contact, &Neighbors, &LinkState),
    topics: &mut Topics,
    at: Instant,
    out: &mut Outlets,
) {
    let all: Vec<TopicId> = topics.names.keys().chain(topics.trees.keys()).copied().collect::<BTreeSet<_>>().into_iter().collect();
    for topic in all.into_iter().filter(|topic| *topic != TopicId::of(LOBBY)) {
        let mut subscribers = topics.subscribers.get(&topic).cloned().unwrap_or_default();
        let subscribed = topics.is_subscribed(&topic);
        if subscribed {
            subscribers.insert(me.id);
        }
        let part = participants(links, &subscribers);
        if !part.contains(&me.id) {
            topics.trees.remove(&topic);
            continue;
        }
        let state = topics.trees.entry(topic).or_insert_with(|| TopicTree::new(subscribed));
        out.after((entity, node), at, topic, state, |tree, out| {
            for neighbor in neighbors.iter() {
                match (part.contains(&neighbor.id), tree.is_peer(neighbor.session)) {
                    (true, false) => tree.greet(neighbor.session, out),
                    (false, true) => tree.neighbor_down(neighbor.session),
                    _ => {}
                }
            }
        });
    }
}

pub(super) fn publish(
    mut asked: ResMut<Messages<PublishTo>>,
    config: Res<TopicsConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Contact, &Incarnation, &mut Topics)>,
    mut refused: MessageWriter<TopicRefused>,
    mut out: Outlets,
) {
    for PublishTo { node: entity, topic, payload, at } in asked.drain() {
        let Ok((node, clock, me, incarnation, mut topics)) = nodes.get_mut(entity) else { continue };
        let topics = &mut *topics;
        let shared = config.shared_by(topics.trees.len());
        let state = topics.trees.get_mut(&topic).filter(|state| state.subscribed);
        let (Some(state), true) = (state, payload.0.len() <= MAX_PAYLOAD) else {
            let reason = if payload.0.len() > MAX_PAYLOAD { TopicError::TooLong } else { TopicError::NotSubscribed };
            let name = topics.names.get(&topic).map(|name| name.to_string());
            refused.write(TopicRefused { node: entity, name, reason, at });
            continue;
        };
        let moment = Moment { at, clock, config: &shared };
        state.counts.published += 1;
        out.after((entity, node), at, topic, state, |tree, out| {
            tree.broadcast(me.id, incarnation.0, payload, &moment, out);
        });
    }
}

pub(super) fn receive(
    mut received: ResMut<Messages<Received<TopicMessage>>>,
    config: Res<TopicsConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut Topics)>,
    mut out: Outlets,
) {
    for Received { node: entity, session, at, message: TopicMessage { topic, message } } in received.drain() {
        let Ok((node, clock, mut topics)) = nodes.get_mut(entity) else { continue };
        let shared = config.shared_by(topics.trees.len());
        // Whoever sends it sees this node among those who take part. If that is so, this node will soon see it too.
        let Some(state) = topics.bypass_change_detection().trees.get_mut(&topic) else { continue };
        let moment = Moment { at, clock, config: &shared };
        out.after((entity, node), at, topic, state, |tree, out| tree.on_message(session, message, &moment, out));
    }
}

/// Does what is due in trees, and compares notes.
pub(super) fn act(
    mut fired: MessageReader<Fired<TreeTimer>>,
    mut summaries: MessageReader<Fired<SummaryTimer>>,
    config: Res<TopicsConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut NodeRng, &mut Topics)>,
    mut timers: ResMut<Timers<SummaryTimer>>,
    mut out: Outlets,
) {
    for Fired { node: entity, at, timer: TreeTimer(topic) } in fired.read() {
        let Ok((node, clock, _, mut topics)) = nodes.get_mut(*entity) else { continue };
        let Some(state) = topics.bypass_change_detection().trees.get_mut(topic).filter(|state| state.armed <= *at) else { continue };
        state.armed = Instant::NEVER;
        let moment = Moment { at: *at, clock, config: &config.tree };
        out.after((*entity, node), *at, *topic, state, |tree, out| tree.on_timer(&moment, out));
    }
    for Fired { node: entity, at, .. } in summaries.read() {
        let Ok((node, clock, mut rng, mut topics)) = nodes.get_mut(*entity) else { continue };
        timers.set(*entity, node, clock.after(*at, config.tree.summary_interval), SummaryTimer);
        for (topic, state) in &mut topics.bypass_change_detection().trees {
            let partners = state.tree.partners();
            if partners > 0 {
                let partner = rng.0.random_range(0..partners);
                out.after((*entity, node), *at, *topic, state, |tree, out| tree.compare_notes(partner, out));
            }
        }
    }
}
