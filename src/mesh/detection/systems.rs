//! The systems of detection: loops around [`Detector`].

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::components::{Detector, Limits};
use super::messages::{Suspected, Trusted};
use crate::kernel::{AddressBook, Fired, Node, NodeClock, NodeRng, NodeStarted, Standing, Timers};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{Heartbeat, MemberForgotten, MemberJoined};

/// A look that comes later than this many intervals after the one before shows that the node itself was stopped.
const LATE: u32 = 3;

/// Time to look at all members.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look;

/// Begins to look. What is remembered from before a crash is not older than it was then.
pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    limits: Res<Limits>,
    mut nodes: Query<(&Node, &NodeClock, &mut NodeRng, &mut Detector)>,
    mut timers: ResMut<Timers<Look>>,
) {
    for NodeStarted { node, at, with_memory } in started.read().copied() {
        let Ok((state, clock, mut rng, mut detector)) = nodes.get_mut(node) else { continue };
        if with_memory {
            let down = at.since(detector.checked);
            detector.excuse(down);
        } else {
            *detector = Detector::default();
        }
        detector.checked = at;
        timers.set(node, state, clock.first(at, limits.config().check_interval, rng.0.random_range(0.0..1.0)), Look);
    }
}

/// Runs before the frames that waited while the node was stopped are heard.
pub(super) fn excuse_absence(mut looks: MessageReader<Fired<Look>>, limits: Res<Limits>, mut nodes: Query<(&NodeClock, &mut Detector)>) {
    for Fired { node, at, .. } in looks.read() {
        let Ok((clock, mut detector)) = nodes.get_mut(*node) else { continue };
        let interval = limits.config().check_interval;
        if clock.elapsed(detector.checked, *at) > interval * LATE {
            let due = clock.after(detector.checked, interval);
            detector.excuse(at.since(due));
        }
        detector.checked = *at;
    }
}

/// Watches those who join, and no longer those who are gone.
pub(super) fn follow_members(
    mut left: MessageReader<MemberLeft>,
    mut forgotten: MessageReader<MemberForgotten>,
    mut joined: MessageReader<MemberJoined>,
    limits: Res<Limits>,
    mut nodes: Query<(&NodeClock, &mut Detector, &AddressBook)>,
    mut trusted: MessageWriter<Trusted>,
) {
    let departures = left.read().map(|left| (left.node, left.member));
    for (node, member) in departures.chain(forgotten.read().map(|forgotten| (forgotten.node, forgotten.member))) {
        let Ok((_, mut detector, book)) = nodes.get_mut(node) else { continue };
        // A goodbye from an earlier life does not concern who is back: membership has kept it.
        let stays = book.get(&member).is_some_and(|peer| matches!(peer.standing, Standing::Alive | Standing::Suspected { .. }));
        if !stays {
            detector.drop_member(&member);
        }
    }
    for MemberJoined { node, member, at } in joined.read().copied() {
        let Ok((clock, mut detector, _)) = nodes.get_mut(node) else { continue };
        if detector.watch(member, clock, &limits, at) {
            trusted.write(Trusted { node, member, at });
        }
    }
}

/// Takes in heartbeats.
pub(super) fn hear(
    mut heartbeats: MessageReader<Heartbeat>,
    limits: Res<Limits>,
    mut nodes: Query<(&NodeClock, &mut Detector, &mut AddressBook)>,
    mut trusted: MessageWriter<Trusted>,
) {
    for Heartbeat { node, member, at } in heartbeats.read().copied() {
        let Ok((clock, mut detector, mut book)) = nodes.get_mut(node) else { continue };
        if detector.hear(&member, clock, &limits, at) {
            book.set_standing(&member, Standing::Alive);
            trusted.write(Trusted { node, member, at });
        }
    }
}

/// Looks at all members.
pub(super) fn look(
    mut looks: MessageReader<Fired<Look>>,
    limits: Res<Limits>,
    mut nodes: Query<(&Node, &NodeClock, &mut Detector, &mut AddressBook)>,
    mut timers: ResMut<Timers<Look>>,
    mut suspected: MessageWriter<Suspected>,
) {
    for Fired { node, at, .. } in looks.read().copied() {
        let Ok((state, clock, mut detector, mut book)) = nodes.get_mut(node) else { continue };
        detector.suspect(clock, &limits, at, |member, phi| {
            book.set_standing(&member, Standing::Suspected { since: at });
            suspected.write(Suspected { node, member, phi, at });
        });
        timers.set(node, state, clock.after(at, limits.config().check_interval), Look);
    }
}
