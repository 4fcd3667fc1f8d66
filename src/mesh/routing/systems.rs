//! Between the ECS and the state machine.

use bevy_ecs::prelude::*;
use bevy_ecs::query::QueryData;
use bevy_ecs::system::SystemParam;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::components::{Routing, RoutingCounts};
use super::effects::{Effect, Keyring, Surroundings};
use super::{DatagramReceived, LINKS, RoutingConfig, SendFailed, SendTo};
use crate::kernel::{
    AccessList, AddressBook, CloseSession, Contact, Fired, Incarnation, Instant, KeyRng, Keys, LinkState, MAX_LINKS, NeighborDown,
    NeighborUp, Neighbors, NetworkTag, Node, NodeClock, NodeStarted, Outgoing, Prekeys, Received, Refusals, Session, Timers,
};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{KeyChanged, MemberForgotten, MemberJoined, SetKey};
use crate::wire::RoutingMessage;
use crate::wire::membership::Prefix;

/// What routing waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum RoutingTimer {
    /// The links of the node are to be published.
    Publish,
    /// Something has waited for its way, maybe for too long.
    Waiting,
}

/// Nodes whose links or keys have changed in this tick, or for whom time has passed; and when.
#[derive(Resource, Default)]
pub(super) struct Stirred(IndexMap<Entity, Instant, FxBuildHasher>);

/// A node, as far as routing looks at it.
#[derive(QueryData)]
#[query_data(mutable)]
pub(super) struct Router {
    node: &'static Node,
    clock: &'static NodeClock,
    contact: &'static Contact,
    incarnation: &'static Incarnation,
    network: &'static NetworkTag,
    keys: &'static Keys,
    prekeys: &'static Prekeys,
    access: &'static AccessList,
    neighbors: &'static Neighbors,
    rng: &'static mut KeyRng,
    links: &'static mut LinkState,
    routing: &'static mut Routing,
}

/// Where effects go.
#[derive(SystemParam)]
pub(super) struct Outlets<'w, 's> {
    config: Res<'w, RoutingConfig>,
    effects: Local<'s, Vec<Effect>>,
    counts: ResMut<'w, RoutingCounts>,
    timers: ResMut<'w, Timers<RoutingTimer>>,
    outgoing: MessageWriter<'w, Outgoing>,
    received: MessageWriter<'w, DatagramReceived>,
    failed: MessageWriter<'w, SendFailed>,
}

impl Outlets<'_, '_> {
    /// Lets the state machine of a node `act` at `at`, carries out the effects, and sets its timer if the earliest due instant moved forward.
    fn with<R>(&mut self, node: Entity, at: Instant, mut it: RouterItem, act: impl FnOnce(&mut Routing, &mut Surroundings) -> R) -> R {
        it.links.follow(it.contact.id, it.neighbors);
        let mut around = Surroundings {
            at,
            clock: it.clock,
            config: &self.config,
            me: it.contact.id,
            life: it.incarnation.0,
            network: &it.network.0,
            keys: Keyring { identity: &it.keys.0, prekeys: it.prekeys, rng: &mut it.rng.0 },
            access: it.access,
            links: &mut it.links,
            counts: &mut self.counts,
            effects: &mut self.effects,
        };
        let outcome = act(&mut it.routing, &mut around);
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Send(to, message) => {
                    if let Some(neighbor) = it.neighbors.iter().find(|neighbor| neighbor.id == to) {
                        self.outgoing.write(Outgoing { session: neighbor.session, at, message: message.into() });
                    }
                }
                Effect::Deliver { from, body, hops } => {
                    self.received.write(DatagramReceived { node, from, body, hops, at });
                }
                Effect::Fail { to, body, reason } => {
                    self.failed.write(SendFailed { node, to, body, reason, at });
                }
            }
        }
        let due = it.routing.waiting.next_due(at);
        if due < it.routing.armed {
            it.routing.armed = due;
            self.timers.set(node, it.node, due, RoutingTimer::Waiting);
        }
        outcome
    }
}

/// Begins a life. Its links are published also if there are none: those of an earlier life may still be believed.
pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    config: Res<RoutingConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Contact, &Neighbors, &mut LinkState, &mut Routing)>,
    mut timers: ResMut<Timers<RoutingTimer>>,
) {
    for NodeStarted { node: entity, at, with_memory } in started.read().copied() {
        let Ok((node, clock, me, neighbors, mut links, mut routing)) = nodes.get_mut(entity) else { continue };
        if with_memory {
            routing.wake();
        } else {
            *routing = Routing::default();
            links.clear();
        }
        links.follow(me.id, neighbors);
        routing.publishes = true;
        timers.set(entity, node, clock.after(at, config.publish_delay), RoutingTimer::Publish);
    }
}

