//! Rounds of anti-entropy, and what comes of them.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use rand::{Rng, RngExt};

use super::components::Membership;
use super::scuttlebutt::{News, Scuttlebutt};
use super::{ADDRESS, Heartbeat, MemberForgotten, MemberJoined, MembershipConfig, SetKey};
use crate::crypto::NodeId;
use crate::kernel::{
    AddressBook, CloseSession, Contact, Fired, Incarnation, Instant, Keys, NeighborUp, Neighbors, Node, NodeClock, NodeRng, NodeStarted,
    Outgoing, Peer, Received, Refusals, Standing, Timers,
};
use crate::mesh::leave::MemberLeft;
use crate::wire::{Address, CloseReason, MembershipMessage, Update, address};

/// A round is due.
#[derive(Clone, Copy, Debug)]
pub struct Round;

/// The node's heart beats.
#[derive(Clone, Copy, Debug)]
pub struct Beat;

/// What membership tells.
#[derive(SystemParam)]
pub(super) struct Outlets<'w, 's> {
    news: Local<'s, Vec<News>>,
    joined: MessageWriter<'w, MemberJoined>,
    heartbeats: MessageWriter<'w, Heartbeat>,
    outgoing: MessageWriter<'w, Outgoing>,
    close: MessageWriter<'w, CloseSession>,
    refusals: ResMut<'w, Refusals>,
}

pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    config: Res<MembershipConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Contact, &Keys, &Incarnation, &mut NodeRng, &mut Membership)>,
    mut rounds: ResMut<Timers<Round>>,
    mut beats: ResMut<Timers<Beat>>,
) {
    for NodeStarted { node: entity, at, .. } in started.read() {
        let Ok((node, clock, me, keys, incarnation, mut rng, mut membership)) = nodes.get_mut(*entity) else { continue };
        match &mut membership.0 {
            Some(state) => state.begin_life(&keys.0, incarnation.0),
            None => {
                let mut state = Scuttlebutt::new(&keys.0, incarnation.0);
                state.set(&keys.0, ADDRESS, Some(me.address.to_bytes()));
                membership.0 = Some(state);
            }
        }
        let phase = |interval: Duration, rng: &mut NodeRng| clock.after(*at, interval.mul_f64(rng.0.random_range(0.0..1.0)));
        rounds.set(*entity, node, phase(config.gossip_interval, &mut rng), Round);
        beats.set(*entity, node, phase(config.heartbeat_interval, &mut rng), Beat);
    }
}

pub(super) fn write_keys(mut asked: MessageReader<SetKey>, mut nodes: Query<(&Keys, &mut Membership)>, mut refusals: ResMut<Refusals>) {
    for SetKey { node, key, value, .. } in asked.read() {
        let Ok((keys, mut membership)) = nodes.get_mut(*node) else { continue };
        let fits = key.len() <= super::MAX_KEY && value.as_ref().is_none_or(|value| value.len() <= super::MAX_VALUE);
        if !fits || !membership.0.as_mut().is_some_and(|state| state.set(&keys.0, key, value.clone())) {
            refusals.count(CloseReason::ProtocolViolation);
        }
    }
}

pub(super) fn beat(
    mut fired: MessageReader<Fired<Beat>>,
    config: Res<MembershipConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut Membership)>,
    mut beats: ResMut<Timers<Beat>>,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, mut membership)) = nodes.get_mut(*entity) else { continue };
        if let Some(state) = &mut membership.0 {
            state.beat();
        }
        beats.set(*entity, node, clock.after(*at, config.heartbeat_interval), Beat);
    }
}

/// A member that says goodbye is gone at once.
pub(super) fn let_go(mut left: MessageReader<MemberLeft>, mut nodes: Query<(&mut Membership, &mut AddressBook)>) {
    for MemberLeft { node, member, incarnation, .. } in left.read() {
        let Ok((mut membership, mut book)) = nodes.get_mut(*node) else { continue };
        if membership.0.as_mut().is_some_and(|state| state.bury(member, *incarnation)) {
            book.remove(member);
        }
    }
}

/// Begins a round with a random neighbour, and forgets who has been suspected for too long.
pub(super) fn gossip(
    mut fired: MessageReader<Fired<Round>>,
    config: Res<MembershipConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Neighbors, &mut NodeRng, &mut Membership, &mut AddressBook)>,
    mut rounds: ResMut<Timers<Round>>,
    mut forgotten: MessageWriter<MemberForgotten>,
    mut outgoing: MessageWriter<Outgoing>,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, neighbors, mut rng, mut membership, mut book)) = nodes.get_mut(*entity) else { continue };
        rounds.set(*entity, node, clock.after(*at, config.gossip_interval), Round);
        let Membership(Some(state), turn) = &mut *membership else { continue };
        let overdue = |peer: &Peer| match peer.standing {
            Standing::Suspected { since } => clock.elapsed(since, *at) >= config.grace_period,
            _ => false,
        };
        let dead: Vec<NodeId> = book.iter().filter(|(_, peer)| overdue(peer)).map(|(id, _)| *id).collect();
        for member in dead {
            book.set_standing(&member, Standing::Lost);
            if state.bury(&member, u64::MAX) {
                forgotten.write(MemberForgotten { node: *entity, member, at: *at });
            }
        }
        if neighbors.is_empty() {
            continue;
        }
        // One after the other rather than at random: news travel at an even pace, which is what failure detection lives on.
        *turn = turn.wrapping_add(1);
        let Some(neighbor) = neighbors.get(*turn % neighbors.len()) else { continue };
        outgoing.write(Outgoing { session: neighbor.session, at: *at, message: syn(state, &book, &mut rng, &config).into() });
    }
}

