//! Suspicion over time, and how soon absences are noticed.

use super::super::format::{count, plural, seconds};
use super::super::judge::detection_quantile;
use super::super::record::RunRecord;
use super::axis::{Axis, Unit};
use super::canvas::{Anchor, Canvas, Drawn, Type};
use super::page::{self, TIME_LABEL};
use super::panel::Panel;
use super::style::{BLUE, INK, MUTED, RED, SMALL};

/// Bars of the histogram.
const BARS: usize = 80;

pub(super) fn draw(canvas: &mut Canvas<'_>, record: &RunRecord) -> Drawn<bool> {
    if !record.meta.detection || record.samples.len() < 2 {
        return Ok(false);
    }
    let most = record.samples.iter().map(|s| s.suspected).max().unwrap_or_default();
    let mut parts = vec![(1.1, Axis::from_zero(most.max(4) as f64, Unit::Count, 5))];
    let bars = histogram(record);
    if let Some((_, bars)) = &bars {
        let tallest = bars.iter().copied().max().unwrap_or(1);
        parts.push((1.0, Axis::from_zero(tallest as f64, Unit::Count, 4)));
    }
    let panels = page::rows(record, parts);
    let wrong = plural(record.false_suspicions, "suspicion", "suspicions");
    page::page(
        canvas,
        record,
        "Suspicion: who is held for gone, and how soon",
        &format!("In the whole run {wrong} of somebody who could be reached. Shaded: something was wrong."),
    )?;
    let mut panels = panels.into_iter();
    if let Some(pairs) = panels.next() {
        pairs.frame(canvas, "Pairs of a node and another that it suspects", TIME_LABEL, &record.shades)?;
        let line: Vec<_> = record.samples.iter().map(|s| (s.seconds, s.suspected as f64)).collect();
        let area: Vec<_> = line.iter().map(|(x, y)| (*x, 0.0, *y)).collect();
        pairs.band(canvas, &area, RED, 0.18)?;
        pairs.line(canvas, &line, RED, 2.4)?;
        if most == 0 {
            pairs.remark(canvas, "nobody was suspected when samples were taken")?;
        }
    }
    if let (Some(panel), Some((longest, bars))) = (panels.next(), bars) {
        let panel = Panel { x: Axis::exact(0.0, longest, Unit::Plain, 12), head: panel.head + 18.0, ..panel };
        delays(canvas, record, &panel, &bars)?;
    }
    Ok(true)
}

/// How many absences were noticed after how long: the end of the last bar in seconds, and the bars.
fn histogram(record: &RunRecord) -> Option<(f64, Vec<u64>)> {
    let slowest = record.detections.iter().map(|d| d.seconds).filter(|s| s.is_finite()).max_by(f64::total_cmp)?;
    let longest = if slowest > 0.0 { slowest * 1.06 } else { 1.0 };
    let mut bars = vec![0; BARS];
    for detection in &record.detections {
        bars[((detection.seconds / longest * BARS as f64).max(0.0) as usize).min(BARS - 1)] += 1;
    }
    Some((longest, bars))
}

fn delays(canvas: &mut Canvas<'_>, record: &RunRecord, panel: &Panel, bars: &[u64]) -> Drawn {
    let noticed = plural(record.detections.len() as u64, "absence", "absences");
    let mut heading = format!("How long it took to notice {noticed}");
    if record.missed_detections > 0 {
        heading += &format!(" ({} more never noticed)", count(record.missed_detections));
    }
    panel.frame(canvas, &heading, "time to notice (s)", &[])?;
    let width = panel.x.ends().1 / bars.len() as f64;
    for (i, bar) in bars.iter().enumerate().filter(|(_, bar)| **bar > 0) {
        let (left, top) = panel.at((i as f64 * width, *bar as f64));
        let (right, bottom) = panel.at(((i + 1) as f64 * width, 0.0));
        canvas.rect((left + 0.5, top), (right - 0.5, bottom), BLUE, 0.85)?;
    }
    let mut clear = f64::INFINITY;
    for (name, q) in [("99 % within", 0.99), ("half within", 0.5)] {
        let Some(time) = detection_quantile(record, q).flatten() else { continue };
        let (x, _) = panel.at((time, 0.0));
        canvas.dashes(&[(x, panel.top + 4.0), (x, panel.bottom)], INK, 1.6, (5.0, 4.0))?;
        // The upper percentile is named at the right of its line, the lower at the left, unless there is no room.
        let text = format!("{name} {}", seconds(time));
        let kind = Type::bold(SMALL, MUTED);
        let room = panel.right - x > canvas.text_width(&text, kind)? + 10.0;
        let right = room && clear.is_infinite();
        let (at, anchor) = if right { (x + 7.0, Anchor::Left) } else { ((x - 7.0).min(clear), Anchor::Right) };
        let width = canvas.text((at, panel.top + 14.0), &text, kind, anchor)?;
        clear = if right { x - 7.0 } else { at - width - 14.0 };
    }
    Ok(())
}