/// Learns who is linked with whom, and forgets it of those who are gone.
pub(super) fn learn(
    mut left: MessageReader<MemberLeft>,
    mut joined: MessageReader<MemberJoined>,
    mut changed: MessageReader<KeyChanged>,
    mut forgotten: MessageReader<MemberForgotten>,
    mut nodes: Query<(&AddressBook, &mut LinkState)>,
    mut stirred: ResMut<Stirred>,
) {
    for MemberLeft { node, member, at, .. } in left.read() {
        let Ok((book, mut links)) = nodes.get_mut(*node) else { continue };
        // A goodbye from an earlier life does not concern who is back: membership has kept it.
        if book.get(member).is_none() {
            links.remove(member);
            stirred.0.insert(*node, *at);
        }
    }
    // The links of an earlier life are gone; those of this one come with its other keys.
    for MemberJoined { node, member, .. } in joined.read() {
        if let Ok((_, mut links)) = nodes.get_mut(*node) {
            links.remove(member);
        }
    }
    for KeyChanged { node, member, key, value, at } in changed.read() {
        let Ok((_, mut links)) = nodes.get_mut(*node) else { continue };
        if &**key == LINKS {
            match value.as_deref().and_then(parse) {
                Some(published) => {
                    links.set(*member, published);
                }
                None => links.remove(member),
            }
        }
        // Another key may be the prekey that something waits for.
        stirred.0.insert(*node, *at);
    }
    // Last: whoever is forgotten in this tick was so after all news of it.
    for MemberForgotten { node, member, at } in forgotten.read() {
        let Ok((_, mut links)) = nodes.get_mut(*node) else { continue };
        links.remove(member);
        stirred.0.insert(*node, *at);
    }
}

/// The links that a key holds; `None` if it holds anything else.
fn parse(value: &[u8]) -> Option<impl Iterator<Item = Prefix>> {
    let (links, rest) = value.as_chunks::<8>();
    (rest.is_empty() && links.len() <= MAX_LINKS).then(|| links.iter().copied().map(Prefix))
}

/// The node's own links have changed. They count at once, whether it has anything to send or not: others than routing look at them too.
pub(super) fn follow_neighbors(
    mut up: MessageReader<NeighborUp>,
    mut down: MessageReader<NeighborDown>,
    config: Res<RoutingConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Contact, &Neighbors, &mut LinkState, &mut Routing)>,
    mut timers: ResMut<Timers<RoutingTimer>>,
    mut stirred: ResMut<Stirred>,
) {
    let changes = up.read().map(|up| (up.node, up.at)).chain(down.read().map(|down| (down.node, down.at)));
    for (entity, at) in changes {
        let Ok((node, clock, me, neighbors, mut links, mut routing)) = nodes.get_mut(entity) else { continue };
        links.follow(me.id, neighbors);
        stirred.0.insert(entity, at);
        if !routing.publishes {
            routing.publishes = true;
            timers.set(entity, node, clock.after(at, config.publish_delay), RoutingTimer::Publish);
        }
    }
}

/// Does what is due: publishes links, looks again at what waits.
pub(super) fn act(
    mut fired: MessageReader<Fired<RoutingTimer>>,
    mut nodes: Query<(&Neighbors, &mut Routing)>,
    mut announce: MessageWriter<SetKey>,
    mut stirred: ResMut<Stirred>,
) {
    for Fired { node, at, timer } in fired.read().copied() {
        let Ok((neighbors, mut routing)) = nodes.get_mut(node) else { continue };
        match timer {
            RoutingTimer::Publish => {
                routing.publishes = false;
                let mut links: Vec<Prefix> = neighbors.iter().map(|neighbor| Prefix::from(&neighbor.id)).collect();
                links.sort_unstable();
                let value = links.iter().take(MAX_LINKS).flat_map(|prefix| prefix.0).collect();
                announce.write(SetKey { node, key: LINKS.to_owned(), value: Some(value), at });
            }
            // An earlier one was set after this one: it has done the work.
            RoutingTimer::Waiting if routing.armed > at => {}
            RoutingTimer::Waiting => {
                routing.armed = Instant::NEVER;
                stirred.0.insert(node, at);
            }
        }
    }
}

pub(super) fn send(mut asked: ResMut<Messages<SendTo>>, mut nodes: Query<Router>, mut out: Outlets) {
    for SendTo { node, to, body, at } in asked.drain() {
        if let Ok(router) = nodes.get_mut(node) {
            out.with(node, at, router, |routing, around| routing.send(to, body, around));
        }
    }
}

pub(super) fn receive(
    mut received: ResMut<Messages<Received<RoutingMessage>>>,
    mut nodes: Query<Router>,
    sessions: Query<&Session>,
    mut close: MessageWriter<CloseSession>,
    mut refusals: ResMut<Refusals>,
    mut out: Outlets,
) {
    for Received { node, session, at, message } in received.drain() {
        let Ok(router) = nodes.get_mut(node) else { continue };
        let Ok(Session { remote: Some(from), .. }) = sessions.get(session) else { continue };
        let outcome = out.with(node, at, router, |routing, around| match message {
            RoutingMessage::Datagram(datagram) => routing.on_datagram(*from, datagram, around),
            RoutingMessage::Undeliverable(note) => routing.on_undeliverable(*from, note, around),
        });
        if let Err(reason) = outcome {
            refusals.count(reason);
            close.write(CloseSession { session, reason, at });
        }
    }
}

/// There may be a way now for what waits.
pub(super) fn look_again(mut stirred: ResMut<Stirred>, mut nodes: Query<Router>, mut out: Outlets) {
    for (node, at) in stirred.0.drain(..) {
        if let Ok(router) = nodes.get_mut(node)
            && !router.routing.waiting.is_empty()
        {
            out.with(node, at, router, Routing::look_again);
        }
    }
}
