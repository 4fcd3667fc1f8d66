//! What whoever holds a node is told when it asks.

use bevy_ecs::prelude::*;

use crate::crypto::NodeId;
use crate::gate::NICK;
use crate::kernel::{AddressBook, Neighbors, Session, SessionPhase, Sessions, Standing};
use crate::mesh::liveness::RoundTrip;
use crate::mesh::membership::Membership;
use crate::wire::Address;

/// A member of the mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberInfo {
    /// Its name.
    pub node_id: NodeId,
    /// Its public key, which is its name.
    pub pub_key: [u8; 32],
    /// What it calls itself.
    pub nick: Option<String>,
    /// How it stands with this node.
    pub standing: Standing,
    /// Where it is reached.
    pub address: Option<Address>,
}

/// A session that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionInfo {
    /// With whom.
    pub node_id: NodeId,
    /// Where it was dialled or comes from.
    pub address: Address,
    /// Whether it is a link of the mesh.
    pub neighbor: bool,
    /// Whether this node dialled.
    pub dialled: bool,
    /// Round-trip times.
    pub round_trip: RoundTrip,
}

pub(super) fn members(world: &World, node: Entity) -> Vec<MemberInfo> {
    let (Some(membership), Some(book)) = (world.get::<Membership>(node), world.get::<AddressBook>(node)) else { return Vec::new() };
    let info = |id: &NodeId| {
        let peer = book.get(id);
        MemberInfo {
            node_id: *id,
            pub_key: id.0,
            nick: membership.get(id, NICK).map(|nick| String::from_utf8_lossy(nick).into_owned()),
            standing: peer.map_or(Standing::Heard, |peer| peer.standing),
            address: peer.map(|peer| peer.address),
        }
    };
    membership.members().map(info).collect()
}

pub(super) fn connections(world: &World, node: Entity) -> Vec<ConnectionInfo> {
    let Some(sessions) = world.get::<Sessions>(node) else { return Vec::new() };
    let info = |session: Entity| {
        let state = world.get::<Session>(session).filter(|state| state.phase == SessionPhase::Established)?;
        let node_id = state.remote?;
        Some(ConnectionInfo {
            node_id,
            address: state.reach.unwrap_or(state.address),
            neighbor: world.get::<Neighbors>(node).is_some_and(|all| all.contains(&node_id)),
            dialled: state.role.is_initiator(),
            round_trip: world.get::<RoundTrip>(session).copied().unwrap_or_default(),
        })
    };
    sessions.iter().filter_map(info).collect()
}
