//! A page: a title over panels that share their time axis, and a caption that says how to read them.

use super::super::format::{plural, seconds};
use super::super::record::RunRecord;
use super::axis::{Axis, Unit};
use super::canvas::{Anchor, Canvas, Drawn, Type};
use super::panel::Panel;
use super::style::{INK, MUTED, SIZE, SMALL, TEXT, TITLE};

pub(super) const LEFT: f64 = 100.0;
pub(super) const RIGHT: f64 = SIZE.0 as f64 - 50.0;
const TOP: f64 = 150.0;
const BOTTOM: f64 = SIZE.1 as f64 - 84.0;
/// Between two panels: ticks of the upper, heading of the lower.
const GAP: f64 = 84.0;

/// Title, what was run, and the caption.
pub(super) fn page(canvas: &mut Canvas<'_>, record: &RunRecord, title: &str, caption: &str) -> Drawn {
    let meta = &record.meta;
    let nodes = plural(meta.nodes.into(), "node", "nodes");
    let run = format!("scenario {} · {nodes} · seed {} · {} simulated", meta.scenario, meta.seed, seconds(meta.simulated_seconds));
    sheet(canvas, title, &run, caption)
}

/// The same with any subtitle.
pub(super) fn sheet(canvas: &mut Canvas<'_>, title: &str, subtitle: &str, caption: &str) -> Drawn {
    canvas.text((LEFT, 52.0), title, Type::bold(TITLE, INK), Anchor::Left)?;
    canvas.text((LEFT, 82.0), subtitle, Type::plain(TEXT, MUTED), Anchor::Left)?;
    canvas.text((LEFT, f64::from(SIZE.1) - 22.0), caption, Type::plain(SMALL, MUTED), Anchor::Left)?;
    Ok(())
}

/// Panels over the time of the run, below each other, of these relative heights. The first names what was wrong.
pub(super) fn rows(record: &RunRecord, parts: Vec<(f64, Axis)>) -> Vec<Panel> {
    let x = time(record);
    let mut head = Panel::head_for(&record.shades);
    let whole: f64 = parts.iter().map(|part| part.0).sum();
    let room = BOTTOM - TOP - GAP * (parts.len().saturating_sub(1)) as f64;
    let mut top = TOP;
    parts
        .into_iter()
        .map(|(share, y)| {
            let bottom = top + room * share / whole;
            let panel = Panel { left: LEFT, top, right: RIGHT, bottom, head, x: x.clone(), y };
            head = Panel::head_for(&[]);
            top = bottom + GAP;
            panel
        })
        .collect()
}

/// The time of the run, from its beginning to its end.
pub(super) fn time(record: &RunRecord) -> Axis {
    let sampled = record.samples.last().map_or(0.0, |sample| sample.seconds);
    Axis::exact(0.0, record.meta.simulated_seconds.max(sampled), Unit::Time, 12)
}

pub(super) const TIME_LABEL: &str = "time (s)";
