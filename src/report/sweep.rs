//! Many runs in one picture: the median of each figure, and how sure it is.

use std::path::Path;

use super::error::ReportError;
use super::plot::{BLUE, Mark, Panel, draw};
use super::statistics::{median, median_band};

/// The outcome of runs with one thing varied.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepTable {
    /// What was varied.
    pub vary: String,
    /// The values it took. If all are numbers, the axis is to scale.
    pub values: Vec<String>,
    /// What was measured.
    pub metrics: Vec<SweepMetric>,
}

/// One figure of many runs.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepMetric {
    /// Its name.
    pub name: String,
    /// Its unit; empty if it has none.
    pub unit: String,
    /// For each run the index of the value, and what was measured.
    pub points: Vec<(usize, f64)>,
}

/// Draws a panel for each metric: the median over seeds with its 95% confidence band, and each run as a dot.
///
/// # Errors
/// [`ReportError::Picture`] if it cannot be drawn or written.
pub fn sweep_plot(path: &Path, table: &SweepTable) -> Result<(), ReportError> {
    let numbers: Option<Vec<f64>> = table.values.iter().map(|value| value.parse().ok()).collect();
    let x = |index: usize| numbers.as_ref().and_then(|numbers| numbers.get(index)).copied().unwrap_or(index as f64);
    let panels: Vec<Panel> = table
        .metrics
        .iter()
        .filter(|metric| !metric.points.is_empty())
        .map(|metric| {
            let (mut middle, mut band) = (Vec::new(), Vec::new());
            for index in 0..table.values.len() {
                let mut values: Vec<f64> = metric.points.iter().filter(|(at, _)| *at == index).map(|(_, value)| *value).collect();
                values.sort_by(f64::total_cmp);
                if let (Some(median), Some((low, high))) = (median(&values), median_band(&values)) {
                    middle.push((x(index), median));
                    band.push((x(index), low, high));
                }
            }
            let dots = metric.points.iter().map(|(index, value)| (x(*index), *value)).collect();
            Panel {
                x: table.vary.clone(),
                y: if metric.unit.is_empty() { metric.name.clone() } else { format!("{} ({})", metric.name, metric.unit) },
                series: vec![
                    ("95% confidence".into(), BLUE, Mark::Band(band)),
                    (String::new(), BLUE, Mark::Dots(dots)),
                    ("median".into(), BLUE, Mark::Line(middle)),
                ],
                shades: Vec::new(),
                names: if numbers.is_none() { table.values.clone() } else { Vec::new() },
            }
        })
        .collect();
    let runs = table.metrics.iter().map(|metric| metric.points.len()).max().unwrap_or(0);
    draw(
        path,
        &format!("What changes with {}", table.vary),
        &format!("{runs} runs; median and its 95% confidence band by order statistics"),
        &panels,
    )
}
