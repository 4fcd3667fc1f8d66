//! Who knows whom: how fast views become whole, break and heal.

use super::super::record::RunRecord;
use super::axis::{Axis, Unit};
use super::canvas::{Canvas, Drawn};
use super::page::{self, TIME_LABEL};
use super::panel::Key;
use super::style::{BLUE, CYAN, GREEN, INK};

pub(super) fn draw(canvas: &mut Canvas<'_>, record: &RunRecord) -> Drawn<bool> {
    let samples = &record.samples;
    if !record.meta.membership || samples.len() < 2 {
        return Ok(false);
    }
    page::page(
        canvas,
        record,
        "Convergence: who knows whom",
        "A view is whole when a node holds exactly the running nodes for alive. Shaded: something was wrong.",
    )?;
    let most = samples.iter().map(|s| s.known_max.max(s.up)).max().unwrap_or(1);
    let up = samples.iter().map(|s| s.up).max().unwrap_or(1);
    let parts = vec![(1.6, Axis::from_zero(most.into(), Unit::Count, 6)), (1.0, Axis::from_zero(up.into(), Unit::Count, 4))];
    let panels = page::rows(record, parts);
    let [known, views] = panels.as_slice() else { return Ok(false) };
    let over = |f: &dyn Fn(&super::super::Sample) -> f64| -> Vec<(f64, f64)> { samples.iter().map(|s| (s.seconds, f(s))).collect() };
    let running = over(&|s| s.up.into());

    known.frame(canvas, "Members a node knows", TIME_LABEL, &record.shades)?;
    let band: Vec<_> = samples.iter().map(|s| (s.seconds, s.known_min.into(), s.known_max.into())).collect();
    known.band(canvas, &band, BLUE, 0.22)?;
    known.dashes(canvas, &running, INK, 1.8)?;
    known.line(canvas, &over(&|s| s.known_mean), BLUE, 2.6)?;
    let keys = [(Key::Dashes(INK), "nodes that run"), (Key::Line(BLUE), "mean"), (Key::Area(BLUE, 0.22), "fewest to most")];
    known.legend(canvas, &keys)?;

    views.frame(canvas, "Nodes whose view is whole", TIME_LABEL, &record.shades)?;
    views.dashes(canvas, &running, INK, 1.8)?;
    views.line(canvas, &over(&|s| s.reachable_views.into()), CYAN, 2.6)?;
    views.line(canvas, &over(&|s| s.complete_views.into()), GREEN, 2.6)?;
    let keys =
        [(Key::Dashes(INK), "nodes that run"), (Key::Line(GREEN), "knows all that run"), (Key::Line(CYAN), "knows all it can reach")];
    views.legend(canvas, &keys)?;
    Ok(true)
}
