//! The directory that a run leaves: written file by file, each complete or not there, and read again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ReportError;
use super::judge::Verdict;
use super::plot;
use super::record::{Checkpoint, EventRow, LatencySummary, Meta, RunRecord};
use super::summary::{Summary, summary};
use super::tables::{
    self, BROADCASTS, CHECKPOINTS, DETECTIONS, EDGES, EVENTS, LEAVES, LOGS, MEMBERS, NODES, READINGS, ROUND_TRIPS, SERIES, SHADES, TEXTS,
    Table,
};
use crate::scenario::{MATRIX_FILE, SCENARIO_FILE, is_of_a_result};

#[cfg(test)]
mod tests;

const SUMMARY: &str = "summary.json";
const RECORD: &str = "record.json";
const TABLES: [Table; 13] =
    [BROADCASTS, CHECKPOINTS, DETECTIONS, EDGES, EVENTS, LEAVES, LOGS, MEMBERS, NODES, READINGS, ROUND_TRIPS, SHADES, TEXTS];

/// What of the record is neither a table nor a series.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    meta: Meta,
    latency_ms: Option<LatencySummary>,
    started_at: f64,
    heals: Vec<f64>,
    fault_times: Vec<f64>,
    false_suspicions: u64,
    missed_detections: u64,
    duplicate_deliveries: u64,
    events_dropped: u64,
    refusals: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat: Option<ChatRest>,
}

/// … of chat.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChatRest {
    latency_ms: Option<LatencySummary>,
    refusals: BTreeMap<String, u64>,
}

/// Whether [`write`] would replace nothing in the directory but a result, as the scenario in it says it is, and not the scenario that is
/// run.
///
/// # Errors
/// Names a file that is somebody else's.
pub fn check_replaceable(dir: &Path, source: &Path) -> Result<(), ReportError> {
    let path = dir.join(SCENARIO_FILE);
    if path.exists() {
        let is_source = path.canonicalize().is_ok_and(|path| source.canonicalize().is_ok_and(|source| source == path));
        return if is_of_a_result(&path) && !is_source { Ok(()) } else { Err(ReportError::Foreign { path }) };
    }
    let files = TABLES.iter().map(|table| table.file).chain([SERIES, SUMMARY, RECORD, MATRIX_FILE]).chain(plot::NAMES);
    let foreign = files.map(|name| dir.join(name)).find(|path| path.symlink_metadata().is_ok());
    foreign.map_or(Ok(()), |path| Err(ReportError::Foreign { path }))
}

