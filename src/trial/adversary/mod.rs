//! Those who mean harm: what they record, steal and keep, and how they mistreat what they pass on, lie and flood.
//!
//! They know all that the network carries and all that a member of it could keep. What they can make of it is tried at the end, by
//! [`attack`], for every entry of every log.

mod attack;
mod evidence;
mod liar;
mod lies;
mod relay;
mod tampering;

use std::collections::BTreeSet;
use std::sync::Arc;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use super::plan::{Plan, PlanError};
use crate::kernel::{AppAgendaExt, AppTickExt, Instant, Outgoing, Prekeys, Tick, TickSystems};
use crate::mesh::chat::Chat;
use crate::mesh::routing::SendTo;
use crate::mesh::topics::PublishTo;
use crate::scenario::{Adversary, Selection};
use crate::wire::chat::EntryId;

pub use evidence::Evidence;
use liar::{Liars, Malice};
use relay::{Harm, Relays};

/// The adversaries of the nodes of one world.
pub struct AdversaryPlugin {
    /// Whether anybody records.
    records: bool,
    /// Members who never erase a secret.
    keepers: BTreeSet<u32>,
    relays: Vec<(u32, Harm)>,
    liars: Vec<(u32, Malice)>,
    plan: Arc<Plan>,
}

impl AdversaryPlugin {
    /// Those among the nodes of `plan` that live in `world`.
    ///
    /// # Errors
    /// A selection that names nothing.
    pub fn new(plan: &Arc<Plan>, world: u16) -> Result<Self, PlanError> {
        let scenario = &plan.scenario;
        let (keepers, relays, liars) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut plugin = Self { records: false, keepers, relays, liars, plan: plan.clone() };
        for adversary in &scenario.adversaries {
            let here = |selection: &Selection| -> Result<Vec<u32>, PlanError> {
                let mut nodes = selection.resolve(scenario.nodes, &scenario.groups, plan.seed)?;
                nodes.retain(|node| plan.owner[*node as usize] == world);
                Ok(nodes)
            };
            match adversary {
                Adversary::Recorder { .. } => plugin.records = true,
                Adversary::Revoked { who } => {
                    plugin.records = true;
                    plugin.keepers.extend(here(who)?);
                }
                Adversary::Relay { who, drops, delays, replays, alters } => {
                    let harm = Harm { drops: *drops, delays: *delays, replays: *replays, alters: *alters };
                    plugin.relays.extend(here(who)?.into_iter().map(|node| (node, harm)));
                }
                Adversary::Liar { who, lies, floods, until } => {
                    let until = Instant::ZERO + until.unwrap_or(scenario.duration);
                    let malice = Malice { lies: *lies, floods: *floods, until };
                    plugin.liars.extend(here(who)?.into_iter().map(|node| (node, malice)));
                }
            }
        }
        Ok(plugin)
    }
}

/// Between what protocols want to send and what is sent.
#[derive(SystemSet, Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Harming;

impl Plugin for AdversaryPlugin {
    fn build(&self, app: &mut App) {
        app.configure_sets(Tick, Harming.after(TickSystems::Protocols).before(TickSystems::Seal));
        if self.records {
            app.insert_resource(Evidence::of(self.keepers.clone()))
                .add_waiting_message::<PublishTo>()
                .add_tick_message::<Outgoing>()
                .add_systems(Tick, (evidence::record, evidence::keep).chain().in_set(Harming));
        }
        if !self.relays.is_empty() {
            app.insert_resource(Relays::new(&self.relays, self.plan.seed))
                .add_waiting_message::<SendTo>()
                .add_tick_message::<Outgoing>()
                .add_agenda_source(|world| world.resource::<Relays>().next_due())
                .add_systems(Tick, (relay::pass_on, relay::answer).chain().after(evidence::keep).in_set(Harming));
        }
        if !self.liars.is_empty() {
            app.insert_resource(Liars::new(&self.liars, self.plan.seed))
                .add_waiting_message::<SendTo>()
                .add_tick_message::<Outgoing>()
                .add_agenda_source(|world| world.resource::<Liars>().next_due())
                // What a flood tells of logs is a lie already.
                .add_systems(Tick, (liar::lie, liar::flood).chain().after(evidence::keep).after(relay::answer).in_set(Harming));
        }
    }
}

/// The secrets of these nodes are stolen just now, whether they run or not.
pub(super) fn steal(world: &mut World, entities: &[Entity]) {
    let mut loot = evidence::Secrets::default();
    for entity in entities {
        if let (Some(prekeys), Some(chat)) = (world.get::<Prekeys>(*entity), world.get::<Chat>(*entity)) {
            loot.take(prekeys, chat);
        }
    }
    if let Some(mut evidence) = world.get_resource_mut::<Evidence>() {
        evidence.stolen.merge(loot);
    }
}

/// What adversaries can read at the end.
#[derive(Debug, Default)]
pub(super) struct Breaches {
    /// By what a recorder has.
    pub recorder: BTreeSet<EntryId>,
    /// By what those have who were revoked.
    pub revoked: BTreeSet<EntryId>,
}

/// Tries everything that the adversaries of all `worlds` have on everything that was recorded in them.
pub(super) fn breaches(worlds: &mut [World]) -> Breaches {
    let mut all = Evidence::default();
    for world in worlds {
        if let Some(evidence) = world.remove_resource::<Evidence>() {
            all.merge(evidence);
        }
    }
    Breaches { recorder: attack::open_all(&all, &all.stolen), revoked: attack::open_all(&all, &all.kept) }
}
