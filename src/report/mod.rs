//! What a run leaves behind: the record of it, and its CSV files, pictures and summary.

mod record;

pub use record::{
    BroadcastRow, Checkpoint, DetectionRow, EdgeRow, EventRow, LatencySummary, LeaveRow, Meta, NodeRow, RunRecord, Sample, Shade,
};