/// Waits until nobody else writes a result into the directory, and lets others wait until it is dropped, so that the results of two runs do
/// not mix. Where directories cannot be locked (Windows, some network disks) nobody waits.
#[must_use = "it is locked until this is dropped"]
pub fn lock(dir: &Path) -> Option<File> {
    let folder = File::open(dir).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

/// Writes the whole result into the directory, which is made if it is not there, and replaces a result that is.
///
/// The summary comes last: where there is one, the rest is complete. (The pictures excepted, which follow if `plots` says so.)
///
/// # Errors
/// Names the file that could not be written; what was written before it stays.
pub fn write(dir: &Path, record: &RunRecord, verdicts: &[Verdict], plots: bool) -> Result<(), ReportError> {
    fs::create_dir_all(dir).map_err(|error| ReportError::write(dir, error))?;
    remove(&dir.join(SUMMARY))?;
    // A picture of another run would be worse than none.
    for name in plot::NAMES {
        remove(&dir.join(name))?;
    }
    put(dir, SERIES, tables::encode_series(&record.samples))?;
    put(dir, BROADCASTS.file, BROADCASTS.encode(&record.broadcasts))?;
    put(dir, EVENTS.file, tables::encode_events(&record.events))?;
    put(dir, CHECKPOINTS.file, CHECKPOINTS.encode(&record.checkpoints))?;
    put(dir, NODES.file, NODES.encode(&record.nodes))?;
    put(dir, EDGES.file, EDGES.encode(&record.edges))?;
    put(dir, ROUND_TRIPS.file, ROUND_TRIPS.encode(&record.round_trips))?;
    put(dir, SHADES.file, SHADES.encode(&record.shades))?;
    put(dir, DETECTIONS.file, DETECTIONS.encode(&record.detections))?;
    put(dir, LEAVES.file, LEAVES.encode(&record.leaves))?;
    write_chat(dir, record)?;
    put_json(dir, RECORD, &Rest::of(record))?;
    put_json(dir, SUMMARY, &summary(record, verdicts))?;
    if plots { plot::draw_all(dir, record) } else { Ok(()) }
}

/// The tables of chat; where there was none there shall be none of another run.
fn write_chat(dir: &Path, record: &RunRecord) -> Result<(), ReportError> {
    if !record.meta.chat {
        return [TEXTS, READINGS, MEMBERS, LOGS].iter().try_for_each(|table| remove(&dir.join(table.file)));
    }
    put(dir, TEXTS.file, TEXTS.encode(&record.texts))?;
    put(dir, READINGS.file, READINGS.encode(&record.readings))?;
    put(dir, MEMBERS.file, MEMBERS.encode(&record.members))?;
    put(dir, LOGS.file, LOGS.encode(&record.logs))
}

/// Reads the record that was written into this directory; it equals the one that was.
///
/// # Errors
/// Names the file that is missing or not what a run writes.
pub fn read_record(dir: &Path) -> Result<RunRecord, ReportError> {
    let rest: Rest = get_json(dir, RECORD)?;
    let chat = rest.meta.chat;
    let (text_latency, chat_refusals) = rest.chat.map(|chat| (chat.latency_ms, chat.refusals)).unwrap_or_default();
    Ok(RunRecord {
        meta: rest.meta,
        samples: tables::decode_series(dir)?,
        broadcasts: BROADCASTS.read(dir)?,
        latency: rest.latency_ms,
        events: read_events(dir)?,
        events_dropped: rest.events_dropped,
        checkpoints: read_checkpoints(dir)?,
        nodes: NODES.read(dir)?,
        edges: EDGES.read(dir)?,
        round_trips: ROUND_TRIPS.read(dir)?,
        shades: SHADES.read(dir)?,
        detections: DETECTIONS.read(dir)?,
        missed_detections: rest.missed_detections,
        false_suspicions: rest.false_suspicions,
        leaves: LEAVES.read(dir)?,
        duplicate_deliveries: rest.duplicate_deliveries,
        refusals: rest.refusals,
        started_at: rest.started_at,
        heals: rest.heals,
        fault_times: rest.fault_times,
        texts: if chat { TEXTS.read(dir)? } else { Vec::new() },
        readings: if chat { READINGS.read(dir)? } else { Vec::new() },
        text_latency,
        members: if chat { MEMBERS.read(dir)? } else { Vec::new() },
        logs: if chat { LOGS.read(dir)? } else { Vec::new() },
        chat_refusals,
    })
}

/// Reads the summary.
///
/// # Errors
/// Names the file that is missing or not what a run writes.
pub fn read_summary(dir: &Path) -> Result<Summary, ReportError> {
    get_json(dir, SUMMARY)
}

/// Reads the events.
///
/// # Errors
/// Names the file that is missing or not what a run writes.
pub fn read_events(dir: &Path) -> Result<Vec<EventRow>, ReportError> {
    tables::decode_events(dir)
}

/// Reads the checkpoints.
///
/// # Errors
/// Names the file that is missing or not what a run writes.
pub fn read_checkpoints(dir: &Path) -> Result<Vec<Checkpoint>, ReportError> {
    CHECKPOINTS.read(dir)
}

impl Rest {
    fn of(record: &RunRecord) -> Self {
        Self {
            meta: record.meta.clone(),
            latency_ms: record.latency.clone(),
            started_at: record.started_at,
            heals: record.heals.clone(),
            fault_times: record.fault_times.clone(),
            false_suspicions: record.false_suspicions,
            missed_detections: record.missed_detections,
            duplicate_deliveries: record.duplicate_deliveries,
            events_dropped: record.events_dropped,
            refusals: record.refusals.clone(),
            chat: record.meta.chat.then(|| ChatRest { latency_ms: record.text_latency.clone(), refusals: record.chat_refusals.clone() }),
        }
    }
}

/// Writes a file beside its place and moves it there, so that nobody finds half of it.
fn put(dir: &Path, name: &str, content: csv::Result<Vec<u8>>) -> Result<(), ReportError> {
    let path = dir.join(name);
    let content = content.map_err(|error| ReportError::write(&path, error))?;
    let partial = dir.join(format!(".{name}.partial"));
    fs::write(&partial, content).and_then(|()| fs::rename(&partial, &path)).map_err(|error| ReportError::write(&path, error))
}

fn put_json(dir: &Path, name: &str, value: &impl Serialize) -> Result<(), ReportError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| ReportError::write(&dir.join(name), error))?;
    text.push(b'\n');
    put(dir, name, Ok(text))
}

fn get_json<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<T, ReportError> {
    let path = dir.join(name);
    let text = fs::read(&path).map_err(|error| ReportError::read(&path, error))?;
    serde_json::from_slice(&text).map_err(|error| ReportError::malformed(&path, error))
}

fn remove(path: &Path) -> Result<(), ReportError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ReportError::write(path, error)),
        _ => Ok(()),
    }
}
