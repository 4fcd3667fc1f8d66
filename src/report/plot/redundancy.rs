//! What a broadcast costs: redundant payloads, and hops.

use super::super::format::number;
use super::super::judge::mean_rmr;
use super::super::record::RunRecord;
use super::axis::{Axis, Unit};
use super::broadcast::PERIODS;
use super::canvas::{Canvas, Drawn};
use super::page::{self, TIME_LABEL};
use super::panel::{Key, Panel};
use super::series::{Bin, bins};
use super::style::{BLUE, PURPLE};

pub(super) fn draw(canvas: &mut Canvas<'_>, record: &RunRecord) -> Drawn<bool> {
    let Some(rmr_mean) = mean_rmr(&record.broadcasts) else { return Ok(false) };
    let rows: Vec<_> = record.broadcasts.iter().filter(|b| b.delivered > 1).collect();
    let end = page::time(record).ends().1;
    let rmr = bins(rows.iter().map(|b| (b.sent, b.rmr)), end, PERIODS);
    let ldh = bins(rows.iter().map(|b| (b.sent, f64::from(b.ldh))), end, PERIODS);
    let low = rmr.iter().map(|b| b.min).fold(0.0, f64::min);
    let high = rmr.iter().map(|b| b.max).fold(0.1, f64::max);
    let hops = ldh.iter().map(|b| b.max).fold(1.0, f64::max);
    let rmr_axis = Axis::exact(if low < 0.0 { low * 1.1 } else { 0.0 }, high * 1.04, Unit::Plain, 5);
    let panels = page::rows(record, vec![(1.0, rmr_axis), (1.0, Axis::from_zero(hops, Unit::Count, 5))]);
    let [upper, lower] = panels.as_slice() else { return Ok(false) };

    page::page(
        canvas,
        record,
        "Redundancy: what a broadcast costs",
        "Redundancy 0: every node received each payload exactly once, a perfect tree. Redundancy 1: twice on average.",
    )?;
    upper.frame(canvas, &format!("Relative message redundancy (RMR): mean {}", number(rmr_mean)), TIME_LABEL, &record.shades)?;
    let many = rows.len() > PERIODS;
    marks(canvas, upper, &rmr, BLUE, many)?;

    let ldh_mean = rows.iter().map(|b| f64::from(b.ldh)).sum::<f64>() / rows.len() as f64;
    lower.frame(canvas, &format!("Last delivery hop (LDH): mean {} hops", number(ldh_mean)), TIME_LABEL, &record.shades)?;
    marks(canvas, lower, &ldh, PURPLE, many)?;
    Ok(true)
}

/// Points for few broadcasts; mean and extremes for many.
fn marks(canvas: &mut Canvas<'_>, panel: &Panel, bins: &[Bin], colour: plotters::style::RGBColor, many: bool) -> Drawn {
    let mean: Vec<_> = bins.iter().map(|b| (b.at, b.mean)).collect();
    if many {
        let band: Vec<_> = bins.iter().map(|b| (b.at, b.min, b.max)).collect();
        panel.band(canvas, &band, colour, 0.2)?;
        panel.line(canvas, &mean, colour, 2.4)?;
        return panel.legend(canvas, &[(Key::Line(colour), "mean of the period"), (Key::Area(colour, 0.2), "least to most")]);
    }
    panel.line(canvas, &mean, colour, 0.8)?;
    panel.dots(canvas, &mean, colour, if bins.len() > 150 { 2.4 } else { 3.6 }, 0.9)?;
    panel.legend(canvas, &[(Key::Dot(colour), "one broadcast")])
}
