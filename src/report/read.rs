//! A result, read back from its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ReportError;
use super::record::{Checkpoint, EventRow, LatencySummary, Meta, RunRecord, Sample};
use crate::scenario::Scenario;
use crate::wire::Protocol;

/// What was run: enough to run it again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RecordedRun {
    /// Version of the program.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// The scenario, with all that the command line changed.
    pub scenario: Scenario,
}

#[derive(Deserialize)]
struct Rest {
    latency: Option<LatencySummary>,
    events_dropped: u64,
    missed_detections: u64,
    false_suspicions: u64,
    duplicate_deliveries: u64,
    started_at: f64,
    heals: Vec<f64>,
    fault_times: Vec<f64>,
    refusals: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct MetaAndRest {
    meta: Meta,
    record: Rest,
}

/// What was run to give the result in `dir`.
///
/// # Errors
/// [`ReportError`] with the file that is missing or malformed.
pub fn read_run(dir: &Path) -> Result<RecordedRun, ReportError> {
    read_json(&dir.join("run.json"))
}

/// How the run went that gave the result in `dir`.
///
/// # Errors
/// As [`read_run`].
pub fn read_meta(dir: &Path) -> Result<Meta, ReportError> {
    Ok(read_json::<MetaAndRest>(&dir.join("run.json"))?.meta)
}

/// The events of the result in `dir`.
///
/// # Errors
/// As [`read_run`].
pub fn read_events(dir: &Path) -> Result<Vec<EventRow>, ReportError> {
    read_rows(&dir.join("events.csv"))
}

/// The checkpoints of the result in `dir`.
///
/// # Errors
/// As [`read_run`].
pub fn read_checkpoints(dir: &Path) -> Result<Vec<Checkpoint>, ReportError> {
    read_rows(&dir.join("checkpoints.csv"))
}

/// The whole record of the result in `dir`.
///
/// # Errors
/// As [`read_run`].
pub fn read_record(dir: &Path) -> Result<RunRecord, ReportError> {
    let MetaAndRest { meta, record: rest } = read_json(&dir.join("run.json"))?;
    Ok(RunRecord {
        meta,
        samples: read_series(&dir.join("series.csv"))?,
        broadcasts: read_rows(&dir.join("broadcasts.csv"))?,
        latency: rest.latency,
        events: read_events(dir)?,
        events_dropped: rest.events_dropped,
        checkpoints: read_checkpoints(dir)?,
        nodes: read_rows(&dir.join("nodes.csv"))?,
        edges: read_rows(&dir.join("edges.csv"))?,
        shades: read_rows(&dir.join("shades.csv"))?,
        detections: read_rows(&dir.join("detections.csv"))?,
        missed_detections: rest.missed_detections,
        false_suspicions: rest.false_suspicions,
        leaves: read_rows(&dir.join("leaves.csv"))?,
        duplicate_deliveries: rest.duplicate_deliveries,
        refusals: rest.refusals,
        started_at: rest.started_at,
        heals: rest.heals,
        fault_times: rest.fault_times,
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ReportError> {
    let text = fs::read_to_string(path).map_err(ReportError::io(path))?;
    serde_json::from_str(&text).map_err(ReportError::malformed(path))
}

fn read_rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ReportError> {
    let file = fs::File::open(path).map_err(ReportError::io(path))?;
    csv::Reader::from_reader(file).deserialize().collect::<Result<_, _>>().map_err(ReportError::malformed(path))
}

fn read_series(path: &Path) -> Result<Vec<Sample>, ReportError> {
    let rows: Vec<BTreeMap<String, f64>> = read_rows(path)?;
    let sample = |row: BTreeMap<String, f64>| -> Option<Sample> {
        let get = |name: &str| row.get(name).copied();
        let counters = |what: &str| -> Option<Vec<u64>> {
            Protocol::ALL.iter().map(|protocol| Some(get(&format!("{what}_{}", protocol.name()))? as u64)).collect()
        };
        Some(Sample {
            seconds: get("seconds")?,
            up: get("up")? as u32,
            complete_views: get("complete_views")? as u32,
            reachable_views: get("reachable_views")? as u32,
            known_mean: get("known_mean")?,
            known_min: get("known_min")? as u32,
            known_max: get("known_max")? as u32,
            suspected: get("suspected")? as u64,
            links: get("links")? as u64,
            degree_min: get("degree_min")? as u32,
            degree_max: get("degree_max")? as u32,
            degree_mean: get("degree_mean")?,
            frames: counters("frames")?,
            bytes: counters("bytes")?,
        })
    };
    let missing = || ReportError::Malformed { path: path.to_owned(), what: "a column is missing".into() };
    rows.into_iter().map(|row| sample(row).ok_or_else(missing)).collect()
}
