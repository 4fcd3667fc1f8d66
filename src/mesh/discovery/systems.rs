//! Hellos, attempts, and new attempts.

use std::time::Duration;

use bevy_ecs::prelude::*;
use rand::RngExt;
use smallvec::SmallVec;

use super::backoff::delay;
use super::components::{Discovery, KnownPeers, Seeds};
use super::{DiscoveryConfig, WentOffline, WentOnline};
use crate::kernel::{
    AccessList, AddressBook, BeaconIn, BeaconOut, Connect, Contact, Fired, Instant, NetworkTag, Node, NodeClock, NodeRng, NodeStarted,
    SessionClosed, SessionOpened, Standing, Timers,
};
use crate::wire::{Address, CloseReason, Hello};

/// A hello is due.
#[derive(Clone, Copy, Debug)]
pub struct HelloTimer;

/// An attempt to reach somebody is due.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The attempt of this number should have ended by now.
    overdue: Option<usize>,
}

/// A session that was dialled has lasted for so long that the other side has accepted it.
#[derive(Clone, Copy, Debug)]
pub struct Probation(Entity);

/// A look for those who were lost is due.
#[derive(Clone, Copy, Debug)]
pub struct LostTimer;

/// Longest wait of a node that somebody is there for, but not yet: who has not invited it may any moment, and who has as many sessions as
/// it may loses most of them again, as those who came before find their places.
const KEPT_OUT_CAP: Duration = Duration::from_secs(2);
/// Shortest time between two hellos that answer others.
const ANSWER_INTERVAL: Duration = Duration::from_secs(1);
/// Who dials is open before the other side has checked it: a refusal comes a round trip later. A session that ends within this time, and
/// not because the mesh tidies up, was an attempt that failed.
const PROBATION: Duration = Duration::from_secs(2);
/// Most looks that are let pass between two for seeds that are not found.
const MOST_PASSED: u32 = 12;

pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    config: Res<DiscoveryConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut NodeRng, &mut Discovery)>,
    mut hellos: ResMut<Timers<HelloTimer>>,
    mut attempts: ResMut<Timers<Attempt>>,
    mut lost: ResMut<Timers<LostTimer>>,
) {
    for NodeStarted { node: entity, at, .. } in started.read() {
        let Ok((node, clock, mut rng, mut discovery)) = nodes.get_mut(*entity) else { continue };
        *discovery = Discovery { waiting: true, ..Discovery::default() };
        hellos.set(*entity, node, *at, HelloTimer);
        attempts.set(*entity, node, *at, Attempt { overdue: None });
        lost.set(*entity, node, clock.first(*at, config.lost_interval, rng.0.random_range(0.5..1.5)), LostTimer);
    }
}

pub(super) fn say_hello(
    mut fired: MessageReader<Fired<HelloTimer>>,
    config: Res<DiscoveryConfig>,
    nodes: Query<(&Node, &NodeClock, &Contact, &NetworkTag)>,
    mut timers: ResMut<Timers<HelloTimer>>,
    mut beacons: MessageWriter<BeaconOut>,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, me, network)) = nodes.get(*entity) else { continue };
        beacons.write(BeaconOut { node: *entity, at: *at, hello: hello(me, network) });
        timers.set(*entity, node, clock.after(*at, config.hello_interval), HelloTimer);
    }
}

fn hello(me: &Contact, network: &NetworkTag) -> Hello {
    Hello { network: network.0, id: me.id, address: me.address }
}

pub(super) fn hear_hello(
    mut heard: MessageReader<BeaconIn>,
    mut nodes: Query<(&Contact, &NetworkTag, &AccessList, &mut Discovery, &mut AddressBook)>,
    mut beacons: MessageWriter<BeaconOut>,
    mut connect: MessageWriter<Connect>,
) {
    for BeaconIn { node, at, hello: said } in heard.read() {
        let Ok((me, network, access, mut discovery, mut book)) = nodes.get_mut(*node) else { continue };
        if said.network != network.0 || said.id == me.id || !access.admits(&said.id) {
            continue;
        }
        book.hear(said.id, said.address);
        // A member is the overlay's business; somebody who is none yet is this protocol's.
        let stranger = book.get(&said.id).is_some_and(|peer| peer.standing != Standing::Alive);
        if !stranger {
            continue;
        }
        if me.id > said.id {
            // The higher id dials, unless it is well connected and the other will find its own way.
            if discovery.open == 0 || book.get(&said.id).is_some_and(|peer| peer.standing != Standing::Heard) {
                connect.write(Connect { node: *node, to: said.address, at: *at });
            }
        } else if discovery.answered.is_none_or(|last| at.since(last) >= ANSWER_INTERVAL) {
            // The lower id makes itself known, so that the higher can.
            discovery.answered = Some(*at);
            beacons.write(BeaconOut { node: *node, at: *at, hello: hello(me, network) });
        }
    }
}

