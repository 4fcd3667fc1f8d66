//! What nodes say again and again, and when.

use std::sync::Arc;
use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::nodes::{Directory, Planned};
use super::plan::{Plan, PlanError};
use super::streams::{Purpose, stream};
use crate::kernel::{AppAgendaExt, AppTickExt, CalendarQueue, Clock, Instant, Node, Scheduled, Tick, TickSystems};
use crate::mesh::broadcast::Publish;
use crate::mesh::chat::Say;
use crate::scenario::{Arrivals, WorkloadKind};
use crate::wire::{Payload, TopicId};

/// Shortest payload: it begins with the instant of sending.
pub const MIN_PAYLOAD: usize = 8;

/// The broadcasts to come of the nodes of this world.
#[derive(Resource)]
struct Speakers(CalendarQueue<Turn>);

/// A node's next broadcast.
struct Turn {
    at: Instant,
    node: u32,
    workload: u32,
    rng: ChaCha8Rng,
}

impl Scheduled for Turn {
    type Key = (Instant, u32, u32);
    fn at(&self) -> Instant {
        self.at
    }
    fn key(&self) -> (Instant, u32, u32) {
        (self.at, self.node, self.workload)
    }
}

/// Publishes what the scenario's workloads ask for.
pub struct WorkloadPlugin {
    speakers: std::sync::Mutex<Option<Speakers>>,
}

impl WorkloadPlugin {
    /// The workload of the nodes that live in `world`.
    ///
    /// # Errors
    /// A selection that names nothing.
    pub fn new(plan: &Plan, world: u16) -> Result<Self, PlanError> {
        let scenario = &plan.scenario;
        let mut speakers = Speakers(CalendarQueue::new(plan.quantum));
        for (index, workload) in scenario.workload.iter().enumerate().filter(|(_, workload)| workload.rate > 0.0) {
            for node in workload.from.resolve(scenario.nodes, &scenario.groups, plan.seed)? {
                if plan.owner[node as usize] != world {
                    continue;
                }
                let mut rng = stream(plan.seed, Purpose::Workload, node, index as u32);
                let first = match workload.arrivals {
                    Arrivals::Periodic => Duration::from_secs_f64((rng.random_range(0.0..1.0) / workload.rate).min(LONGEST)),
                    Arrivals::Poisson => gap(workload.arrivals, workload.rate, &mut rng),
                };
                speakers.0.push(Turn { at: Instant::ZERO + workload.start + first, node, workload: index as u32, rng });
            }
        }
        Ok(Self { speakers: std::sync::Mutex::new(Some(speakers)) })
    }
}

impl Plugin for WorkloadPlugin {
    fn build(&self, app: &mut App) {
        let speakers = self.speakers.lock().ok().and_then(|mut speakers| speakers.take());
        if let Some(speakers) = speakers {
            app.insert_resource(speakers)
                .add_tick_message::<Publish>()
                // Without chat nobody says anything.
                .add_waiting_message::<Say>()
                .add_agenda_source(|world| world.resource::<Speakers>().0.next_due())
                .add_systems(Tick, speak.in_set(TickSystems::Wake));
        }
    }
}

fn speak(
    clock: Res<Clock>,
    plan: Res<Planned>,
    directory: Res<Directory>,
    nodes: Query<&Node>,
    mut speakers: ResMut<Speakers>,
    mut publish: MessageWriter<Publish>,
    mut say: MessageWriter<Say>,
) {
    let Speakers(queue) = &mut *speakers;
    queue.open(clock.end());
    while let Some(mut turn) = queue.take() {
        let workload = &plan.0.scenario.workload[turn.workload as usize];
        let stop = Instant::ZERO + workload.end(plan.0.scenario.duration);
        let entity = directory.entities[turn.node as usize];
        let speaker = entity.and_then(|entity| nodes.get(entity).ok().map(|state| (entity, state))).filter(|(_, state)| state.is_up());
        while turn.at < clock.end().min(stop) {
            if let Some((node, state)) = speaker.filter(|(_, state)| state.held_until(turn.at).is_none()) {
                match &workload.kind {
                    WorkloadKind::Broadcast => {
                        publish.write(Publish { node, payload: payload(turn.at, workload.size), at: turn.at });
                    }
                    WorkloadKind::Chat { topic } => {
                        let text = text(state.ordinal, turn.at, workload.size);
                        say.write(Say { node, topic: TopicId::of(topic), text, at: turn.at });
                    }
                }
            }
            turn.at = turn.at + gap(workload.arrivals, workload.rate, &mut turn.rng);
        }
        if turn.at < stop {
            queue.push(turn);
        }
    }
}

/// Seconds that no run lasts.
const LONGEST: f64 = 1e9;

fn gap(arrivals: Arrivals, rate: f64, rng: &mut ChaCha8Rng) -> Duration {
    let turns = match arrivals {
        Arrivals::Periodic => 1.0,
        Arrivals::Poisson => -libm::log(1.0 - rng.random::<f64>()),
    };
    Duration::from_secs_f64((turns / rate).clamp(1e-9, LONGEST))
}

/// A payload of `size` bytes that begins with the instant of sending.
fn payload(at: Instant, size: usize) -> Payload {
    let mut bytes = vec![0; size.max(MIN_PAYLOAD)];
    bytes[..MIN_PAYLOAD].copy_from_slice(&at.as_nanos().to_le_bytes());
    Payload(Arc::from(bytes))
}

/// A text of at least `size` bytes, unlike any other.
fn text(node: u32, at: Instant, size: usize) -> Box<[u8]> {
    format!("{:.<size$}", format!("n{node} at {} ns", at.as_nanos())).into_bytes().into()
}

/// The instant of sending, from a payload of the workload.
pub fn stamp(payload: &[u8]) -> Option<Instant> {
    Some(Instant::from_nanos(u64::from_le_bytes(*payload.first_chunk()?)))
}
