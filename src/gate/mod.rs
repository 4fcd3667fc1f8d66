//! The gate of a world: everything that enters it and everything that leaves it, as plain values.
//!
//! A transport whose sockets live outside the world (`live`) hands [`Arrival`]s in before a tick and takes [`Output`]s out after it;
//! so does a recording that is replayed. Nothing else enters, so the same arrivals in the same ticks give the same world.
//!
//! The gate keeps the promises of `kernel/transport.rs`: it names links by [`LinkId`], makes the session entities of accepted ones,
//! refuses those beyond the limit of sessions, and forgets a link when it is down or hung up.

mod nodes;
mod systems;
mod values;
mod vault;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

pub use crate::mesh::membership::NICK;
pub use nodes::{NodeSpec, spawn_node};
pub use values::{Arrival, Command, Input, LinkId, Output};

use crate::kernel::{AppAgendaExt, AppTickExt, Clock, Instant, Tick, TickSystems};
use crate::mesh::admission::{Invite, Revoke};
use crate::mesh::broadcast::Publish;
use crate::mesh::chat::{Say, SayTo};
use crate::mesh::membership::SetKey;
use crate::mesh::routing::SendTo;
use crate::mesh::topics::{JoinTopic, LeaveTopic};

/// The gate of a world.
#[derive(Resource, Debug, Default)]
pub struct Gate {
    /// What enters with the next tick.
    inbox: Vec<Arrival>,
    /// What has left since it was last taken.
    outbox: Vec<Output>,
    /// The session of each link, and the ordinal of its node.
    sessions: IndexMap<LinkId, (Entity, u32), FxBuildHasher>,
    /// The entity of each node, by ordinal, while it is up.
    nodes: Vec<Option<Entity>>,
    /// Links dialled so far.
    dialled: u64,
    /// Messages dropped because their session was congested.
    dropped: u64,
    /// Links refused because there were too many sessions.
    refused: u64,
    /// Rows of earlier lives that could not be opened.
    damaged: u64,
}

impl Gate {
    /// Lets `arrivals` in with the next tick. They must stand in order of time.
    pub fn enter(&mut self, arrivals: impl IntoIterator<Item = Arrival>) {
        self.inbox.extend(arrivals);
    }

    /// Moves what has left the world to the end of `out`.
    pub fn leave(&mut self, out: &mut Vec<Output>) {
        out.append(&mut self.outbox);
    }

    /// Node `ordinal` is up, as `entity`.
    pub fn attach(&mut self, ordinal: u32, entity: Entity) {
        let place = ordinal as usize;
        if self.nodes.len() <= place {
            self.nodes.resize(place + 1, None);
        }
        self.nodes[place] = Some(entity);
    }

    /// Node `ordinal` is down. Its links vanish without a word.
    pub fn detach(&mut self, ordinal: u32) {
        if let Some(place) = self.nodes.get_mut(ordinal as usize) {
            *place = None;
        }
        self.sessions.retain(|_, (_, node)| *node != ordinal);
        self.outbox.push(Output::Vanish { node: ordinal });
    }

    /// The entity of a node that is up.
    pub fn node(&self, ordinal: u32) -> Option<Entity> {
        self.nodes.get(ordinal as usize).copied().flatten()
    }

    /// The session that `link` carries.
    pub fn session(&self, link: LinkId) -> Option<Entity> {
        self.sessions.get(&link).map(|(session, _)| *session)
    }

    /// The links that are there.
    pub fn links(&self) -> impl Iterator<Item = LinkId> {
        self.sessions.keys().copied()
    }

    /// Links dialled so far.
    pub fn dialled(&self) -> u64 {
        self.dialled
    }

    /// Names dialled links as if so many had been dialled before: where a world follows another behind the same sockets, what is still
    /// told of the links of the first must not be taken for news of the second's.
    pub fn continue_after(&mut self, dialled: u64) {
        self.dialled = self.dialled.max(dialled);
    }

    /// Lazy messages dropped so far because a peer did not read.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Accepted links refused so far because their node was at its limit of sessions.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Rows of earlier lives that could not be opened: damaged, or of another identity.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }
}

/// The link that carries a session; on the session entity.
#[derive(Component, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Its name.
    pub id: LinkId,
    /// Whether the other side reads too slowly.
    pub congested: bool,
}

/// Where messages to peers that do not read are dropped. What is counted after it is sent.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShedSystems;

/// Adds the gate.
#[derive(Debug, Clone, Copy, Default)]
pub struct GatePlugin;

impl Plugin for GatePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Gate>()
            // What no protocol of this world waits for is dropped with the tick.
            .add_tick_message::<Publish>()
            .add_tick_message::<SetKey>()
            .add_tick_message::<Say>()
            .add_tick_message::<SayTo>()
            .add_tick_message::<JoinTopic>()
            .add_tick_message::<LeaveTopic>()
            .add_tick_message::<SendTo>()
            .add_tick_message::<Invite>()
            .add_tick_message::<Revoke>();
        app.add_agenda_source(|world| (!world.resource::<Gate>().inbox.is_empty()).then(|| world.resource::<Clock>().end())).add_systems(
            Tick,
            (
                (vault::restore, systems::obey).chain().run_if(systems::is_told).after(TickSystems::Begin).before(TickSystems::Fire),
                systems::receive.in_set(TickSystems::Receive),
                systems::shed_lazy.in_set(ShedSystems).after(TickSystems::Protocols).before(TickSystems::Seal),
                (systems::dial, systems::vouch, systems::send, systems::say_hello, systems::hang_up, vault::persist)
                    .chain()
                    .in_set(TickSystems::Send),
            ),
        );
    }
}

/// Runs the tick that holds `at`, with `arrivals`, and appends what leaves to `out`.
pub fn run_tick(world: &mut World, at: Instant, arrivals: impl IntoIterator<Item = Arrival>, out: &mut Vec<Output>) {
    world.resource_mut::<Gate>().enter(arrivals);
    crate::kernel::run_tick(world, at);
    world.resource_mut::<Gate>().leave(out);
}

#[cfg(test)]
mod tests;
