//! The CSV files: one function that writes and one that reads each, and one list of their columns.

use std::path::Path;

use csv::StringRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ReportError;
use super::record::{EventRow, Sample};
use crate::wire::Protocol;

/// A CSV file whose rows are a type's fields in their order.
pub(super) struct Table {
    /// Its name in the directory.
    pub file: &'static str,
    columns: &'static [&'static str],
}

pub(super) const BROADCASTS: Table = Table {
    file: "broadcasts.csv",
    columns: &[
        "origin",
        "sequence",
        "sent_seconds",
        "size_bytes",
        "expected",
        "reached",
        "delivered",
        "payloads",
        "rmr",
        "ldh",
        "latency_mean_ms",
        "latency_max_ms",
    ],
};
pub(super) const CHECKPOINTS: Table = Table { file: "checkpoints.csv", columns: &["nanos", "digest"] };
pub(super) const NODES: Table = Table { file: "nodes.csv", columns: &["node", "id", "region", "up", "degree", "known"] };
pub(super) const EDGES: Table = Table { file: "edges.csv", columns: &["a", "b", "tree"] };
pub(super) const ROUND_TRIPS: Table =
    Table { file: "round_trips.csv", columns: &["node", "peer", "current_ms", "min_ms", "max_ms", "average_ms"] };
pub(super) const SHADES: Table = Table { file: "shades.csv", columns: &["from_seconds", "to_seconds", "label"] };
pub(super) const DETECTIONS: Table = Table { file: "detections.csv", columns: &["observer", "target", "since_seconds", "seconds"] };
pub(super) const LEAVES: Table = Table { file: "leaves.csv", columns: &["node", "at_seconds", "expected", "reported", "seconds_max"] };
pub(super) const TEXTS: Table = Table {
    file: "texts.csv",
    columns: &[
        "said_seconds",
        "author",
        "topic",
        "to",
        "name",
        "expected",
        "delivered",
        "first_reader",
        "last_reader",
        "readers",
        "latency_max_ms",
        "recorder",
        "revoked",
    ],
};
pub(super) const READINGS: Table = Table { file: "readings.csv", columns: &["text", "reader", "seconds"] };
pub(super) const MEMBERS: Table = Table { file: "members.csv", columns: &["node", "member", "listed_by", "waiting", "locked"] };
pub(super) const LOGS: Table = Table { file: "logs.csv", columns: &["node", "topic", "entries", "digest"] };
pub(super) const EVENTS: Table = Table { file: "events.csv", columns: &["seconds", "nanos", "node", "kind", "peer", "detail"] };
pub(super) const SERIES: &str = "series.csv";

/// The columns of the series that are not by protocol.
const SERIES_COLUMNS: [&str; 12] = [
    "seconds",
    "up",
    "members_known_mean",
    "members_known_min",
    "members_known_max",
    "complete_views",
    "reachable_views",
    "links",
    "degree_min",
    "degree_mean",
    "degree_max",
    "suspected",
];

impl Table {
    /// The rows as CSV.
    pub fn encode<T: Serialize>(&self, rows: impl IntoIterator<Item = T>) -> csv::Result<Vec<u8>> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.write_record(self.columns)?;
        for row in rows {
            writer.serialize(row)?;
        }
        finish(writer)
    }

    /// The rows of the file in this directory.
    pub fn read<T: DeserializeOwned>(&self, dir: &Path) -> Result<Vec<T>, ReportError> {
        let path = dir.join(self.file);
        let (header, records) = records(&path)?;
        if header.iter().ne(self.columns.iter().copied()) {
            return Err(wrong_columns(&path, &header));
        }
        records.iter().map(|record| record.deserialize(None).map_err(|error| ReportError::malformed(&path, error))).collect()
    }
}

/// The events as CSV. Seconds are exact to the nanosecond.
pub(super) fn encode_events(rows: &[EventRow]) -> csv::Result<Vec<u8>> {
    EVENTS.encode(rows.iter().map(|row| (exact_seconds(row.nanos), row.nanos, row.node, &row.kind, row.peer, &row.detail)))
}

/// The events of the file in this directory. Both columns of time must say the same.
pub(super) fn decode_events(dir: &Path) -> Result<Vec<EventRow>, ReportError> {
    type Row = (String, u64, Option<u32>, String, Option<u32>, String);
    let event = |(row, (seconds, nanos, node, kind, peer, detail)): (usize, Row)| {
        if seconds != exact_seconds(nanos) {
            let reason = format!("record {row} is at {seconds} seconds and at {nanos} nanoseconds");
            return Err(ReportError::malformed(&dir.join(EVENTS.file), reason));
        }
        Ok(EventRow { nanos, node, kind, peer, detail })
    };
    (1..).zip(EVENTS.read(dir)?).map(event).collect()
}

fn exact_seconds(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

fn series_columns() -> impl Iterator<Item = String> {
    let counters = |what: &'static str| Protocol::ALL.iter().map(move |protocol| format!("{what}_{}", protocol.name()));
    SERIES_COLUMNS.iter().map(|&name| name.to_owned()).chain(counters("frames")).chain(counters("bytes"))
}

/// The series as CSV.
pub(super) fn encode_series(samples: &[Sample]) -> csv::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(series_columns())?;
    for s in samples {
        let by_protocol =
            |values: &[u64]| -> Vec<u64> { (0..Protocol::COUNT).map(|i| values.get(i).copied().unwrap_or_default()).collect() };
        let (frames, bytes) = (by_protocol(&s.frames), by_protocol(&s.bytes));
        let known = (s.known_mean, s.known_min, s.known_max);
        let degree = (s.degree_min, s.degree_mean, s.degree_max);
        writer.serialize((s.seconds, s.up, known, s.complete_views, s.reachable_views, s.links, degree, s.suspected, frames, bytes))?;
    }
    finish(writer)
}

/// The series of the file in this directory.
pub(super) fn decode_series(dir: &Path) -> Result<Vec<Sample>, ReportError> {
    type Row = (f64, u32, (f64, u32, u32), u32, u32, u64, (u32, f64, u32), u64, [u64; Protocol::COUNT], [u64; Protocol::COUNT]);
    let path = dir.join(SERIES);
    let (header, records) = records(&path)?;
    if header.iter().ne(series_columns()) {
        return Err(wrong_columns(&path, &header));
    }
    let sample = |record: &StringRecord| {
        let (seconds, up, known, complete_views, reachable_views, links, degree, suspected, frames, bytes) =
            record.deserialize::<Row>(None).map_err(|error| ReportError::malformed(&path, error))?;
        Ok(Sample {
            seconds,
            up,
            known_mean: known.0,
            known_min: known.1,
            known_max: known.2,
            complete_views,
            reachable_views,
            links,
            degree_min: degree.0,
            degree_mean: degree.1,
            degree_max: degree.2,
            suspected,
            frames: frames.to_vec(),
            bytes: bytes.to_vec(),
        })
    };
    records.iter().map(sample).collect()
}

fn finish(writer: csv::Writer<Vec<u8>>) -> csv::Result<Vec<u8>> {
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn records(path: &Path) -> Result<(StringRecord, Vec<StringRecord>), ReportError> {
    let file = std::fs::File::open(path).map_err(|error| ReportError::read(path, error))?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|error| ReportError::malformed(path, error))?.clone();
    let records = reader.records().collect::<Result<_, _>>().map_err(|error| ReportError::malformed(path, error))?;
    Ok((header, records))
}

fn wrong_columns(path: &Path, header: &StringRecord) -> ReportError {
    ReportError::malformed(path, format!("its columns are `{}`", header.iter().collect::<Vec<_>>().join(",")))
}
