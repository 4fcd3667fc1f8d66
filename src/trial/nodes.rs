//! Nodes begin, stop and begin again, as the timeline says.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use rand::RngExt;

use super::carrier::Carrier;
use super::plan::Plan;
use super::streams::{Purpose, stream};
use super::timeline::Action;
use super::truth::Truth;
use crate::crypto::{ErasingRng, Secret};
use crate::kernel::{
    AppAgendaExt, Clock, Contact, Instant, KeyRng, Keys, Neighbors, Node, NodeClock, NodeRng, NodeStarted, NodeState, Sessions, Shutdown,
    Tick, TickSystems,
};
use crate::mesh::discovery::Seeds;
use crate::mesh::handshake::NetworkKey;
use crate::mesh::leave::Stopped;
use crate::mesh::pinned::PinnedPeers;
use crate::wire::Address;

/// The plan, in each world.
#[derive(Resource, Clone, Debug)]
pub struct Planned(pub Arc<Plan>);

/// The nodes of this world.
#[derive(Resource, Debug)]
pub struct Directory {
    /// The entity of each node that has one, by ordinal.
    pub entities: Vec<Option<Entity>>,
    /// Which world this is.
    pub world: u16,
    /// How often each has started.
    lives: Vec<u32>,
    /// Nodes that have said goodbye and are not gone yet.
    leaving: BTreeSet<u32>,
    /// Next moment of the timeline.
    next: usize,
}

/// Carries out the timeline in [`TickSystems::Begin`], on the carrier `N`, whose resource the runner inserts.
pub struct NodesPlugin<N> {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Which world this is.
    pub world: u16,
    carrier: PhantomData<fn() -> N>,
}

impl<N> NodesPlugin<N> {
    /// The nodes of `plan` that live in `world`.
    pub fn new(plan: Arc<Plan>, world: u16) -> Self {
        Self { plan, world, carrier: PhantomData }
    }
}

impl<N: Carrier> Plugin for NodesPlugin<N> {
    fn build(&self, app: &mut App) {
        let nodes = self.plan.scenario.nodes as usize;
        app.insert_resource(Planned(self.plan.clone()))
            .insert_resource(Truth::new(self.plan.scenario.nodes, self.plan.scenario.protocols.membership.is_some()))
            .insert_resource(Directory {
                entities: vec![None; nodes],
                world: self.world,
                lives: vec![0; nodes],
                leaving: BTreeSet::new(),
                next: 0,
            })
            .add_agenda_source(|world| {
                let (plan, directory) = (world.resource::<Planned>(), world.resource::<Directory>());
                plan.0.timeline.moments.get(directory.next).map(|moment| moment.at)
            })
            .add_systems(Tick, (apply_timeline::<N>.in_set(TickSystems::Begin), take_down_stopped::<N>.in_set(TickSystems::Observe)));
    }
}

fn apply_timeline<N: Carrier>(world: &mut World) {
    let plan = world.resource::<Planned>().0.clone();
    let end = world.resource::<Clock>().end();
    loop {
        let mut directory = world.resource_mut::<Directory>();
        let Some(moment) = plan.timeline.moments.get(directory.next).filter(|moment| moment.at < end) else { return };
        directory.next += 1;
        if let Action::Network(fault) = &moment.action {
            world.resource_mut::<N>().apply(fault);
        }
        world.resource_scope(|world, mut truth: Mut<Truth>| {
            super::observe::before_action(world, &truth, moment);
            truth.apply(moment.at, &moment.action, world.resource::<N>().conditions());
        });
        let mine = |world: &World, nodes: &[u32]| -> Vec<u32> {
            let here = world.resource::<Directory>().world;
            nodes.iter().copied().filter(|node| plan.owner[*node as usize] == here).collect()
        };
        match &moment.action {
            Action::Start { nodes, memory } => {
                for node in mine(world, nodes) {
                    start::<N>(world, &plan, node, moment.at, *memory);
                }
            }
            Action::Crash(nodes) => mine(world, nodes).into_iter().for_each(|node| stop::<N>(world, node)),
            Action::Leave(nodes) => {
                for node in mine(world, nodes) {
                    match world.resource::<Directory>().entities[node as usize] {
                        Some(entity) if plan.scenario.protocols.leave => {
                            world.write_message(Shutdown { node: entity, at: moment.at });
                            world.resource_mut::<Directory>().leaving.insert(node);
                        }
                        _ => stop::<N>(world, node),
                    }
                }
            }
            Action::Pause(nodes, until) => {
                for_each_node(world, &mine(world, nodes), |mut node, _| {
                    if node.is_up() {
                        // Of pauses that overlap the one that ends last counts.
                        let until = node.held_until(moment.at).map_or(*until, |held| held.max(*until));
                        node.state = NodeState::Paused { until };
                    }
                });
            }
            Action::Drift(nodes, ppm) => for_each_node(world, &mine(world, nodes), |_, mut clock| clock.drift_ppm = *ppm),
            Action::Act(deed) => super::acts::perform(world, &plan, deed, moment.at, |world, node| able(world, node, moment.at)),
            Action::Steal(nodes) => {
                let there = |node| world.resource::<Directory>().entities[node as usize];
                let victims: Vec<Entity> = mine(world, nodes).into_iter().filter_map(there).collect();
                super::adversary::steal(world, &victims);
            }
            Action::Network(_) => {}
        }
    }
}

