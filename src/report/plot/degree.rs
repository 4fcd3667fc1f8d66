//! How many links nodes have: at the end, and over time.

use super::super::format::{count, number};
use super::super::record::RunRecord;
use super::axis::{Axis, Unit};
use super::canvas::{Anchor, Canvas, Drawn, Type};
use super::page::{self, LEFT, RIGHT, TIME_LABEL};
use super::panel::{Key, Panel};
use super::style::{BLUE, INK, SMALL};

pub(super) fn draw(canvas: &mut Canvas<'_>, record: &RunRecord) -> Drawn<bool> {
    let degrees: Vec<u32> = record.nodes.iter().filter(|n| n.up).map(|n| n.degree).collect();
    let (Some(min), Some(max)) = (degrees.iter().copied().min(), degrees.iter().copied().max()) else { return Ok(false) };
    page::page(canvas, record, "Degree: how many links nodes have", "Running nodes only. A link is counted at both of its ends.")?;
    let whole = page::rows(record, vec![(1.0, Axis::from_zero(1.0, Unit::Plain, 1))]);
    let Some(frame) = whole.first() else { return Ok(false) };
    let series = record.samples.len() >= 2;
    let split = if series { LEFT + (RIGHT - LEFT) * 0.42 } else { RIGHT };

    let bars = histogram(&degrees, min, max);
    let tallest = bars.iter().map(|bar| bar.2).max().unwrap_or(1);
    let (low, high) = (f64::from(min) - 1.0, f64::from(max) + 1.0);
    let ends = Panel {
        left: LEFT,
        top: frame.top,
        right: split,
        bottom: frame.bottom,
        head: Panel::head_for(&[]) + 16.0,
        x: Axis::exact(low, high, Unit::Count, 12),
        y: Axis::from_zero(f64::from(tallest), Unit::Count, 6),
    };
    ends.frame(canvas, "Nodes by their links at the end", "links", &[])?;
    for (from, to, nodes) in bars.iter().filter(|bar| bar.2 > 0) {
        let (left, top) = ends.at((from - 0.36, f64::from(*nodes)));
        let (right, bottom) = ends.at((to + 0.36, 0.0));
        canvas.rect((left, top), (right, bottom), BLUE, 0.9)?;
        if bars.len() <= 16 {
            let at = (f64::midpoint(left, right), top - 8.0);
            canvas.text(at, &count(u64::from(*nodes)), Type::bold(SMALL, INK), Anchor::Middle)?;
        }
    }
    if !series {
        return Ok(true);
    }

    let samples = &record.samples;
    let most = samples.iter().map(|s| s.degree_max).max().unwrap_or(1);
    let time = Panel {
        left: split + 100.0,
        top: frame.top,
        right: RIGHT,
        bottom: frame.bottom,
        head: frame.head,
        x: Axis::exact(0.0, frame.x.ends().1, Unit::Time, 7),
        y: Axis::from_zero(most.into(), Unit::Count, 6),
    };
    let mean = degrees.iter().map(|d| f64::from(*d)).sum::<f64>() / degrees.len() as f64;
    time.frame(canvas, &format!("Links over time: mean {} at the end", number(mean)), TIME_LABEL, &record.shades)?;
    let band: Vec<_> = samples.iter().map(|s| (s.seconds, s.degree_min.into(), s.degree_max.into())).collect();
    time.band(canvas, &band, BLUE, 0.2)?;
    time.line(canvas, &samples.iter().map(|s| (s.seconds, s.degree_mean)).collect::<Vec<_>>(), BLUE, 2.6)?;
    time.legend(canvas, &[(Key::Line(BLUE), "mean"), (Key::Area(BLUE, 0.2), "fewest to most")])?;
    Ok(true)
}

/// Nodes with `from..=to` links, at most 60 bars.
fn histogram(degrees: &[u32], min: u32, max: u32) -> Vec<(f64, f64, u32)> {
    let width = (max - min) / 60 + 1;
    let mut bars = vec![0; ((max - min) / width + 1) as usize];
    for degree in degrees {
        bars[((degree - min) / width) as usize] += 1;
    }
    let from = |i: usize| min + i as u32 * width;
    bars.into_iter().enumerate().map(|(i, nodes)| (f64::from(from(i)), f64::from(from(i) + width - 1), nodes)).collect()
}
