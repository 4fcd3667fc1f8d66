//! The pictures. One file draws one; each says by its title what it shows, and by its caption how to read it.
//!
//! [`canvas`] puts marks on paper, [`axis`] and [`panel`] give them a scale, [`page`] arranges panels under a title.

mod axis;
mod broadcast;
mod canvas;
mod convergence;
mod degree;
mod graph;
mod layout;
mod page;
mod panel;
mod redundancy;
mod series;
mod style;
mod suspicion;
mod sweep;
mod traffic;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use sweep::{SweepMetric, SweepTable, sweep_plot};

use self::canvas::{Canvas, Drawn};
use super::directory::read_record;
use super::error::ReportError;
use super::record::RunRecord;

/// Draws a picture of the record; `false` if there is nothing to show.
type Picture = fn(&mut Canvas<'_>, &RunRecord) -> Drawn<bool>;

const PICTURES: [(&str, Picture); 7] = [
    ("convergence.png", convergence::draw),
    ("broadcast.png", broadcast::draw),
    ("redundancy.png", redundancy::draw),
    ("suspicion.png", suspicion::draw),
    ("degree.png", degree::draw),
    ("traffic.png", traffic::draw),
    ("graph.png", graph::draw),
];

/// Files of all pictures.
pub(super) const NAMES: [&str; PICTURES.len()] = {
    let mut names = [""; PICTURES.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = PICTURES[i].0;
        i += 1;
    }
    names
};

/// Draws again, from its CSV files, the pictures of a result.
///
/// # Errors
/// Names the file that could not be read or drawn.
pub fn plot_dir(dir: &Path) -> Result<(), ReportError> {
    draw_all(dir, &read_record(dir)?)
}

/// Draws all pictures for which the record has something to show.
pub(super) fn draw_all(dir: &Path, record: &RunRecord) -> Result<(), ReportError> {
    for (name, picture) in PICTURES {
        canvas::picture(&dir.join(name), |canvas| picture(canvas, record))?;
    }
    Ok(())
}
