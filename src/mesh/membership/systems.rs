//! The systems of membership: loops around [`exchange`](super::exchange) and [`apply`](super::apply).

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use rand::RngExt;

use super::apply::{Change, apply};
use super::components::Membership;
use super::config::MembershipConfig;
use super::exchange::{self, Fresh, Scratch};
use super::messages::{Heartbeat, KeyChanged, MemberForgotten, MemberJoined, SetKey};
use super::signing::Verifier;
use super::state::MAX_MEMBERS;
use crate::crypto::NodeId;
use crate::kernel::{
    AccessList, AddressBook, CloseSession, Contact, Fired, Incarnation, Instant, Keys, Neighbor, NeighborUp, Neighbors, Node, NodeClock,
    NodeRng, NodeStarted, Outgoing, Peer, Received, Refusals, Session, Standing, Timers,
};
use crate::mesh::admission::AdmissionChanged;
use crate::mesh::leave::MemberLeft;
use crate::wire::membership::{Delta, News};
use crate::wire::{CloseReason, MembershipMessage};

/// What membership waits for, in the order in which it does what is due at once: a round tells the heartbeat of the same moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum MembershipTimer {
    /// The next heartbeat.
    Beat,
    /// The next round.
    Round,
    /// News that do not wait for a round.
    News,
}

/// What all nodes of a world share because it holds nothing of any: emptied lists, and signatures known to hold.
#[derive(Resource, Default)]
pub(super) struct Bench {
    scratch: Scratch,
    verifier: Verifier,
    changes: Vec<Change>,
}

/// Begins a life and sets its timers.
pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    config: Res<MembershipConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Contact, &Keys, &Incarnation, &mut NodeRng, &mut Membership)>,
    mut timers: ResMut<Timers<MembershipTimer>>,
) {
    for NodeStarted { node, at, with_memory } in started.read().copied() {
        let Ok((state, clock, contact, keys, incarnation, mut rng, mut membership)) = nodes.get_mut(node) else { continue };
        if !with_memory {
            *membership = Membership::default();
        }
        membership.fresh.clear();
        membership.turn = rng.0.random_range(0..usize::from(u8::MAX));
        membership.state.begin(&keys.0, contact.address, incarnation.0);
        for (interval, timer) in [(config.gossip_interval, MembershipTimer::Round), (config.heartbeat_interval, MembershipTimer::Beat)] {
            timers.set(node, state, clock.first(at, interval, rng.0.random_range(0.0..1.0)), timer);
        }
    }
}

/// Whoever said goodbye is gone at once, and with it the life it lived.
pub(super) fn remove_left(mut left: MessageReader<MemberLeft>, mut nodes: Query<(&mut Membership, &mut AddressBook)>) {
    for MemberLeft { node, member, incarnation, at } in left.read().copied() {
        let Ok((mut membership, mut book)) = nodes.get_mut(node) else { continue };
        let state = &mut membership.state;
        if state.own == Some(member) || state.member(&member).is_some_and(|(known, _)| known.incarnation > incarnation) {
            continue;
        }
        state.remove(&member);
        state.bury(member, incarnation, u32::MAX, at);
        book.remove(&member);
    }
}

/// Whoever may be a member no longer is none at once.
pub(super) fn remove_refused(
    mut changed: MessageReader<AdmissionChanged>,
    mut nodes: Query<(&AccessList, &mut Membership, &mut AddressBook)>,
    mut forgotten: MessageWriter<MemberForgotten>,
) {
    for AdmissionChanged { node, at } in changed.read().copied() {
        let Ok((access, mut membership, mut book)) = nodes.get_mut(node) else { continue };
        let refused: Vec<NodeId> = membership.members().filter(|member| !access.is_member(member)).copied().collect();
        for member in refused {
            forget(&mut membership, &mut book, member, at);
            book.remove(&member);
            forgotten.write(MemberForgotten { node, member, at });
        }
    }
}

/// Changes own namespaces.
pub(super) fn write_own(mut set: ResMut<Messages<SetKey>>, mut nodes: Query<(&Keys, &mut Membership)>) {
    for SetKey { node, key, value, at } in set.drain() {
        if let Ok((keys, mut membership)) = nodes.get_mut(node) {
            membership.state.set(&keys.0, &key, value.as_deref(), at);
        }
    }
}

