//! The plan of a run: everything that is drawn from the scenario and the seed before the first tick. All worlds share it.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexSet;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;

use super::graph::edges;
use super::streams::{Purpose, stream};
use super::timeline::Timeline;
use crate::crypto::{Identity, NodeId};
use crate::link_model::{LinkModel, LinkModelError};
use crate::scenario::{Overlay, Scenario, SelectionError, Start};
use crate::wire::Address;
use rand::RngExt;

/// The plan.
#[derive(Debug)]
pub struct Plan {
    /// What is run.
    pub scenario: Scenario,
    /// The seed in force.
    pub seed: u64,
    /// Length of a tick: what the scenario asks for, or the smallest latency if that is shorter, so that nothing sent in a tick arrives in it.
    pub quantum: Duration,
    /// The identities of all nodes, by ordinal: what follows from a secret takes long to compute.
    identities: Vec<Identity>,
    /// The ids of all nodes; a node's index is its ordinal.
    pub ids: IndexSet<NodeId, FxBuildHasher>,
    /// The network.
    pub model: Arc<LinkModel>,
    /// What happens to nodes and network.
    pub timeline: Timeline,
    /// For a pinned overlay, whom each node dials.
    pub pinned: Vec<Vec<Address>>,
    /// Which world each node lives in.
    pub owner: Arc<[u16]>,
    /// How many worlds there are.
    pub worlds: u16,
}

/// Why a scenario cannot be played.
#[derive(thiserror::Error, Debug)]
pub enum PlanError {
    /// It names nodes that are not there.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// Its network cannot be made.
    #[error(transparent)]
    Network(#[from] LinkModelError),
}

impl Plan {
    /// Draws the plan of `scenario`, to be run in `worlds` worlds.
    ///
    /// # Errors
    /// A scenario that names what is not there.
    pub fn new(scenario: &Scenario, seed: u64, worlds: usize) -> Result<Self, PlanError> {
        let model = Arc::new(LinkModel::new(&scenario.network, scenario.nodes, &scenario.groups, seed)?);
        let worlds = worlds.clamp(1, (scenario.nodes as usize).clamp(1, 64));
        // Neighbouring ordinals live together: groups and regions are ranges, and talk most among themselves.
        let owner = (0..scenario.nodes as usize).map(|node| (node * worlds / scenario.nodes as usize) as u16).collect();
        let identities: Vec<Identity> =
            (0..scenario.nodes).into_par_iter().map(|node| Identity::from_seed(secret(seed, node), scenario.crypto)).collect();
        let mut pinned = Vec::new();
        if let Overlay::Pinned(graph) = &scenario.protocols.overlay {
            pinned = vec![Vec::new(); scenario.nodes as usize];
            for (a, b) in edges(graph, scenario.nodes, &mut stream(seed, Purpose::Graph, 0, 0)) {
                pinned[a as usize].push(Address::Memory(b));
            }
        }
        Ok(Self {
            seed,
            quantum: scenario.tick.min(model.min_latency()),
            ids: identities.iter().map(Identity::id).collect(),
            identities,
            model,
            timeline: Timeline::new(scenario, seed)?,
            pinned,
            owner,
            worlds: worlds as u16,
            scenario: scenario.clone(),
        })
    }

    /// The identity of a node.
    pub fn identity(&self, node: u32) -> Identity {
        self.identities[node as usize].clone()
    }

    /// The ordinal of the node that is called `id`.
    pub fn ordinal(&self, id: &NodeId) -> Option<u32> {
        self.ids.get_index_of(id).map(|index| index as u32)
    }

    /// The seeds that `node` knows.
    pub fn seeds(&self, node: u32) -> Vec<Address> {
        let (Start::Together { seeds } | Start::Join { seeds, .. }) = self.scenario.start;
        (0..seeds.min(self.scenario.nodes)).filter(|seed| *seed != node).map(Address::Memory).collect()
    }
}

fn secret(seed: u64, node: u32) -> [u8; 32] {
    stream(seed, Purpose::Identity, node, 0).random()
}
