//! A node is born.

use bevy_ecs::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::Gate;
use crate::crypto::{Identity, Secret};
use crate::kernel::{Contact, Incarnation, Instant, KeyRng, Keys, NetworkTag, Node, NodeRng, NodeStarted, NodeState};
use crate::mesh::discovery::{KnownPeers, Seeds};
use crate::mesh::handshake::NetworkKey;
use crate::wire::Address;

/// What a node is born with.
#[derive(Clone)]
pub struct NodeSpec {
    /// Its rank among the nodes of the world.
    pub ordinal: u32,
    /// Who it is.
    pub identity: Identity,
    /// The key of its network.
    pub network_key: NetworkKey,
    /// What its hellos say of the network.
    pub network_tag: NetworkTag,
    /// The address it tells others.
    pub address: Address,
    /// Whom it asks first.
    pub seeds: Vec<Address>,
    /// Where others were when it last ran.
    pub known: Vec<Address>,
    /// Its lives so far end before this number.
    pub incarnation: u64,
    /// The seed of what it decides at random.
    pub random: u64,
    /// The seed of its handshakes' keys.
    pub key_random: Secret,
}

/// Spawns a node that starts at `at`, in the tick that is run next.
pub fn spawn_node(world: &mut World, spec: NodeSpec, at: Instant) -> Entity {
    let id = spec.identity.id();
    let node = world
        .spawn((
            Node { ordinal: spec.ordinal, epoch: 1, state: NodeState::Running },
            Contact { id, address: spec.address },
            Keys(spec.identity),
            NodeRng(ChaCha8Rng::seed_from_u64(spec.random)),
            KeyRng(spec.key_random.clone().into()),
            spec.network_key,
            spec.network_tag,
            Seeds(spec.seeds),
            KnownPeers(spec.known),
            Incarnation(spec.incarnation),
        ))
        .id();
    world.resource_mut::<Gate>().attach(spec.ordinal, node);
    world.write_message(NodeStarted { node, at, with_memory: false });
    node
}
