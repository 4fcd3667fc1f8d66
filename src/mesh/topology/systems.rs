//! Sessions come and go, links follow; audits keep them within their bounds.

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::actions::{NodeParts, Outlets, PATIENCE, Repair, Seeker};
use super::components::Links;
use crate::kernel::{
    Fired, Instant, Neighbors, NodeStarted, Role, Session, SessionClosed, SessionOpened, SessionPhase, Sessions, Standing, Timers,
};
use crate::mesh::leave::MemberLeft;
use crate::wire::{CloseReason, TopologyMessage};

/// An audit is due.
#[derive(Clone, Copy, Debug)]
pub struct Audit;

/// How many steps a probe may take: more than a random graph of 100,000 nodes and degree 3 is wide.
const PROBE_HOPS: u8 = 32;

pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    mut nodes: Query<NodeParts>,
    mut audits: ResMut<Timers<Audit>>,
    mut out: Outlets,
) {
    for NodeStarted { node: entity, at, .. } in started.read() {
        let Ok((node, clock, _, _, _, mut rng, mut links, mut neighbors)) = nodes.get_mut(*entity) else { continue };
        *links = Links::default();
        neighbors.clear();
        let phase = out.config.rebalance_interval.mul_f64(rng.0.random_range(0.1..1.0));
        audits.set(*entity, node, clock.after(*at, phase), Audit);
        out.repair_soon(*entity, node, clock, &mut links, &mut rng.0, *at);
    }
}

/// Links end with their sessions.
pub(super) fn follow_closed(mut closed: MessageReader<SessionClosed>, mut nodes: Query<NodeParts>, mut out: Outlets) {
    for SessionClosed { node: entity, session, address, at, .. } in closed.read() {
        let Ok((node, clock, _, _, _, mut rng, mut links, mut neighbors)) = nodes.get_mut(*entity) else { continue };
        let failed = links.dialed.is_some_and(|(to, _)| to == *address) || links.asked.is_some_and(|(asked, _)| asked == *session);
        if links.dialed.is_some_and(|(to, _)| to == *address) {
            links.dialed = None;
        }
        let lost = out.unlink(*entity, &mut neighbors, &mut links, *session, *at);
        if lost || failed {
            out.repair_soon(*entity, node, clock, &mut links, &mut rng.0, *at);
        }
    }
}

/// Who dialled asks for a link, if it still wants one or if the two belong to different parts of the mesh.
pub(super) fn follow_opened(mut opened: MessageReader<SessionOpened>, mut nodes: Query<NodeParts>, mut out: Outlets) {
    for SessionOpened { node: entity, session, remote, role, address, at } in opened.read() {
        let Ok((_, _, _, book, _, _, mut links, neighbors)) = nodes.get_mut(*entity) else { continue };
        if *role != Role::Initiator || neighbors.contains(remote) {
            continue;
        }
        let dialed = links.dialed.is_some_and(|(to, _)| to == *address);
        let standing = book.get(remote).map(|peer| peer.standing);
        // Whom no heartbeat reaches is not reached by any path.
        let bridge = !neighbors.is_empty() && !matches!(standing, Some(Standing::Alive));
        let wanted = neighbors.len() < out.config.min_degree && links.asked.is_none();
        if dialed || bridge || wanted {
            out.ask(*session, &neighbors, &mut links, bridge && !wanted, *at);
        }
    }
}

pub(super) fn follow_left(mut left: MessageReader<MemberLeft>, mut nodes: Query<NodeParts>, mut out: Outlets) {
    for MemberLeft { node: entity, member, at, .. } in left.read() {
        let Ok((node, clock, _, _, _, mut rng, mut links, mut neighbors)) = nodes.get_mut(*entity) else { continue };
        let gone = neighbors.iter().find(|neighbor| neighbor.id == *member).map(|neighbor| neighbor.session);
        if let Some(session) = gone {
            out.unlink(*entity, &mut neighbors, &mut links, session, *at);
            out.close(session, *at, CloseReason::Leaving);
            out.repair_soon(*entity, node, clock, &mut links, &mut rng.0, *at);
        }
    }
}

