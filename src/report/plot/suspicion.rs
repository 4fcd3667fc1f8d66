//! Suspicion over time, and how soon absences are noticed.

use super::super::format::{plural, seconds};
use super::super::judge::detection_quantile;
use super::super::record::RunRecord;
use super::axis::{Axis, Unit};
use super::canvas::{Canvas, Drawn};
use super::page::{self, TIME_LABEL};
use super::panel::Key;
use super::series::bins;
use super::style::{BLUE, RED};

/// More detections than this are gathered, so that a picture stays quick to draw.
const DOTS: usize = 4_000;

pub(super) fn draw(canvas: &mut Canvas<'_>, record: &RunRecord) -> Drawn<bool> {
    if !record.meta.detection || record.samples.len() < 2 {
        return Ok(false);
    }
    let x = page::time(record);
    let most = record.samples.iter().map(|s| s.suspected).max().unwrap_or_default();
    let slowest = record.detections.iter().map(|d| d.seconds).fold(0.0, f64::max);
    let mut parts = vec![(1.3, Axis::from_zero(most.max(4) as f64, Unit::Count, 5))];
    if !record.detections.is_empty() {
        parts.push((1.0, Axis::from_zero(slowest, Unit::Duration, 4)));
    }
    let panels = page::rows(&x, parts);
    let wrong = plural(record.false_suspicions, "suspicion", "suspicions");
    page::page(
        canvas,
        record,
        "Suspicion: who is held for gone, and how soon",
        &format!("In the whole run {wrong} of somebody who could be reached. Shaded: something was wrong."),
    )?;
    if let Some(pairs) = panels.first() {
        pairs.shades(canvas, &record.shades, true)?;
        pairs.frame(canvas, "Suspected pairs: one node suspects one other", if panels.len() == 1 { TIME_LABEL } else { "" })?;
        let line: Vec<_> = record.samples.iter().map(|s| (s.seconds, s.suspected as f64)).collect();
        let area: Vec<_> = line.iter().map(|(x, y)| (*x, 0.0, *y)).collect();
        pairs.band(canvas, &area, RED, 0.18)?;
        pairs.line(canvas, &line, RED, 2.4)?;
        if most == 0 {
            pairs.remark(canvas, "nobody was suspected when samples were taken")?;
        }
    }
    if let Some(delays) = panels.get(1) {
        delays.shades(canvas, &record.shades, false)?;
        delays.frame(canvas, &heading(record), TIME_LABEL)?;
        // Those who lose the same node at the same time would lie upon each other: place a dot when it was noticed.
        let noticed = |d: &super::super::DetectionRow| (d.since + d.seconds, d.seconds);
        let dots: Vec<_> = if record.detections.len() > DOTS {
            let gathered = bins(record.detections.iter().map(noticed), x.ends().1, DOTS / 3);
            gathered.iter().flat_map(|b| [(b.at, b.min), (b.at, b.mean), (b.at, b.max)]).collect()
        } else {
            record.detections.iter().map(noticed).collect()
        };
        delays.dots(canvas, &dots, BLUE, 2.6, if dots.len() > 300 { 0.35 } else { 0.7 })?;
        delays.legend(canvas, &[(Key::Dot(BLUE), "one node noticed one absence (at that time)")])?;
    }
    Ok(true)
}

fn heading(record: &RunRecord) -> String {
    let mut text = "Time to notice an absence".to_owned();
    let quantile = |q| detection_quantile(record, q).flatten();
    if let (Some(p50), Some(p99)) = (quantile(0.5), quantile(0.99)) {
        text += &format!(": half within {}, 99 % within {}", seconds(p50), seconds(p99));
    } else if record.missed_detections > 0 {
        text += &format!(" ({} never noticed)", super::super::format::count(record.missed_detections));
    }
    text
}
