//! Broadcasts: how long they take, and whether they arrive.

use super::super::format::{count, millis, percent};
use super::super::record::RunRecord;
use super::axis::{Axis, Unit};
use super::canvas::{Canvas, Drawn};
use super::page::{self, TIME_LABEL};
use super::panel::Key;
use super::series::{Bin, bins};
use super::style::{BLUE, GREEN, RED};

/// More broadcasts than this are gathered into periods.
pub(super) const PERIODS: usize = 300;

pub(super) fn draw(canvas: &mut Canvas<'_>, record: &RunRecord) -> Drawn<bool> {
    let rows = &record.broadcasts;
    if rows.is_empty() {
        return Ok(false);
    }
    let end = page::time(record).ends().1;
    let delivered = || rows.iter().filter(|b| b.delivered > 1);
    let mean = bins(delivered().map(|b| (b.sent, b.latency_mean_ms / 1e3)), end, PERIODS);
    let longest = bins(delivered().map(|b| (b.sent, b.latency_max_ms / 1e3)), end, PERIODS);
    let share = |b: &super::super::BroadcastRow| f64::from(b.reached) / f64::from(b.expected.max(1));
    let reached = bins(rows.iter().filter(|b| b.expected > 0).map(|b| (b.sent, share(b))), end, PERIODS);
    let gathered = rows.len() > PERIODS;

    let positive = |bin: &f64| *bin > 0.0;
    let fastest = mean.iter().map(|b| b.min).filter(positive).fold(f64::INFINITY, f64::min);
    let slowest = longest.iter().map(|b| b.max).fold(0.0, f64::max);
    let latency_axis =
        if slowest > 0.0 { Axis::suited(fastest, slowest, Unit::Duration, 6) } else { Axis::from_zero(1.0, Unit::Duration, 6) };
    let worst = reached.iter().map(|b| b.min).fold(1.0, f64::min);
    let floor = if worst >= 0.99 {
        0.98
    } else if worst >= 0.9 {
        0.88
    } else {
        0.0
    };
    let parts = vec![(1.6, latency_axis), (1.0, Axis::exact(floor, 1.0 + (1.0 - floor) * 0.02, Unit::Share, 4))];
    let panels = page::rows(record, parts);
    let [latency, reliability] = panels.as_slice() else { return Ok(false) };

    let each = if gathered {
        "Each point: the broadcasts of a short period, at the time they were sent."
    } else {
        "Each point: one broadcast, at the time it was sent."
    };
    page::page(canvas, record, "Broadcasts: how long they take, and whether they arrive", each)?;
    latency.frame(canvas, &latency_heading(record), TIME_LABEL, &record.shades)?;
    let points = |bins: &[Bin], f: fn(&Bin) -> f64| -> Vec<(f64, f64)> { bins.iter().map(|b| (b.at, f(b))).collect() };
    let (longest, mean) = (points(&longest, |b| b.max), points(&mean, |b| b.mean));
    let radius = if longest.len() > 150 { 2.4 } else { 3.6 };
    if longest.is_empty() {
        latency.remark(canvas, "nothing was delivered to anybody else")?;
    }
    latency.line(canvas, &longest, RED, 0.8)?;
    latency.line(canvas, &mean, BLUE, 0.8)?;
    latency.dots(canvas, &longest, RED, radius, 0.9)?;
    latency.dots(canvas, &mean, BLUE, radius, 0.9)?;
    latency.legend(canvas, &[(Key::Dot(BLUE), "mean over nodes"), (Key::Dot(RED), "last node")])?;

    reliability.frame(canvas, &reliability_heading(record), TIME_LABEL, &record.shades)?;
    let lowest = points(&reached, |b| b.min);
    reliability.line(canvas, &lowest, GREEN, 0.8)?;
    reliability.dots(canvas, &lowest, GREEN, radius, 0.9)?;
    let text = if gathered { "worst of the period" } else { "of those who ran from then on to the end" };
    reliability.legend(canvas, &[(Key::Dot(GREEN), text)])?;
    Ok(true)
}

fn latency_heading(record: &RunRecord) -> String {
    match &record.latency {
        Some(latency) => format!("Delivery latency: half within {}, 99 % within {}", millis(latency.p50), millis(latency.p99)),
        None => "Delivery latency".to_owned(),
    }
}

fn reliability_heading(record: &RunRecord) -> String {
    let reached = record.broadcasts.iter().map(|b| u64::from(b.reached)).sum();
    let expected = record.broadcasts.iter().map(|b| u64::from(b.expected)).sum();
    format!("Reliability: {} over {} broadcasts", percent(reached, expected), count(record.broadcasts.len() as u64))
}
