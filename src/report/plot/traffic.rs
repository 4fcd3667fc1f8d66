//! What crosses the links, by protocol.

use super::super::format::bytes;
use super::super::record::RunRecord;
use super::axis::{Axis, Unit};
use super::canvas::{Anchor, Canvas, Drawn, Type};
use super::page::{self, TIME_LABEL};
use super::style::{INK, MUTED, PROTOCOLS, TEXT};
use crate::wire::Protocol;

/// The run is divided into at most so many periods, each at least one sample long.
const PERIODS: usize = 180;
/// Room for the list of protocols at the right.
const LIST: f64 = 250.0;

pub(super) fn draw(canvas: &mut Canvas<'_>, record: &RunRecord) -> Drawn<bool> {
    let samples = &record.samples;
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Ok(false) };
    let total: u64 = last.bytes.iter().sum();
    if total == 0 || samples.len() < 2 {
        return Ok(false);
    }
    // Whole numbers of samples to a period, and none shorter than a second if the run allows: single samples only flicker.
    let length = last.seconds - first.seconds;
    let by_time = ((samples.len() - 1) as f64 / length.max(1e-9)).round() as usize;
    let per = by_time.min(samples.len() / 20).max(samples.len().div_ceil(PERIODS)).max(1);
    let mut marks: Vec<_> = samples.iter().step_by(per).collect();
    if !(samples.len() - 1).is_multiple_of(per) {
        marks.push(last);
    }
    let mut order: Vec<usize> = (0..Protocol::COUNT).filter(|i| last.bytes.get(*i).is_some_and(|b| *b > 0)).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(last.bytes[*i]), *i));

    // Rates by period, each protocol upon those before it.
    let periods: Vec<(f64, f64, Vec<f64>)> = marks
        .windows(2)
        .map(|pair| {
            let seconds = (pair[1].seconds - pair[0].seconds).max(1e-9);
            let mut sum = 0.0;
            let at = |bytes: &[u64], i: usize| bytes.get(i).copied().unwrap_or_default();
            let heights = order.iter().map(|i| {
                sum += at(&pair[1].bytes, *i).saturating_sub(at(&pair[0].bytes, *i)) as f64 / seconds;
                sum
            });
            (pair[0].seconds, pair[1].seconds, heights.collect())
        })
        .collect();
    let highest = periods.iter().filter_map(|p| p.2.last().copied()).fold(0.0, f64::max);
    let mut panels = page::rows(record, vec![(1.0, Axis::from_zero(highest, Unit::BytesPerSecond, 6))]);
    let Some(panel) = panels.first_mut() else { return Ok(false) };
    panel.right -= LIST;
    panel.left += 10.0;

    page::page(
        canvas,
        record,
        "Traffic: what crosses the links",
        "All nodes together, as sent, headers and encryption included. Shaded: something was wrong.",
    )?;
    panel.frame(canvas, "Bytes per second by protocol", TIME_LABEL, &record.shades)?;
    for (level, protocol) in order.iter().enumerate() {
        let colour = PROTOCOLS[protocol % PROTOCOLS.len()];
        for (from, to, heights) in &periods {
            let below = if level == 0 { 0.0 } else { heights[level - 1] };
            canvas.rect(panel.at((*from, below)), panel.at((*to, heights[level])), colour, 0.88)?;
        }
    }
    let x = panel.right + 36.0;
    canvas.text((x, panel.top + 4.0), "In the whole run", Type::bold(TEXT, INK), Anchor::Left)?;
    // From top to bottom as in the diagram.
    for (row, protocol) in order.iter().rev().enumerate() {
        let y = panel.top + 36.0 + 46.0 * row as f64;
        let sent = last.bytes[*protocol] as f64;
        canvas.rect((x, y - 12.0), (x + 14.0, y + 2.0), PROTOCOLS[protocol % PROTOCOLS.len()], 0.88)?;
        let name = Protocol::ALL.get(*protocol).map_or("", |p| p.name());
        canvas.text((x + 24.0, y), name, Type::plain(TEXT, INK), Anchor::Left)?;
        let share = sent / total as f64;
        let share = if share < 0.0005 { "< 0.1 %".to_owned() } else { Unit::Share.text((share * 1000.0).round() / 1000.0) };
        canvas.text((x + 24.0, y + 19.0), &format!("{} · {share}", bytes(sent)), Type::plain(15.0, MUTED), Anchor::Left)?;
    }
    let y = panel.top + 36.0 + 46.0 * order.len() as f64;
    canvas.text((x + 24.0, y + 6.0), &format!("{} in all", bytes(total as f64)), Type::bold(TEXT, INK), Anchor::Left)?;
    Ok(true)
}
