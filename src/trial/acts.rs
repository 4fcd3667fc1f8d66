//! What people do: acts of the scenario, with the nodes that they mean, and how they are asked of the protocols.

use bevy_ecs::prelude::*;

use super::plan::Plan;
use super::timeline::{Action, Moment};
use crate::kernel::Instant;
use crate::mesh::admission::{Invite, Revoke};
use crate::mesh::chat::{Say, SayTo};
use crate::mesh::topics::{JoinTopic, LeaveTopic};
use crate::scenario::{ActKind, Adversary, Scenario, Selection, SelectionError};
use crate::wire::TopicId;

/// What somebody does, with the nodes by ordinal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Each of these says a text in a topic.
    Say(Vec<u32>, String, String),
    /// One says a text to another.
    Dm(u32, u32, String),
    /// One invites others.
    Invite(u32, Vec<u32>),
    /// One revokes others.
    Revoke(u32, Vec<u32>),
    /// They join a topic.
    Join(Vec<u32>, String),
    /// They leave a topic.
    Leave(Vec<u32>, String),
}

/// The acts of `scenario`, and the thefts of its adversaries.
///
/// # Errors
/// A selection that names nothing.
pub fn moments(scenario: &Scenario, seed: u64) -> Result<Vec<Moment>, SelectionError> {
    let pick = |selection: &Selection| selection.resolve(scenario.nodes, &scenario.groups, seed);
    let mut moments = Vec::new();
    for act in &scenario.acts {
        let deed = match &act.kind {
            ActKind::Say { from, topic, text, .. } => Deed::Say(pick(from)?, topic.clone(), text.clone()),
            ActKind::Dm { from, to, text, .. } => Deed::Dm(*from, *to, text.clone()),
            ActKind::Invite { by, who } => Deed::Invite(*by, pick(who)?),
            ActKind::Revoke { by, who } => Deed::Revoke(*by, pick(who)?),
            ActKind::Join { nodes, topic } => Deed::Join(pick(nodes)?, topic.clone()),
            ActKind::Leave { nodes, topic } => Deed::Leave(pick(nodes)?, topic.clone()),
        };
        moments.push(Moment { at: Instant::ZERO + act.at, action: Action::Act(deed) });
    }
    for adversary in &scenario.adversaries {
        if let Adversary::Recorder { steals_from, at } = adversary {
            moments.push(Moment { at: Instant::ZERO + *at, action: Action::Steal(pick(steals_from)?) });
        }
    }
    Ok(moments)
}

/// Asks the protocols for what is done at `at`. `entity` gives the nodes of this world that can do something just then.
pub(super) fn perform(world: &mut World, plan: &Plan, deed: &Deed, at: Instant, entity: impl Fn(&World, u32) -> Option<Entity>) {
    let among = |world: &World, nodes: &[u32]| -> Vec<Entity> { nodes.iter().filter_map(|node| entity(world, *node)).collect() };
    match deed {
        Deed::Say(nodes, topic, text) => {
            for node in among(world, nodes) {
                world.write_message(Say { node, topic: TopicId::of(topic), text: text.as_bytes().into(), at });
            }
        }
        Deed::Dm(from, to, text) => {
            for node in among(world, &[*from]) {
                world.write_message(SayTo { node, to: plan.ids[*to as usize], text: text.as_bytes().into(), at });
            }
        }
        Deed::Invite(by, who) => {
            for node in among(world, &[*by]) {
                for target in who.iter().map(|target| plan.ids[*target as usize]) {
                    world.write_message(Invite { node, target, at });
                }
            }
        }
        Deed::Revoke(by, who) => {
            for node in among(world, &[*by]) {
                for target in who.iter().map(|target| plan.ids[*target as usize]) {
                    world.write_message(Revoke { node, target, at });
                }
            }
        }
        Deed::Join(nodes, topic) => {
            for node in among(world, nodes) {
                world.write_message(JoinTopic { node, name: topic.clone(), at });
            }
        }
        Deed::Leave(nodes, topic) => {
            for node in among(world, nodes) {
                world.write_message(LeaveTopic { node, name: topic.clone(), at });
            }
        }
    }
}
