//! What a record says of the run itself.

use crate::report::{Meta, RunRecord};
use crate::scenario::{Dissemination, Scenario};

/// Completes the record of a run of `scenario` that took so long.
pub fn complete(record: &mut RunRecord, scenario: &Scenario, wall_seconds: f64) {
    record.meta = Meta {
        scenario: scenario.name.clone(),
        about: scenario.about.clone(),
        seed: scenario.seed,
        nodes: scenario.nodes,
        simulated_seconds: scenario.duration.as_secs_f64(),
        wall_seconds,
        peak_rss_bytes: peak_rss_bytes(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        membership: scenario.protocols.membership.is_some(),
        detection: scenario.protocols.detection.is_some(),
        broadcast: scenario.protocols.dissemination != Dissemination::Off,
        chat: scenario.protocols.chat.is_some(),
        ..std::mem::take(&mut record.meta)
    };
}

/// The highest resident memory of this process so far; Linux tells.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