pub(super) fn follow_sessions(
    mut closed: MessageReader<SessionClosed>,
    mut opened: MessageReader<SessionOpened>,
    config: Res<DiscoveryConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Seeds, &mut NodeRng, &mut Discovery, &mut AddressBook)>,
    mut attempts: ResMut<Timers<Attempt>>,
    mut probations: ResMut<Timers<Probation>>,
    mut online: MessageWriter<WentOnline>,
    mut offline: MessageWriter<WentOffline>,
) {
    for SessionClosed { node: entity, session, remote, address, was_open, reason, at, .. } in closed.read() {
        let Ok((node, clock, _, mut rng, mut discovery, mut book)) = nodes.get_mut(*entity) else { continue };
        let young = discovery.young.take_if(|(young, _)| young == session).is_some_and(|(_, opened)| at.since(opened) < PROBATION);
        let failed = if *was_open { young && !is_tidy(*reason) } else { discovery.trying == Some(*address) };
        if *was_open {
            discovery.open = discovery.open.saturating_sub(1);
            // The overlay shall not dial at once whoever has just refused this node.
            if let Some(id) = remote.filter(|id| failed && book.get(id).is_some_and(|peer| peer.standing == Standing::Heard)) {
                book.remove(&id);
            }
        }
        if failed {
            discovery.trying = None;
            discovery.failures = discovery.failures.saturating_add(1);
        }
        // Whoever has somebody may look for others in vain.
        if discovery.open == 0 && discovery.failures >= config.offline_after && !discovery.offline {
            discovery.offline = true;
            offline.write(WentOffline { node: *entity, at: *at });
        }
        if discovery.open == 0 && !discovery.waiting && discovery.trying.is_none() {
            discovery.waiting = true;
            // A tenth more or less, so that those who lost the same peer do not come all at once.
            let wait = delay(&config, discovery.failures.max(1)).mul_f64(rng.0.random_range(0.9..1.1));
            let is_kept_out = matches!(reason, CloseReason::NotInvited | CloseReason::TooManySessions);
            let wait = if is_kept_out { wait.min(KEPT_OUT_CAP) } else { wait };
            attempts.set(*entity, node, clock.after(*at, wait), Attempt { overdue: None });
        }
    }
    for SessionOpened { node: entity, session, remote, role, address, reach, at } in opened.read() {
        let Ok((node, clock, seeds, _, mut discovery, mut book)) = nodes.get_mut(*entity) else { continue };
        if let Some(reach) = reach {
            book.hear(*remote, *reach);
        }
        if seeds.0.contains(address) {
            discovery.found.retain(|(seed, _)| seed != address);
            discovery.found.push((*address, *remote));
            (discovery.sought, discovery.pass) = (0, 0);
        }
        discovery.open += 1;
        discovery.trying = None;
        if !role.is_initiator() {
            settle(*entity, *at, &mut discovery, &mut online);
            continue;
        }
        discovery.young = Some((*session, *at));
        if discovery.failures > 0 {
            probations.set(*entity, node, clock.after(*at, PROBATION), Probation(*session));
        }
    }
}

/// Reasons for which a session ends that was as it should be.
fn is_tidy(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::Duplicate | CloseReason::Unwanted | CloseReason::Full | CloseReason::SelfDial | CloseReason::Leaving)
}

/// Somebody is there: the next attempt after this is a first.
fn settle(node: Entity, at: Instant, discovery: &mut Discovery, online: &mut MessageWriter<WentOnline>) {
    discovery.failures = 0;
    if std::mem::take(&mut discovery.offline) {
        online.write(WentOnline { node, at });
    }
}

pub(super) fn end_probation(
    mut fired: MessageReader<Fired<Probation>>,
    mut nodes: Query<&mut Discovery>,
    mut online: MessageWriter<WentOnline>,
) {
    for Fired { node, at, timer: Probation(session) } in fired.read() {
        let Ok(mut discovery) = nodes.get_mut(*node) else { continue };
        if discovery.young.take_if(|(young, _)| young == session).is_some() {
            settle(*node, *at, &mut discovery, &mut online);
        }
    }
}

