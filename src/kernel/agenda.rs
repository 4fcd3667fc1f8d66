//! What is due next: the runner asks, everything that waits for an instant answers.

use bevy_app::App;
use bevy_ecs::prelude::*;

use super::time::Instant;

/// The sources that the runner asks for the next due instant, and the counters of fired timers.
#[derive(Resource, Default)]
pub struct Agenda {
    sources: Vec<fn(&World) -> Option<Instant>>,
    timers: Vec<fn(&World) -> u64>,
}

impl Agenda {
    pub(super) fn count_timers(&mut self, counter: fn(&World) -> u64) {
        self.timers.push(counter);
    }
}

/// Lets a plugin announce what it waits for.
pub trait AppAgendaExt {
    /// Adds a source: the earliest instant at which it wants a tick, if any.
    fn add_agenda_source(&mut self, source: fn(&World) -> Option<Instant>) -> &mut Self;
}

impl AppAgendaExt for App {
    fn add_agenda_source(&mut self, source: fn(&World) -> Option<Instant>) -> &mut Self {
        self.world_mut().resource_mut::<Agenda>().sources.push(source);
        self
    }
}

/// The earliest instant at which something in `world` is due.
pub fn next_due(world: &World) -> Option<Instant> {
    world.resource::<Agenda>().sources.iter().filter_map(|source| source(world)).min()
}

/// Timers that fired since the world began.
pub fn timers_fired(world: &World) -> u64 {
    world.resource::<Agenda>().timers.iter().map(|count| count(world)).sum()
}