/// What membership tells others.
#[derive(SystemParam)]
pub(super) struct Facts<'w> {
    joined: MessageWriter<'w, MemberJoined>,
    beats: MessageWriter<'w, Heartbeat>,
    keys: MessageWriter<'w, KeyChanged>,
    outgoing: MessageWriter<'w, Outgoing>,
    close: MessageWriter<'w, CloseSession>,
    timers: ResMut<'w, Timers<MembershipTimer>>,
    refusals: ResMut<'w, Refusals>,
}

/// Answers what came in.
pub(super) fn receive(
    mut received: MessageReader<Received<MembershipMessage>>,
    config: Res<MembershipConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Keys, &Contact, &AccessList, &mut Incarnation, &mut NodeRng, &mut Membership, &mut AddressBook)>,
    sessions: Query<&Session>,
    mut bench: ResMut<Bench>,
    mut facts: Facts,
) {
    let bytes = exchange::budget(config.byte_budget);
    for Received { node, session, at, message } in received.read() {
        let (node, session, at) = (*node, *session, *at);
        let Ok((state, clock, keys, contact, access, mut incarnation, mut rng, mut membership, mut book)) = nodes.get_mut(node) else {
            continue;
        };
        let Ok(Session { remote: Some(partner), .. }) = sessions.get(session) else { continue };
        let Bench { scratch, verifier, changes } = &mut *bench;
        let Membership { state: held, fresh, .. } = &mut *membership;
        changes.clear();

        // Who passes on news of somebody who is no member has only not heard yet.
        let concerns = |news: &&News| news.owner == contact.id || access.is_member(&news.owner);
        let mut take_in = |held: &mut _, delta: &Delta| {
            delta.iter().filter(concerns).try_for_each(|news| apply(held, news, verifier, keys.0.mode(), changes))
        };
        let salt = rng.0.random();
        let outcome = match message {
            MembershipMessage::Syn(digest) => exchange::answer(held, digest, partner, (bytes, salt), scratch).map(|(delta, requests)| {
                let needed = !delta.is_empty() || !requests.is_empty();
                needed.then_some(MembershipMessage::SynAck { delta, requests })
            }),
            MembershipMessage::SynAck { delta, requests } => take_in(held, delta).map(|()| {
                let delta = exchange::fulfil(held, requests, partner, (bytes, salt), scratch);
                (!delta.is_empty()).then_some(MembershipMessage::Ack(delta))
            }),
            MembershipMessage::Ack(delta) | MembershipMessage::News(delta) => take_in(held, delta).map(|()| None),
        };
        match outcome {
            Ok(Some(reply)) => {
                facts.outgoing.write(Outgoing { session, at, message: reply.into() });
            }
            Ok(None) => {}
            Err(_) => {
                facts.refusals.count(CloseReason::ProtocolViolation);
                facts.close.write(CloseSession { session, reason: CloseReason::ProtocolViolation, at });
            }
        }

        let waiting = !fresh.is_empty();
        for change in changes.drain(..) {
            match change {
                Change::Joined { member, address, incarnation } => {
                    fresh.push(Fresh { member, from: *partner, whole: true });
                    book.insert(member, Peer { address, standing: Standing::Alive, incarnation });
                    facts.joined.write(MemberJoined { node, member, at });
                }
                Change::Beat { member, revived } => {
                    if revived {
                        fresh.push(Fresh { member, from: *partner, whole: false });
                    }
                    facts.beats.write(Heartbeat { node, member, at });
                }
                Change::Key { member, key, value } => {
                    facts.keys.write(KeyChanged { node, member, key, value, at });
                }
                Change::Outlived(earlier) => {
                    incarnation.0 = incarnation.0.max(earlier.saturating_add(1));
                    held.begin(&keys.0, contact.address, incarnation.0);
                    fresh.push(Fresh { member: contact.id, from: contact.id, whole: true });
                }
            }
        }
        // The rest comes with the rounds.
        fresh.truncate(MAX_MEMBERS);
        if !waiting && !fresh.is_empty() {
            facts.timers.set(node, state, clock.after(at, config.news_delay), MembershipTimer::News);
        }
    }
}