/// Tries the next seed, or anybody who is known, as long as nobody is there.
pub(super) fn attempt(
    mut fired: MessageReader<Fired<Attempt>>,
    config: Res<DiscoveryConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Seeds, &KnownPeers, &mut NodeRng, &mut Discovery, &AddressBook)>,
    mut attempts: ResMut<Timers<Attempt>>,
    mut connect: MessageWriter<Connect>,
) {
    for Fired { node: entity, at, timer: Attempt { overdue } } in fired.read() {
        let Ok((node, clock, seeds, known, mut rng, mut discovery, book)) = nodes.get_mut(*entity) else { continue };
        if overdue.is_some_and(|number| number != discovery.turn || discovery.trying.is_none()) {
            continue;
        }
        discovery.waiting = false;
        if discovery.open > 0 {
            continue;
        }
        // A seed every second time, for most of those who were known may be gone for good; so may a seed.
        let turn = discovery.turn;
        discovery.turn += 1;
        let seed = of_ring(&seeds.0, turn / 2);
        let peer = book.pick(&mut rng.0, |_, _| true).map(|(_, peer)| peer.address);
        let mut known = || {
            discovery.tried = discovery.tried.wrapping_add(1);
            of_ring(&known.0, discovery.tried.wrapping_sub(1))
        };
        let to = match turn % 4 {
            1 => known().or(peer).or(seed),
            3 => peer.or_else(known).or(seed),
            _ => seed.or_else(known).or(peer),
        };
        match to {
            Some(to) => {
                try_one(*entity, to, *at, &mut discovery, &mut connect);
                // A dial that was never made, because there are too many sessions, does not end either.
                attempts.set(*entity, node, clock.after(*at, config.retry_cap), Attempt { overdue: Some(discovery.turn) });
            }
            None => {
                // Nobody to try: wait for a hello.
                discovery.waiting = true;
                attempts.set(*entity, node, clock.after(*at, config.retry_cap), Attempt { overdue: None });
            }
        }
    }
}

fn try_one(node: Entity, to: Address, at: Instant, discovery: &mut Discovery, connect: &mut MessageWriter<Connect>) {
    discovery.trying = Some(to);
    connect.write(Connect { node, to, at });
}

fn of_ring(all: &[Address], index: usize) -> Option<Address> {
    all.get(index.checked_rem(all.len())?).copied()
}

/// Tries one of those who were lost, or were heard on the segment and have not become members: behind a partition that has healed, or in
/// another part of the mesh, they are all there. A node without any session leaves that to
/// [`attempt`], which waits ever longer.
pub(super) fn seek_lost(
    mut fired: MessageReader<Fired<LostTimer>>,
    config: Res<DiscoveryConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Seeds, &KnownPeers, &mut NodeRng, &mut Discovery, &AddressBook)>,
    mut timers: ResMut<Timers<LostTimer>>,
    mut connect: MessageWriter<Connect>,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, seeds, known, mut rng, mut discovery, book)) = nodes.get_mut(*entity) else { continue };
        timers.set(*entity, node, clock.after(*at, config.lost_interval), LostTimer);
        if discovery.open == 0 {
            continue;
        }
        let lost = book.pick(&mut rng.0, |_, peer| peer.standing != Standing::Alive).map(|(_, peer)| peer.address);
        // Who is no member yet may belong to a part of the network that nobody here has ever heard of.
        let to = lost.or_else(|| unfound_seed(&seeds.0, &mut discovery, book)).or_else(|| unvisited(&known.0, &mut discovery, book));
        if let Some(to) = to {
            connect.write(Connect { node: *entity, to, at: *at });
        }
    }
}

/// The next of the seeds that are no members, ever less often: a seed may be gone, or its name may be wrong.
fn unfound_seed(seeds: &[Address], discovery: &mut Discovery, book: &AddressBook) -> Option<Address> {
    let found = |seed: &Address| discovery.found.iter().find(|(known, _)| known == seed).is_some_and(|(_, id)| book.get(id).is_some());
    let unfound: SmallVec<[Address; 4]> = seeds.iter().filter(|seed| !found(seed) && !is_in(book, seed)).copied().collect();
    if unfound.is_empty() {
        return None;
    }
    if discovery.pass > 0 {
        discovery.pass -= 1;
        return None;
    }
    let seed = of_ring(&unfound, discovery.sought as usize);
    discovery.sought = discovery.sought.wrapping_add(1);
    // All of them once at the usual pace, then each round at half of it.
    let rounds = discovery.sought / unfound.len() as u32;
    discovery.pass = (1_u32 << rounds.min(5)).saturating_sub(1).min(MOST_PASSED - 1);
    seed
}

/// The next of those who were known last time and are not now. Each is tried once.
fn unvisited(known: &[Address], discovery: &mut Discovery, book: &AddressBook) -> Option<Address> {
    let rest = known.get(discovery.visited..).unwrap_or_default();
    let index = rest.iter().position(|peer| !is_in(book, peer));
    discovery.visited += index.map_or(rest.len(), |index| index + 1);
    index.map(|index| rest[index])
}

fn is_in(book: &AddressBook, address: &Address) -> bool {
    book.iter().any(|(_, peer)| peer.address == *address)
}
