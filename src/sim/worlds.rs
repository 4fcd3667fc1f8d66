//! The worlds of a run, each with a share of the nodes, and the steps they take together.
//!
//! In each step every world runs the tick that holds the earliest due instant of all, then they exchange what crossed from one
//! to another. A tick is never longer than the smallest latency, so nothing that crosses is due in the tick that sent it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};

use bevy_app::App;
use bevy_ecs::prelude::*;

use super::RunOptions;
use super::transport::{Fabric, Flight, MemoryTransportPlugin};
use crate::kernel::{Instant, KernelPlugin, next_due, run_tick};
use crate::mesh::MeshPlugins;
use crate::trial::{AdversaryPlugin, NodesPlugin, ObservePlugin, Plan, PlanError, WorkloadPlugin, take_sample};

/// Builds the app of one world.
///
/// # Errors
/// A selection of the scenario that names nothing.
pub fn build(plan: &Arc<Plan>, world: u16) -> Result<App, PlanError> {
    let mut app = App::empty();
    app.add_plugins(KernelPlugin { quantum: plan.quantum }).add_plugins(MeshPlugins(plan.scenario.protocols.clone()));
    app.insert_resource(Fabric::new(
        plan.model.clone(),
        plan.scenario.network.service.into(),
        world,
        plan.owner.clone(),
        plan.quantum,
        plan.seed,
    ))
    .add_plugins((
        NodesPlugin::<Fabric>::new(plan.clone(), world),
        ObservePlugin,
        MemoryTransportPlugin,
        WorkloadPlugin::new(plan, world)?,
        AdversaryPlugin::new(plan, world)?,
    ));
    Ok(app)
}

/// Runs all worlds of `plan` to `end`, with a sample at every interval; gives them back as they stand then.
///
/// # Errors
/// As [`build`].
pub fn run_all(plan: &Arc<Plan>, end: Instant, options: &RunOptions) -> Result<Vec<World>, PlanError> {
    let begin = |world| -> Result<World, PlanError> {
        let mut app = build(plan, world)?;
        if let Some(prepare) = options.prepare {
            prepare(&mut app);
        }
        Ok(std::mem::take(app.world_mut()))
    };
    let apps: Vec<World> = (0..plan.worlds).map(begin).collect::<Result<_, PlanError>>()?;
    let meeting = Meeting {
        barrier: Barrier::new(apps.len()),
        due: apps.iter().map(|_| AtomicU64::new(0)).collect(),
        mail: apps.iter().map(|_| Mutex::new(Vec::new())).collect(),
    };
    if let [_] = &apps[..] {
        return Ok(apps.into_iter().map(|world| meeting.attend(world, 0, plan, end, Some(options))).collect());
    }
    let meeting = &meeting;
    Ok(std::thread::scope(|scope| {
        let threads: Vec<_> = apps
            .into_iter()
            .enumerate()
            .map(|(index, world)| {
                let progress = (index == 0).then_some(options);
                scope.spawn(move || meeting.attend(world, index, plan, end, progress))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    }))
}

/// Where worlds agree on the next tick and hand over what crosses.
struct Meeting {
    barrier: Barrier,
    /// What each world has due next, in nanoseconds.
    due: Vec<AtomicU64>,
    /// What waits for each world.
    mail: Vec<Mutex<Vec<Flight>>>,
}

impl Meeting {
    fn attend(&self, mut world: World, index: usize, plan: &Plan, end: Instant, progress: Option<&RunOptions>) -> World {
        let interval = plan.scenario.sample_interval;
        let mut sample_at = (Instant::ZERO + interval).min(end);
        loop {
            let due = self.agree(&mut world, index);
            while sample_at <= due {
                take_sample(&mut world, sample_at);
                if let Some(report) = progress.and_then(|options| options.progress) {
                    report(sample_at.as_secs_f64() / end.as_secs_f64());
                }
                if sample_at == end {
                    return world;
                }
                sample_at = (sample_at + interval).min(end);
            }
            run_tick(&mut world, due);
            for other in (0..self.mail.len()).filter(|other| *other != index) {
                let mut letters = world.resource_mut::<Fabric>().take_outbox(other as u16);
                if !letters.is_empty() {
                    self.lock(other).append(&mut letters);
                }
            }
        }
    }

    /// Takes in what others sent, and finds the earliest due instant of all worlds.
    fn agree(&self, world: &mut World, index: usize) -> Instant {
        if self.mail.len() == 1 {
            return next_due(world).unwrap_or(Instant::NEVER);
        }
        // All have posted what they sent in the last tick …
        self.barrier.wait();
        let letters = std::mem::take(&mut *self.lock(index));
        if !letters.is_empty() {
            world.resource_mut::<Fabric>().receive(letters);
        }
        self.due[index].store(next_due(world).unwrap_or(Instant::NEVER).as_nanos(), Ordering::Release);
        // … and said what they have due.
        self.barrier.wait();
        Instant::from_nanos(self.due.iter().map(|due| due.load(Ordering::Acquire)).min().unwrap_or(u64::MAX))
    }

    fn lock(&self, world: usize) -> std::sync::MutexGuard<'_, Vec<Flight>> {
        self.mail[world].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
