//! What a trial asks of the network that carries it.

use bevy_ecs::component::Mutable;
use bevy_ecs::prelude::*;

use crate::crypto::NodeId;
use crate::link_model::{Conditions, NetworkFault};

/// The network of one world, simulated or real: it listens for nodes that run, and suffers the faults of the timeline.
pub trait Carrier: Resource<Mutability = Mutable> {
    /// Node `ordinal` starts, as `entity`, and is called `id`: it can be reached from now on.
    fn attach(&mut self, ordinal: u32, entity: Entity, id: NodeId);
    /// Node `ordinal` stops: its links vanish without a word.
    fn detach(&mut self, ordinal: u32);
    /// A fault strikes, or ends.
    fn apply(&mut self, fault: &NetworkFault);
    /// What faults have made of it.
    fn conditions(&self) -> &Conditions;
    /// Frames and whatever else travels, handed over so far.
    fn delivered(&self) -> u64;
}
