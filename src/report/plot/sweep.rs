//! Figures of many runs against what was varied between them.

use std::path::Path;

use plotters::style::RGBColor;

use super::super::error::ReportError;
use super::super::format::number;
use super::super::stats::{MedianBand, median_band};
use super::axis::{Axis, Unit};
use super::canvas::{self, Anchor, Canvas, Drawn, Type};
use super::page::{self, LEFT, RIGHT};
use super::panel::{Key, Panel};
use super::style::{AXIS, INK, MUTED, SERIES, SIZE, SMALL};

/// Half the breadth of a band that stands alone, where values are one apart.
const LONE_BAND: f64 = 0.1;
/// Pixels that a letter of a label takes, and a little room.
const LETTER: f64 = 7.5;

/// The figures of many runs. Each value of what was varied was run with several seeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepTable {
    /// What was varied; the label of the x axis.
    pub vary: String,
    /// The values it had, in order. If all are numbers, the axis is one of numbers.
    pub values: Vec<String>,
    /// What was measured: a panel each.
    pub metrics: Vec<SweepMetric>,
}

/// One figure of many runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepMetric {
    /// What it is.
    pub name: String,
    /// Its unit; empty for a plain number.
    pub unit: String,
    /// Index of the value in [`SweepTable::values`], and what was measured; one for each seed, in any order. What could not be measured is
    /// left out.
    pub points: Vec<(usize, f64)>,
}

/// Draws a panel for each metric: the median over seeds, and the band that holds it with 95% confidence (see [`median_band`]).
///
/// # Errors
/// Names the file that could not be drawn.
pub fn sweep_plot(path: &Path, table: &SweepTable) -> Result<(), ReportError> {
    canvas::picture(path, |canvas| draw(canvas, table))
}

