//! Requests for links and their answers.

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::actions::{MOST_REJECTIONS, NodeParts, Outlets};
use super::components::Links;
use super::systems::probe_surplus;
use crate::crypto::NodeId;
use crate::kernel::{Instant, Neighbors, Received, Refusals, Session, SessionPhase};
use crate::wire::topology::MAX_REFERRALS;
use crate::wire::{Address, CloseReason, TopologyMessage};

/// A bridge is taken even beyond the bounds, up to so many links too many; the surplus goes once it has served.
const BRIDGES: usize = 2;

pub(super) fn receive(
    mut received: MessageReader<Received<TopologyMessage>>,
    mut nodes: Query<NodeParts>,
    sessions: Query<&Session>,
    mut refusals: ResMut<Refusals>,
    mut out: Outlets,
) {
    for Received { node: entity, session, at, message } in received.read() {
        let (session, at) = (*session, *at);
        let Ok((node, clock, me, book, _, mut rng, mut links, mut neighbors)) = nodes.get_mut(*entity) else { continue };
        let Ok(Session { phase: SessionPhase::Established, remote: Some(remote), address, .. }) = sessions.get(session) else { continue };
        let is_neighbor = neighbors.iter().any(|neighbor| neighbor.session == session);
        match message {
            TopologyMessage::ConnectRequest { degree, rejections, bridge } => {
                let request =
                    Request { session, remote: *remote, address: *address, degree: *degree, rejections: *rejections, bridge: *bridge, at };
                answer(*entity, request, &mut links, &mut neighbors, &mut rng.0, book, &mut out);
            }
            TopologyMessage::ConnectAccept { degree } => {
                links.asked = links.asked.filter(|(asked, _)| *asked != session);
                links.note_degree(session, *degree);
                out.link(*entity, &mut neighbors, &mut links, session, *remote, at);
                links.referrals.clear();
                out.repair_soon(*entity, node, clock, &mut links, &mut rng.0, at);
            }
            TopologyMessage::ConnectReject { referrals } => {
                if referrals.len() > MAX_REFERRALS {
                    refusals.count(CloseReason::ProtocolViolation);
                    out.close(session, at, CloseReason::ProtocolViolation);
                    continue;
                }
                links.asked = links.asked.filter(|(asked, _)| *asked != session);
                links.rejections = links.rejections.saturating_add(1);
                links.referrals = referrals.iter().copied().collect();
                if !is_neighbor {
                    out.close(session, at, CloseReason::Unwanted);
                }
                out.repair_soon(*entity, node, clock, &mut links, &mut rng.0, at);
            }
            TopologyMessage::Disconnect { instead } => {
                if out.unlink(*entity, &mut neighbors, &mut links, session, at) {
                    out.close(session, at, CloseReason::Unwanted);
                    match instead {
                        Some(to) if *to != me.address && neighbors.len() < out.config.max_degree => out.dial(*entity, &mut links, *to, at),
                        _ => out.repair_soon(*entity, node, clock, &mut links, &mut rng.0, at),
                    }
                }
            }
            TopologyMessage::Confirm { degree } if is_neighbor => links.note_degree(session, *degree),
            // The other side holds a link that this side has given up, or never had.
            TopologyMessage::Confirm { .. } => out.send(session, at, TopologyMessage::Disconnect { instead: None }),
            TopologyMessage::Probe { asker, target, number, hops } => {
                if !is_neighbor || !links.is_new(*asker, *number) {
                    continue;
                }
                if *target == me.id {
                    // It came another way than over the link in question.
                    let link = neighbors.iter().find(|neighbor| neighbor.id == *asker && neighbor.session != session);
                    if let Some(link) = link {
                        out.send(link.session, at, TopologyMessage::Redundant(*number));
                    }
                } else if let Some(hops) = hops.checked_sub(1) {
                    let onward = TopologyMessage::Probe { asker: *asker, target: *target, number: *number, hops };
                    for neighbor in neighbors.iter().filter(|neighbor| neighbor.session != session && neighbor.id != *asker) {
                        out.send(neighbor.session, at, onward.clone());
                    }
                }
            }
            TopologyMessage::Redundant(number) => {
                let asked = links.probing.is_some_and(|(asked, link, _)| asked == *number && link == session);
                if asked && neighbors.len() > out.config.max_degree {
                    links.probing = None;
                    out.drop_link(*entity, &mut neighbors, &mut links, session, None, at);
                    if neighbors.len() > out.config.max_degree {
                        probe_surplus(me.id, &neighbors, &mut links, at, &mut out);
                    }
                }
            }
        }
    }
}

/// A request for a link.
struct Request {
    session: Entity,
    remote: NodeId,
    address: Address,
    degree: u8,
    rejections: u8,
    bridge: bool,
    at: Instant,
}

/// Grants or rejects a request.
///
/// A node with room grants it. A full one sends who asks on to its neighbours, for somebody there will have room; who has been sent on
/// too often is put *into* one of its links: the neighbour at the other end is told to link with who asked instead. So everybody
/// finds a place, nobody's degree leaves the bounds, and what was connected stays so.
fn answer(
    node: Entity,
    request: Request,
    links: &mut Links,
    neighbors: &mut Neighbors,
    rng: &mut rand_chacha::ChaCha8Rng,
    book: &crate::kernel::AddressBook,
    out: &mut Outlets,
) {
    let Request { session, remote, at, .. } = request;
    let known = neighbors.contains(&remote);
    let (degree, max) = (neighbors.len(), out.config.max_degree);
    let room = degree < max || request.bridge && degree < max + BRIDGES;
    let needy = usize::from(request.degree) < out.config.min_degree;
    let splice = needy && request.rejections >= MOST_REJECTIONS && degree <= max;
    if !known && !room && !splice {
        let mut referrals: Vec<_> =
            neighbors.iter().filter_map(|neighbor| Some((neighbor.id, book.get(&neighbor.id)?.address))).take(MAX_REFERRALS).collect();
        let turn = if referrals.is_empty() { 0 } else { rng.random_range(0..referrals.len()) };
        referrals.rotate_left(turn);
        out.send(session, at, TopologyMessage::ConnectReject { referrals });
        return;
    }
    if !known && !room {
        let others: Vec<Entity> = neighbors.iter().map(|neighbor| neighbor.session).collect();
        let moved = others[rng.random_range(0..others.len())];
        out.drop_link(node, neighbors, links, moved, Some(request.address), at);
    }
    out.link(node, neighbors, links, session, remote, at);
    links.note_degree(session, request.degree.saturating_add(1));
    out.send(session, at, TopologyMessage::ConnectAccept { degree: neighbors.len() as u8 });
}
