//! One run, from the scenario to its record.

use std::sync::Arc;

use bevy_app::App;

use super::transport::Fabric;
use super::worlds::run_all;
use crate::kernel::Instant;
use crate::report::RunRecord;
use crate::scenario::Scenario;
use crate::trial::{Plan, PlanError, complete, into_record};

/// How to run a scenario. Nothing here changes what comes out, but for the seed.
#[derive(Clone, Copy, Default)]
pub struct RunOptions<'a> {
    /// How many worlds the nodes are divided over, each on a thread of its own; 0 counts as 1.
    pub threads: usize,
    /// Called now and then with the fraction that is done, from 0 to 1.
    pub progress: Option<&'a (dyn Fn(f64) + Sync)>,
    /// Called with each world before it begins, to add plugins of one's own or to change its schedule.
    pub prepare: Option<&'a (dyn Fn(&mut App) + Sync)>,
}

/// Runs `scenario` with its seed.
///
/// # Errors
/// A scenario that names what is not there; what [`check`](crate::scenario::check) accepts has no errors left.
pub fn run(scenario: &Scenario, options: &RunOptions) -> Result<RunRecord, PlanError> {
    let plan = Arc::new(Plan::new(scenario, scenario.seed, options.threads)?);
    let end = Instant::ZERO + scenario.duration;
    let begin = wall_clock();
    let mut worlds = run_all(&plan, end, options)?;
    let wall_seconds = begin.elapsed().as_secs_f64();
    let mut record = into_record::<Fabric>(&plan, &mut worlds, end);
    complete(&mut record, scenario, wall_seconds);
    Ok(record)
}

#[expect(clippy::disallowed_methods, reason = "how long a run takes is told, and decides nothing in it")]
fn wall_clock() -> std::time::Instant {
    std::time::Instant::now()
}