fn draw(canvas: &mut Canvas<'_>, table: &SweepTable) -> Drawn<bool> {
    let metrics: Vec<&SweepMetric> = table.metrics.iter().filter(|metric| !metric.points.is_empty()).collect();
    if metrics.is_empty() || table.values.is_empty() {
        return Ok(false);
    }
    let seeds = runs_of_a_value(&metrics);
    let (names, more) = metrics.split_at(metrics.len().min(3));
    let mut title = names.iter().map(|metric| metric.name.as_str()).collect::<Vec<_>>().join(", ");
    if !more.is_empty() {
        title += ", …";
    }
    let title = capitalised(&title);
    let caption = if seeds < 6 {
        "Band: from the least to the most over seeds; six seeds or more would give a 95 % confidence band."
    } else {
        "Band: 95 % confidence for the median over seeds, from order statistics."
    };
    page::sheet(canvas, &title, &format!("against {} · {seeds} seeds for each value", table.vary), caption)?;
    let panels = grid(metrics.len());
    let width = panels.first().map_or(0.0, |(left, _, right, _)| right - left);
    let (x, places) = horizontal(table, width);
    for (i, (metric, (left, top, right, bottom))) in metrics.iter().zip(panels).enumerate() {
        let low = metric.points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let high = metric.points.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        let y = if low < 0.0 { Axis::around(low, high, Unit::Plain, 5) } else { Axis::from_zero(high, Unit::Plain, 5) };
        let panel = Panel { left, top, right, bottom, head: 12.0, x: x.clone(), y };
        let unit = if metric.unit.is_empty() { String::new() } else { format!(" ({})", metric.unit) };
        let (measured, runs) = (metric.points.len(), seeds * table.values.len());
        let share = if measured < runs { format!(", in {measured} of {runs} runs") } else { String::new() };
        panel.frame(canvas, &format!("{}{unit}{share}", capitalised(&metric.name)), "", &[])?;
        canvas.text((f64::midpoint(left, right), bottom + 43.0), &table.vary, Type::plain(SMALL, INK), Anchor::Middle)?;
        panel_marks(canvas, &panel, metric, &places, SERIES[i % SERIES.len()])?;
    }
    let keys = [(Key::Line(MUTED), "median"), (Key::Area(MUTED, 0.25), "band"), (Key::Dot(AXIS), "single run")];
    let above = Panel { left: LEFT, top: 97.0, right: RIGHT, bottom: 98.0, head: 0.0, x: x.clone(), y: x };
    above.legend(canvas, &keys)?;
    Ok(true)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn panel_marks(canvas: &mut Canvas<'_>, panel: &Panel, metric: &SweepMetric, places: &[f64], colour: RGBColor) -> Drawn {
    let bands: Vec<(f64, MedianBand)> = places
        .iter()
        .enumerate()
        .filter_map(|(i, x)| {
            let values: Vec<f64> = metric.points.iter().filter(|p| p.0 == i).map(|p| p.1).collect();
            Some((*x, median_band(&values)?))
        })
        .collect();
    let dots: Vec<(f64, f64)> = metric.points.iter().filter_map(|(i, y)| Some((*places.get(*i)?, *y))).collect();
    let mut area: Vec<_> = bands.iter().map(|(x, band)| (*x, band.low, band.high)).collect();
    if let [(x, low, high)] = area[..] {
        // One alone would have no breadth.
        area = vec![(x - LONE_BAND, low, high), (x + LONE_BAND, low, high)];
    }
    panel.band(canvas, &area, colour, 0.2)?;
    panel.dots(canvas, &dots, AXIS, 2.2, 0.6)?;
    let medians: Vec<(f64, f64)> = bands.iter().map(|(x, band)| (*x, band.median)).collect();
    panel.line(canvas, &medians, colour, 2.6)?;
    panel.dots(canvas, &medians, colour, 4.5, 1.0)?;
    Ok(())
}

/// How many runs the best measured value has.
fn runs_of_a_value(metrics: &[&SweepMetric]) -> usize {
    let most = |metric: &SweepMetric| metric.points.iter().map(|p| metric.points.iter().filter(|q| q.0 == p.0).count()).max();
    metrics.iter().filter_map(|metric| most(metric)).max().unwrap_or_default()
}

/// The x axis of panels so many pixels wide, and the place of each value on it: as a number (logarithmic if they span much), otherwise side
/// by side.
fn horizontal(table: &SweepTable, width: f64) -> (Axis, Vec<f64>) {
    let numbers: Option<Vec<f64>> = table.values.iter().map(|value| value.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect();
    let Some(numbers) = numbers.filter(|numbers| numbers.len() > 1) else {
        let places: Vec<f64> = (0..table.values.len()).map(|i| i as f64).collect();
        let mut axis = Axis::exact(-0.5, table.values.len() as f64 - 0.5, Unit::Count, table.values.len().max(1));
        let room = (width / table.values.len().max(1) as f64 / LETTER) as usize;
        axis.ticks = places.iter().copied().zip(table.values.iter().map(|value| shortened(value, room))).collect();
        return (axis, places);
    };
    let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut axis =
        if low > 0.0 && high / low >= 20.0 { Axis::logarithmic(low, high, Unit::Plain) } else { Axis::around(low, high, Unit::Plain, 6) };
    if numbers.len() <= 8 {
        axis.ticks = numbers.iter().map(|v| (*v, number(*v))).collect();
    }
    (axis, numbers)
}

/// The text in at most `room` characters, at least five. What tells values apart stands more often at the end than in the middle.
fn shortened(text: &str, room: usize) -> String {
    let (room, length) = (room.max(5), text.chars().count());
    if length <= room {
        return text.to_owned();
    }
    let end = (room - 1) / 2;
    let begin = room - 1 - end;
    text.chars().take(begin).chain(['…']).chain(text.chars().skip(length - end)).collect()
}

/// Rectangles for so many panels: left, top, right, bottom.
fn grid(panels: usize) -> Vec<(f64, f64, f64, f64)> {
    let columns = match panels {
        1 => 1,
        2 | 4 => 2,
        3 | 5..=9 => 3,
        _ => 4,
    };
    let rows = panels.div_ceil(columns);
    let (top, bottom) = (150.0, f64::from(SIZE.1) - 98.0);
    let (beside, between) = (86.0, 98.0);
    let height = (bottom - top - between * (rows - 1) as f64) / rows as f64;
    let width = (RIGHT - LEFT - beside * (columns - 1) as f64) / columns as f64;
    (0..panels)
        .map(|i| {
            let left = LEFT + (i % columns) as f64 * (width + beside);
            let top = top + (i / columns) as f64 * (height + between);
            (left, top, left + width, top + height)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(shortened("Independent(0.1)", 16), "Independent(0.1)");
        assert_eq!(shortened("Independent(0.1)", 11), "Indep…(0.1)");
        assert_eq!(shortened("größer als", 0), "gr…ls");
    }
}