/// A new neighbour is told at once what is known here, so that joins and heals spread fast.
pub(super) fn greet(
    mut up: MessageReader<NeighborUp>,
    config: Res<MembershipConfig>,
    mut nodes: Query<(&Contact, &mut NodeRng, &Membership, &AddressBook)>,
    mut outgoing: MessageWriter<Outgoing>,
) {
    for NeighborUp { node, neighbor, at } in up.read() {
        let Ok((me, mut rng, membership, book)) = nodes.get_mut(*node) else { continue };
        // One exchange serves both.
        if let Some(state) = membership.0.as_ref().filter(|_| me.id > neighbor.id) {
            outgoing.write(Outgoing { session: neighbor.session, at: *at, message: syn(state, book, &mut rng, &config).into() });
        }
    }
}

fn syn(state: &Scuttlebutt, book: &AddressBook, rng: &mut NodeRng, config: &MembershipConfig) -> MembershipMessage {
    let mut start = [0; 32];
    rng.0.fill_bytes(&mut start);
    MembershipMessage::Syn(state.digest(&NodeId(start), config.byte_budget, |id| is_alive(book, id)))
}

/// Whether a member may be told of: not while it is suspected.
fn is_alive(book: &AddressBook, id: &NodeId) -> bool {
    !matches!(book.get(id), Some(Peer { standing: Standing::Suspected { .. } | Standing::Lost, .. }))
}

pub(super) fn receive(
    mut received: MessageReader<Received<MembershipMessage>>,
    config: Res<MembershipConfig>,
    mut nodes: Query<(&Keys, &mut Membership, &mut AddressBook)>,
    mut out: Outlets,
) {
    for Received { node, session, at, message } in received.read() {
        let Ok((keys, mut membership, mut book)) = nodes.get_mut(*node) else { continue };
        let Some(state) = &mut membership.0 else { continue };
        let budget = config.byte_budget;
        let (delta, reply): (&[Update], _) = match message {
            MembershipMessage::Syn(digest) => {
                let (delta, wants) = state.reconcile(&keys.0, digest, budget, |id| is_alive(&book, id));
                // An empty answer ends the exchange.
                let reply = (!delta.is_empty() || !wants.is_empty()).then_some(MembershipMessage::SynAck { delta, wants });
                (&[], reply)
            }
            MembershipMessage::SynAck { delta, wants } => {
                let answer = state.answer(&keys.0, wants, budget);
                (delta, (!answer.is_empty()).then_some(MembershipMessage::Ack(answer)))
            }
            MembershipMessage::Ack(delta) => (delta, None),
        };
        if let Some(reply) = reply {
            out.outgoing.write(Outgoing { session: *session, at: *at, message: reply.into() });
        }
        for update in delta {
            if state.apply(&keys.0, update, keys.0.mode(), &mut out.news).is_err() {
                out.refusals.count(CloseReason::ForgedIdentity);
                out.close.write(CloseSession { session: *session, reason: CloseReason::ProtocolViolation, at: *at });
                break;
            }
        }
        out.tell(*node, *at, state, &mut book);
    }
}

impl Outlets<'_, '_> {
    /// Tells what is new, and keeps the address book up to date.
    fn tell(&mut self, node: Entity, at: Instant, state: &Scuttlebutt, book: &mut AddressBook) {
        for news in self.news.drain(..) {
            let (News::Joined(id) | News::Heartbeat(id) | News::Changed(id)) = news;
            let Some(member) = state.get(&id) else { continue };
            let address = member.get(ADDRESS).and_then(Address::from_bytes);
            match news {
                News::Heartbeat(member) => {
                    self.heartbeats.write(Heartbeat { node, member, at });
                }
                News::Joined(_) | News::Changed(_) => {
                    let known = book.get(&id).copied();
                    let Some(address) = address.or(known.map(|peer| peer.address)) else { continue };
                    let standing = match (news, known) {
                        (News::Changed(_), Some(peer)) if !matches!(peer.standing, Standing::Heard | Standing::Lost) => peer.standing,
                        _ => Standing::Alive,
                    };
                    book.insert(id, Peer { address, standing, incarnation: member.incarnation });
                    let unknown = known.is_none_or(|peer| matches!(peer.standing, Standing::Heard | Standing::Lost));
                    if unknown || matches!(news, News::Joined(_)) {
                        self.joined.write(MemberJoined { node, member: id, at });
                    }
                }
            }
        }
    }
}

/// Longest address in bytes.
const _: () = assert!(address::MAX_BYTES <= super::MAX_VALUE);
