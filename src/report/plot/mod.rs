//! Pictures that a person understands without reading code. A picture without data is not drawn.

mod graph;
mod layout;
mod panel;
mod pictures;

use std::path::{Path, PathBuf};

use super::error::ReportError;
use super::read::read_record;
use super::record::RunRecord;

pub(super) use panel::{BLUE, Mark, Panel, draw};

/// Draws all pictures of a record into `dir`; gives their paths.
///
/// # Errors
/// [`ReportError`] with the picture that could not be drawn or written.
pub fn draw_all(dir: &Path, record: &RunRecord) -> Result<Vec<PathBuf>, ReportError> {
    let meta = &record.meta;
    let subtitle = format!("{}, seed {}, {} nodes, {} s", meta.scenario, meta.seed, meta.nodes, meta.simulated_seconds);
    let mut drawn = Vec::new();
    for (name, title, panels) in pictures::all(record) {
        if !panels.is_empty() {
            let path = dir.join(name);
            draw(&path, title, &subtitle, &panels)?;
            drawn.push(path);
        }
    }
    if !record.edges.is_empty() {
        let path = dir.join("graph.png");
        graph::draw(&path, record, &subtitle)?;
        drawn.push(path);
    }
    Ok(drawn)
}

/// Draws the pictures of the result in `dir` again, from its files alone.
///
/// # Errors
/// As [`draw_all`], and what cannot be read.
pub fn plot_dir(dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    draw_all(dir, &read_record(dir)?)
}