pub(super) fn repair(mut fired: MessageReader<Fired<Repair>>, mut nodes: Query<NodeParts>, sessions: Query<&Session>, mut out: Outlets) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, me, book, mine, mut rng, mut links, neighbors)) = nodes.get_mut(*entity) else { continue };
        links.repairing = false;
        let seeker = Seeker { node, clock, me, book, mine, rng: &mut rng.0, links: &mut links, neighbors: &neighbors };
        out.seek(*entity, seeker, &sessions, *at);
    }
}

pub(super) fn audit(
    mut fired: MessageReader<Fired<Audit>>,
    mut nodes: Query<NodeParts>,
    sessions: Query<&Session>,
    mut audits: ResMut<Timers<Audit>>,
    mut out: Outlets,
) {
    for Fired { node: entity, at, .. } in fired.read().copied() {
        let Ok((node, clock, me, book, mine, mut rng, mut links, mut neighbors)) = nodes.get_mut(entity) else { continue };
        audits.set(entity, node, clock.after(at, out.config.rebalance_interval), Audit);
        let dead: Vec<Entity> = neighbors
            .iter()
            .filter(|neighbor| {
                matches!(book.get(&neighbor.id).map(|peer| peer.standing), Some(Standing::Suspected { .. } | Standing::Lost))
            })
            .map(|neighbor| neighbor.session)
            .collect();
        for session in dead {
            out.unlink(entity, &mut neighbors, &mut links, session, at);
            out.close(session, at, CloseReason::PeerDead);
        }
        let degree = neighbors.len() as u8;
        let all: Vec<Entity> = neighbors.iter().map(|neighbor| neighbor.session).collect();
        for session in &all {
            out.send(*session, at, TopologyMessage::Confirm { degree });
        }
        if neighbors.len() > out.config.max_degree {
            probe_surplus(me.id, &neighbors, &mut links, at, &mut out);
        }
        let seeker = Seeker { node, clock, me, book, mine, rng: &mut rng.0, links: &mut links, neighbors: &neighbors };
        out.seek(entity, seeker, &sessions, at);
        // Sessions that are no links and were not asked about for two audits serve nobody.
        let idle = out.config.rebalance_interval * 2;
        for session in mine.into_iter().flat_map(Sessions::iter).filter(|session| !all.contains(session)) {
            let unused = |state: &Session| state.phase == SessionPhase::Established && at.since(state.since) >= idle;
            if sessions.get(session).is_ok_and(unused)
                && links.asked.is_none_or(|(asked, since)| asked != session || at.since(since) > PATIENCE)
            {
                out.close(session, at, CloseReason::Unwanted);
            }
        }
    }
}

/// A node with too many links asks whether the one to its best connected neighbour is needed: a probe goes out over all others,
/// and if it arrives, there is a way round.
pub(super) fn probe_surplus(me: crate::crypto::NodeId, neighbors: &Neighbors, links: &mut Links, at: Instant, out: &mut Outlets) {
    if links.probing.is_some_and(|(_, _, since)| at.since(since) < PATIENCE) {
        return;
    }
    links.probes = links.probes.wrapping_add(1);
    let number = links.probes;
    // Round by round another one, beginning with the best connected, so that a link that is needed does not block the rest.
    let mut by_degree: Vec<_> = neighbors.iter().map(|neighbor| (links.degree_of(neighbor.session).unwrap_or(0), *neighbor)).collect();
    by_degree.sort_by_key(|(degree, neighbor)| (std::cmp::Reverse(*degree), neighbor.id));
    let (_, surplus) = by_degree[number as usize % by_degree.len()];
    links.probing = Some((number, surplus.session, at));
    links.is_new(me, number);
    for neighbor in neighbors.iter().filter(|neighbor| neighbor.session != surplus.session) {
        let probe = TopologyMessage::Probe { asker: me, target: surplus.id, number, hops: PROBE_HOPS };
        out.send(neighbor.session, at, probe);
    }
}
