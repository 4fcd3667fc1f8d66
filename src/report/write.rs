//! The files of a result. The same record gives the same bytes, but for the times that a run took.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::error::ReportError;
use super::plot::draw_all;
use super::record::RunRecord;
use super::summary::Summary;
use super::verdict::Verdict;
use crate::scenario::Scenario;
use crate::wire::Protocol;

/// Writes all files of a result into `dir`, which is made if it is not there; pictures only if `plots`.
///
/// # Errors
/// [`ReportError`] with the path that could not be written.
pub fn write(dir: &Path, record: &RunRecord, scenario: &Scenario, verdicts: &[Verdict], plots: bool) -> Result<(), ReportError> {
    fs::create_dir_all(dir).map_err(ReportError::io(dir))?;
    write_json(&dir.join("summary.json"), &Summary::new(record, verdicts))?;
    write_json(
        &dir.join("run.json"),
        &json!({
            "version": record.meta.version,
            "seed": record.meta.seed,
            "scenario": scenario,
            "meta": record.meta,
            "record": {
                "latency": record.latency,
                "events_dropped": record.events_dropped,
                "missed_detections": record.missed_detections,
                "false_suspicions": record.false_suspicions,
                "duplicate_deliveries": record.duplicate_deliveries,
                "started_at": record.started_at,
                "heals": record.heals,
                "fault_times": record.fault_times,
                "refusals": record.refusals,
            },
        }),
    )?;
    write_series(&dir.join("series.csv"), record)?;
    write_events(&dir.join("events.csv"), record)?;
    write_rows(&dir.join("broadcasts.csv"), &record.broadcasts)?;
    write_rows(&dir.join("checkpoints.csv"), &record.checkpoints)?;
    write_rows(&dir.join("nodes.csv"), &record.nodes)?;
    write_rows(&dir.join("edges.csv"), &record.edges)?;
    write_rows(&dir.join("detections.csv"), &record.detections)?;
    write_rows(&dir.join("leaves.csv"), &record.leaves)?;
    write_rows(&dir.join("shades.csv"), &record.shades)?;
    if plots {
        draw_all(dir, record)?;
    }
    Ok(())
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ReportError> {
    let mut text = serde_json::to_string_pretty(value).map_err(ReportError::malformed(path))?;
    text.push('\n');
    fs::write(path, text).map_err(ReportError::io(path))
}

fn write_rows<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), ReportError> {
    let mut writer = csv::Writer::from_path(path).map_err(ReportError::malformed(path))?;
    rows.iter().try_for_each(|row| writer.serialize(row)).map_err(ReportError::malformed(path))?;
    writer.flush().map_err(ReportError::io(path))
}

/// The columns of `series.csv` before those by protocol.
const SERIES: [&str; 12] = [
    "seconds",
    "up",
    "complete_views",
    "reachable_views",
    "known_mean",
    "known_min",
    "known_max",
    "suspected",
    "links",
    "degree_min",
    "degree_max",
    "degree_mean",
];

fn write_series(path: &Path, record: &RunRecord) -> Result<(), ReportError> {
    let mut writer = csv::Writer::from_path(path).map_err(ReportError::malformed(path))?;
    let by_protocol = |what: &'static str| Protocol::ALL.iter().map(move |protocol| format!("{what}_{}", protocol.name()));
    let header = SERIES.iter().map(|name| (*name).to_owned()).chain(by_protocol("frames")).chain(by_protocol("bytes"));
    writer.write_record(header).map_err(ReportError::malformed(path))?;
    for s in &record.samples {
        let values = [
            s.seconds.to_string(),
            s.up.to_string(),
            s.complete_views.to_string(),
            s.reachable_views.to_string(),
            s.known_mean.to_string(),
            s.known_min.to_string(),
            s.known_max.to_string(),
            s.suspected.to_string(),
            s.links.to_string(),
            s.degree_min.to_string(),
            s.degree_max.to_string(),
            s.degree_mean.to_string(),
        ];
        let counters = s.frames.iter().chain(&s.bytes).map(u64::to_string);
        writer.write_record(values.into_iter().chain(counters)).map_err(ReportError::malformed(path))?;
    }
    writer.flush().map_err(ReportError::io(path))
}

fn write_events(path: &Path, record: &RunRecord) -> Result<(), ReportError> {
    let mut writer = csv::Writer::from_path(path).map_err(ReportError::malformed(path))?;
    writer.write_record(["seconds", "nanos", "node", "kind", "peer", "detail"]).map_err(ReportError::malformed(path))?;
    let ordinal = |node: Option<u32>| node.map_or(String::new(), |node| node.to_string());
    for event in &record.events {
        let seconds = format!("{}.{:09}", event.nanos / 1_000_000_000, event.nanos % 1_000_000_000);
        let row = [seconds, event.nanos.to_string(), ordinal(event.node), event.kind.clone(), ordinal(event.peer), event.detail.clone()];
        writer.write_record(row).map_err(ReportError::malformed(path))?;
    }
    writer.flush().map_err(ReportError::io(path))
}
