//! What a run leaves behind: the record of it, and its verdicts, CSV files, pictures and summary.
//!
//! Everything is made from a [`RunRecord`], whoever filled it, and nothing here knows who ran it. [`write()`] lays down a directory:
//!
//! | File | Holds | Read again by |
//! |---|---|---|
//! | `summary.json` | the figures of the run and its verdicts | [`read_summary`] |
//! | `record.json` | what of the record is neither a table nor a series | [`read_record`] |
//! | `*.csv` | the series, broadcasts, events, checkpoints, nodes, edges, round trips, shades, detections, leaves | [`read_record`], [`read_events`], [`read_checkpoints`] |
//! | `texts.csv`, `readings.csv`, `members.csv`, `logs.csv` | where there is chat: texts, who read them, who is a member, and what members have | [`read_record`] |
//! | `*.png` | the pictures | drawn again by [`plot_dir`] |
//!
//! The same record gives the same bytes. A picture for which there is nothing to show is not drawn. Two results are put side by side by
//! [`compare()`].

pub mod compare;
mod console;
mod directory;
mod error;
mod format;
mod graph;
mod judge;
mod plot;
mod record;
mod stats;
mod summary;
mod tables;
mod terminal;

#[cfg(test)]
mod sample_record;

pub use compare::{Comparison, Tolerance, ToleranceError, compare, terminal_comparison};
pub use console::{prepare_output, progress_bar};
pub use directory::{check_replaceable, lock, read_checkpoints, read_events, read_record, read_summary, write};
pub use error::ReportError;
pub use judge::{Verdict, judge};
pub use plot::{SweepMetric, SweepTable, plot_dir, sweep_plot};
pub use record::{
    BroadcastRow, Checkpoint, DetectionRow, EdgeRow, EventRow, LatencySummary, LeaveRow, LogsRow, MemberRow, Meta, NodeRow, ReadingRow,
    RoundTripRow, RunRecord, Sample, Shade, TextRow,
};
pub use stats::{MedianBand, median_band, percentile};
pub use summary::{
    BroadcastSummary, ChatSummary, DetectionSummary, LatencyFigures, MembershipSummary, ProtocolTraffic, Summary, TopologySummary,
    TrafficSummary, summary,
};
pub use terminal::terminal_summary;
