//! What a run leaves behind: the record of it, and its verdicts, CSV files, pictures and summary.

mod error;
mod plot;
mod read;
mod record;
mod statistics;
mod summary;
mod sweep;
mod terminal;
mod verdict;
mod write;

pub use error::ReportError;
pub use plot::{draw_all, plot_dir};
pub use read::{RecordedRun, read_checkpoints, read_events, read_meta, read_record, read_run};
pub use record::{
    BroadcastRow, Checkpoint, DetectionRow, EdgeRow, EventRow, LatencySummary, LeaveRow, Meta, NodeRow, RunRecord, Sample, Shade,
};
pub use statistics::{median, median_band, quantile};
pub use summary::{Summary, summary_json};
pub use sweep::{SweepMetric, SweepTable, sweep_plot};
pub use terminal::terminal_summary;
pub use verdict::{Verdict, judge};
pub use write::write;
