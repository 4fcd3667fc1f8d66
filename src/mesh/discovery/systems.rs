//! Hellos, attempts, and new attempts.

use std::time::Duration;

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::backoff::delay;
use super::components::{Discovery, Seeds};
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

/// A look for those who were lost is due.
#[derive(Clone, Copy, Debug)]
pub struct LostTimer;

/// Longest wait of a node that nobody has invited yet: somebody may any moment.
const UNINVITED_CAP: Duration = Duration::from_secs(2);
/// Shortest time between two hellos that answer others.
const ANSWER_INTERVAL: Duration = Duration::from_secs(1);

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
        lost.set(*entity, node, clock.after(*at, config.lost_interval.mul_f64(rng.0.random_range(0.5..1.5))), LostTimer);
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
    mut online: MessageWriter<WentOnline>,
    mut offline: MessageWriter<WentOffline>,
) {
    for SessionClosed { node: entity, address, was_open, reason, at, .. } in closed.read() {
        let Ok((node, clock, _, mut rng, mut discovery, _)) = nodes.get_mut(*entity) else { continue };
        if *was_open {
            discovery.open = discovery.open.saturating_sub(1);
        } else if discovery.trying == Some(*address) {
            discovery.trying = None;
            discovery.failures = discovery.failures.saturating_add(1);
            if discovery.failures >= config.offline_after && !discovery.offline {
                discovery.offline = true;
                offline.write(WentOffline { node: *entity, at: *at });
            }
        }
        if discovery.open == 0 && !discovery.waiting && discovery.trying.is_none() {
            discovery.waiting = true;
            // A tenth more or less, so that those who lost the same peer do not come all at once.
            let wait = delay(&config, discovery.failures.max(1)).mul_f64(rng.0.random_range(0.9..1.1));
            let wait = if *reason == CloseReason::NotInvited { wait.min(UNINVITED_CAP) } else { wait };
            attempts.set(*entity, node, clock.after(*at, wait), Attempt { overdue: None });
        }
    }
    for SessionOpened { node: entity, remote, address, reach, at, .. } in opened.read() {
        let Ok((_, _, seeds, _, mut discovery, mut book)) = nodes.get_mut(*entity) else { continue };
        if let Some(reach) = reach {
            book.hear(*remote, *reach);
        }
        if seeds.0.contains(address) {
            discovery.found.retain(|(seed, _)| seed != address);
            discovery.found.push((*address, *remote));
        }
        discovery.open += 1;
        discovery.failures = 0;
        discovery.trying = None;
        if std::mem::take(&mut discovery.offline) {
            online.write(WentOnline { node: *entity, at: *at });
        }
    }
}

/// Tries the next seed, or anybody who is known, as long as nobody is there.
pub(super) fn attempt(
    mut fired: MessageReader<Fired<Attempt>>,
    config: Res<DiscoveryConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Seeds, &mut NodeRng, &mut Discovery, &AddressBook)>,
    mut attempts: ResMut<Timers<Attempt>>,
    mut connect: MessageWriter<Connect>,
) {
    for Fired { node: entity, at, timer: Attempt { overdue } } in fired.read() {
        let Ok((node, clock, seeds, mut rng, mut discovery, book)) = nodes.get_mut(*entity) else { continue };
        if overdue.is_some_and(|number| number != discovery.turn || discovery.trying.is_none()) {
            continue;
        }
        discovery.waiting = false;
        if discovery.open > 0 {
            continue;
        }
        // Seeds and known peers by turns: a seed may be gone for good.
        let turn = discovery.turn;
        discovery.turn += 1;
        let seed = (!seeds.0.is_empty()).then(|| seeds.0[(turn / 2) % seeds.0.len()]);
        let peer = book.pick(&mut rng.0, |_, _| true).map(|(_, peer)| peer.address);
        match if turn % 2 == 0 { seed.or(peer) } else { peer.or(seed) } {
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

/// Tries one of those who were lost, or were heard on the segment and have not become members: behind a partition that has healed, or in
/// another part of the mesh, they are all there. A node without any session leaves that to
/// [`attempt`], which waits ever longer.
pub(super) fn seek_lost(
    mut fired: MessageReader<Fired<LostTimer>>,
    config: Res<DiscoveryConfig>,
    mut nodes: Query<(&Node, &NodeClock, &Seeds, &mut NodeRng, &Discovery, &AddressBook)>,
    mut timers: ResMut<Timers<LostTimer>>,
    mut connect: MessageWriter<Connect>,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, seeds, mut rng, discovery, book)) = nodes.get_mut(*entity) else { continue };
        timers.set(*entity, node, clock.after(*at, config.lost_interval), LostTimer);
        if discovery.open == 0 {
            continue;
        }
        let lost = book.pick(&mut rng.0, |_, peer| peer.standing != Standing::Alive).map(|(_, peer)| peer.address);
        // A seed that is no member yet may belong to a part of the network that nobody here has ever heard of.
        let found = |seed: &Address| discovery.found.iter().find(|(known, _)| known == seed).is_some_and(|(_, id)| book.get(id).is_some());
        let unknown = seeds.0.iter().find(|seed| !found(seed) && !book.iter().any(|(_, peer)| peer.address == **seed)).copied();
        if let Some(to) = lost.or(unknown) {
            connect.write(Connect { node: *entity, to, at: *at });
        }
    }
}
