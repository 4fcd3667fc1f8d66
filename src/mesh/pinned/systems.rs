//! Dialling, and the neighbours that come of it.

use std::time::Duration;

use bevy_ecs::prelude::*;
use smallvec::SmallVec;

use super::PinnedPeers;
use super::components::{Failures, Spares};
use crate::kernel::{
    Connect, Fired, Neighbor, NeighborDown, NeighborUp, Neighbors, Node, NodeClock, NodeStarted, SessionClosed, SessionOpened, Timers,
};
use crate::wire::CloseReason;

/// Wait before the first new attempt; doubles up to `2^MAX_DOUBLINGS` times.
const RETRY: Duration = Duration::from_secs(1);
const MAX_DOUBLINGS: u8 = 4;

/// The peer of that index is dialled again.
#[derive(Clone, Copy, Debug)]
pub struct Redial(u32);

pub(super) fn dial_all(
    mut started: MessageReader<NodeStarted>,
    mut nodes: Query<(&PinnedPeers, &mut Failures, &mut Spares)>,
    mut connect: MessageWriter<Connect>,
) {
    for NodeStarted { node, at, .. } in started.read() {
        let Ok((pinned, mut failures, mut spares)) = nodes.get_mut(*node) else { continue };
        failures.0 = vec![0; pinned.0.len()];
        spares.0.clear();
        connect.write_batch(pinned.0.iter().map(|to| Connect { node: *node, to: *to, at: *at }));
    }
}

pub(super) fn unlink(
    mut closed: MessageReader<SessionClosed>,
    mut nodes: Query<(&Node, &NodeClock, &PinnedPeers, &mut Failures, &mut Spares, &mut Neighbors)>,
    mut timers: ResMut<Timers<Redial>>,
    mut down: MessageWriter<NeighborDown>,
    mut up: MessageWriter<NeighborUp>,
) {
    let closed: SmallVec<[&SessionClosed; 8]> = closed.read().collect();
    // First all that has closed, or one that has would take the place of another.
    for SessionClosed { node, session, .. } in &closed {
        if let Ok((.., mut spares, _)) = nodes.get_mut(*node) {
            spares.0.retain(|spare| spare.session != *session);
        }
    }
    for SessionClosed { node: entity, session, address, reason, at, .. } in closed {
        let Ok((node, clock, pinned, mut failures, mut spares, mut neighbors)) = nodes.get_mut(*entity) else { continue };
        if let Some(neighbor) = neighbors.remove(*session) {
            down.write(NeighborDown { node: *entity, neighbor, at: *at });
            // The newest: those before it may be of lives that are over too.
            if let Some(index) = spares.0.iter().rposition(|spare| spare.id == neighbor.id) {
                let neighbor = spares.0.remove(index);
                neighbors.insert(neighbor);
                up.write(NeighborUp { node: *entity, neighbor, at: *at });
            }
        }
        let index = pinned.0.iter().position(|peer| peer == address);
        if let Some((index, failed)) = index.and_then(|index| Some((index, failures.0.get_mut(index)?)))
            && *reason != CloseReason::Duplicate
        {
            let due = clock.after(*at, RETRY * (1 << (*failed).min(MAX_DOUBLINGS)));
            *failed = failed.saturating_add(1);
            timers.set(*entity, node, due, Redial(index as u32));
        }
    }
}

pub(super) fn link(
    mut opened: MessageReader<SessionOpened>,
    mut nodes: Query<(&PinnedPeers, &mut Failures, &mut Spares, &mut Neighbors)>,
    mut up: MessageWriter<NeighborUp>,
) {
    for SessionOpened { node, session, remote, address, at, .. } in opened.read() {
        let Ok((pinned, mut failures, mut spares, mut neighbors)) = nodes.get_mut(*node) else { continue };
        let index = pinned.0.iter().position(|peer| peer == address);
        if let Some(failed) = index.and_then(|index| failures.0.get_mut(index)) {
            *failed = 0;
        }
        let neighbor = Neighbor { session: *session, id: *remote };
        if neighbors.insert(neighbor) {
            up.write(NeighborUp { node: *node, neighbor, at: *at });
        } else {
            spares.0.push(neighbor);
        }
    }
}

pub(super) fn redial(mut fired: MessageReader<Fired<Redial>>, nodes: Query<&PinnedPeers>, mut connect: MessageWriter<Connect>) {
    for Fired { node, at, timer: Redial(index) } in fired.read() {
        if let Some(to) = nodes.get(*node).ok().and_then(|pinned| pinned.0.get(*index as usize)) {
            connect.write(Connect { node: *node, to: *to, at: *at });
        }
    }
}