/// The entity of a node of this world, if it runs and does not stand still at `at`.
fn able(world: &World, node: u32, at: Instant) -> Option<Entity> {
    let entity = world.resource::<Directory>().entities[node as usize]?;
    world.get::<Node>(entity).filter(|node| node.is_up() && node.held_until(at).is_none()).map(|_| entity)
}

fn for_each_node(world: &mut World, nodes: &[u32], mut change: impl FnMut(Mut<Node>, Mut<NodeClock>)) {
    let entities: Vec<Entity> = nodes.iter().filter_map(|node| world.resource::<Directory>().entities[*node as usize]).collect();
    let mut query = world.query::<(&mut Node, &mut NodeClock)>();
    for entity in entities {
        if let Ok((node, clock)) = query.get_mut(world, entity) {
            change(node, clock);
        }
    }
}

/// Starts a node, unless it runs: as it was before a crash, or with nothing but its identity.
fn start<N: Carrier>(world: &mut World, plan: &Plan, ordinal: u32, at: Instant, memory: bool) {
    // Who is asked for again while it still says goodbye has said enough.
    if world.resource::<Directory>().leaving.contains(&ordinal) {
        stop::<N>(world, ordinal);
    }
    let mut directory = world.resource_mut::<Directory>();
    directory.lives[ordinal as usize] += 1;
    let life = directory.lives[ordinal as usize];
    let existing = directory.entities[ordinal as usize];
    let remembered = existing.and_then(|entity| world.get_mut::<Node>(entity));
    let (entity, with_memory) = match (existing, remembered) {
        (_, Some(node)) if node.state != NodeState::Down => return,
        (Some(entity), Some(mut node)) if memory => {
            node.state = NodeState::Running;
            node.epoch += 1;
            (entity, true)
        }
        (existing, _) => {
            if let Some(entity) = existing {
                world.despawn(entity);
            }
            (spawn(world, plan, ordinal, life), false)
        }
    };
    world.resource_mut::<Directory>().entities[ordinal as usize] = Some(entity);
    let id = plan.ids[ordinal as usize];
    world.resource_mut::<N>().attach(ordinal, entity, id);
    world.write_message(NodeStarted { node: entity, at, with_memory });
}

fn spawn(world: &mut World, plan: &Plan, ordinal: u32, life: u32) -> Entity {
    let mut entity = world.spawn((
        Node { ordinal, epoch: life, state: NodeState::Running },
        Contact { id: plan.ids[ordinal as usize], address: Address::Memory(ordinal) },
        Keys(plan.identity(ordinal)),
        NodeRng(stream(plan.seed, Purpose::Protocols, ordinal, life)),
        KeyRng(ErasingRng::from(Secret(stream(plan.seed, Purpose::Keys, ordinal, life).random()))),
        NetworkKey(*b"the key of every simulated mesh."),
    ));
    if plan.pinned.is_empty() {
        entity.insert(Seeds(plan.seeds(ordinal)));
    } else {
        entity.insert(PinnedPeers(plan.pinned[ordinal as usize].clone()));
    }
    entity.id()
}

/// Takes a node down without a word. Its sessions go, what it knew stays for a restart with memory.
fn stop<N: Carrier>(world: &mut World, ordinal: u32) {
    let mut directory = world.resource_mut::<Directory>();
    directory.leaving.remove(&ordinal);
    let Some(entity) = directory.entities[ordinal as usize] else { return };
    world.resource_mut::<N>().detach(ordinal);
    let Ok(mut node) = world.get_entity_mut(entity) else { return };
    if let Some(mut state) = node.get_mut::<Node>() {
        state.state = NodeState::Down;
    }
    if let Some(mut neighbors) = node.get_mut::<Neighbors>() {
        neighbors.clear();
    }
    node.despawn_related::<Sessions>();
}

fn take_down_stopped<N: Carrier>(mut stopped: MessageReader<Stopped>, nodes: Query<&Node>, mut commands: Commands) {
    for Stopped { node, .. } in stopped.read() {
        if let Ok(node) = nodes.get(*node) {
            let ordinal = node.ordinal;
            commands.queue(move |world: &mut World| stop::<N>(world, ordinal));
        }
    }
}