/// Does what is due: heartbeats, rounds, urgent news.
pub(super) fn act(
    mut fired: MessageReader<Fired<MembershipTimer>>,
    config: Res<MembershipConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Keys, &Neighbors, &mut Membership, &mut AddressBook)>,
    mut timers: ResMut<Timers<MembershipTimer>>,
    mut outgoing: MessageWriter<Outgoing>,
    mut forgotten: MessageWriter<MemberForgotten>,
    mut due: Local<Vec<Fired<MembershipTimer>>>,
    mut lost: Local<Vec<NodeId>>,
) {
    let bytes = exchange::budget(config.byte_budget);
    due.extend(fired.read().copied());
    // A node's heartbeat goes before its round, which carries it, also where rounding of a clock that drifts has parted them.
    due.sort_by_key(|due| due.timer);
    for Fired { node, at, timer } in due.drain(..) {
        let Ok((state, clock, keys, neighbors, mut membership, mut book)) = nodes.get_mut(node) else { continue };
        let mut syn = |membership: &mut Membership, neighbor: &Neighbor| {
            let message = MembershipMessage::Syn(exchange::digest(&mut membership.state, bytes)).into();
            outgoing.write(Outgoing { session: neighbor.session, at, message });
        };
        let mut again = |interval: Duration| timers.set(node, state, clock.after(at, interval), timer);
        match timer {
            MembershipTimer::Beat => {
                membership.state.beat(&keys.0);
                again(config.heartbeat_interval);
            }
            MembershipTimer::Round => {
                judge(&mut membership, &book, clock, at, config.grace_period, &mut lost);
                for member in lost.drain(..) {
                    forget(&mut membership, &mut book, member, at);
                    forgotten.write(MemberForgotten { node, member, at });
                }
                let oldest = Instant::from_nanos(at.as_nanos().saturating_sub(config.tombstone_grace.as_nanos() as u64));
                membership.state.collect(&keys.0, oldest);
                // As many neighbours as the budget has room for their digests: in a small mesh all of them, in a large one a single
                // one. In turn, not by chance (as SWIM does, Das, Gupta, Motivala 2002, section 4.3): each neighbour's news come at
                // an even pace, which failure detection lives on. The first is chosen at random when the life begins.
                let size = exchange::digest_size(&membership.state).max(1);
                for _ in 0..(bytes / size).clamp(1, neighbors.len().max(1)) {
                    membership.turn = membership.turn.wrapping_add(1);
                    if let Some(partner) = membership.turn.checked_rem(neighbors.len()).and_then(|index| neighbors.get(index)) {
                        syn(&mut membership, partner);
                    }
                }
                again(config.gossip_interval);
            }
            MembershipTimer::News => {
                let Membership { state: held, fresh, .. } = &mut *membership;
                let told = exchange::tell(held, fresh, bytes);
                for Neighbor { session, id } in neighbors.iter().copied() {
                    let delta: Delta =
                        told.iter().filter(|(from, news)| *from != id && news.owner != id).map(|(_, news)| news.clone()).collect();
                    if !delta.is_empty() {
                        outgoing.write(Outgoing { session, at, message: MembershipMessage::News(delta).into() });
                    }
                }
                if !fresh.is_empty() {
                    again(config.news_delay);
                }
            }
        }
    }
}

/// Takes over from the address book who is suspected, and lists who has been for too long.
fn judge(membership: &mut Membership, book: &AddressBook, clock: &NodeClock, now: Instant, grace: Duration, lost: &mut Vec<NodeId>) {
    for (id, peer) in book.iter() {
        if let Standing::Suspected { since } = peer.standing
            && let Ok(index) = membership.state.find(id)
        {
            membership.state.known[index].suspected = true;
            if clock.elapsed(since, now) >= grace {
                lost.push(*id);
            }
        }
    }
}

fn forget(membership: &mut Membership, book: &mut AddressBook, member: NodeId, at: Instant) {
    if let Some(known) = membership.state.remove(&member) {
        membership.state.bury(member, known.incarnation, known.heartbeat, at);
    }
    book.set_standing(&member, Standing::Lost);
}

/// A new neighbour may know a whole other half of the mesh: ask it at once.
pub(super) fn greet_neighbors(
    mut up: MessageReader<NeighborUp>,
    config: Res<MembershipConfig>,
    mut nodes: Query<&mut Membership>,
    mut outgoing: MessageWriter<Outgoing>,
) {
    let bytes = exchange::budget(config.byte_budget);
    for NeighborUp { node, neighbor, at } in up.read() {
        let Ok(mut membership) = nodes.get_mut(*node) else { continue };
        let message = MembershipMessage::Syn(exchange::digest(&mut membership.state, bytes)).into();
        outgoing.write(Outgoing { session: neighbor.session, at: *at, message });
    }
}
