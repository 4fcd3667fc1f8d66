//! A picture of one or more panels, one above the other, over a common kind of axis.

use std::path::Path;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::report::ReportError;
use crate::report::record::Shade;

/// The colours of Okabe and Ito (2008), which the colour-blind can tell apart.
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
pub const ORANGE: RGBColor = RGBColor(213, 94, 0);
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
pub const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub const YELLOW: RGBColor = RGBColor(230, 159, 0);
pub const SKY: RGBColor = RGBColor(86, 180, 233);
pub const GREY: RGBColor = RGBColor(120, 120, 120);
/// In the order in which series take them.
pub const PALETTE: [RGBColor; 7] = [BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY, GREY];

pub const SIZE: (u32, u32) = (1400, 800);
const INK: RGBColor = RGBColor(40, 40, 40);
const SHADE: RGBColor = RGBColor(240, 228, 200);

/// How values are drawn.
#[derive(Clone, Debug)]
pub enum Mark {
    /// A line through points.
    Line(Vec<(f64, f64)>),
    /// The points.
    Dots(Vec<(f64, f64)>),
    /// The area between two values: x, low, high.
    Band(Vec<(f64, f64, f64)>),
    /// A bar at each x, as wide as 0.8.
    Bars(Vec<(f64, f64)>),
}

/// One panel.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// Name and unit of the x axis.
    pub x: String,
    /// Name and unit of the y axis.
    pub y: String,
    /// What is drawn: name for the legend (empty: none), colour, marks.
    pub series: Vec<(String, RGBColor, Mark)>,
    /// What was wrong, and when.
    pub shades: Vec<Shade>,
    /// Names of x = 0, 1, 2 … in place of numbers.
    pub names: Vec<String>,
}

/// Makes the embedded font known, once.
pub fn use_embedded_font() {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        // It is part of the program and has been looked at: it parses.
        let _ = register_font("sans-serif", FontStyle::Normal, include_bytes!("../../../assets/DejaVuSans.ttf"));
    });
}

/// Draws a picture.
///
/// # Errors
/// [`ReportError::Picture`] if it cannot be drawn or written.
pub fn draw(path: &Path, title: &str, subtitle: &str, panels: &[Panel]) -> Result<(), ReportError> {
    use_embedded_font();
    let root = BitMapBackend::new(path, SIZE).into_drawing_area();
    render(&root, title, subtitle, panels).and_then(|()| Ok(root.present()?)).map_err(ReportError::picture(path))
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Title and subtitle; gives what is left below.
pub fn head<'a>(root: &Area<'a>, title: &str, subtitle: &str) -> Result<Area<'a>, Box<dyn std::error::Error>> {
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (28, 18), ("sans-serif", 30).into_font().color(&INK)))?;
    root.draw(&Text::new(subtitle.to_owned(), (28, 56), ("sans-serif", 18).into_font().color(&GREY)))?;
    Ok(root.margin(86, 12, 12, 28))
}

fn render(root: &Area, title: &str, subtitle: &str, panels: &[Panel]) -> Drawn {
    let body = head(root, title, subtitle)?;
    for (area, panel) in body.split_evenly((panels.len(), 1)).iter().zip(panels) {
        panel.draw_on(area)?;
    }
    Ok(())
}

impl Panel {
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.series.iter().flat_map(|(_, _, mark)| -> Vec<(f64, f64)> {
            match mark {
                Mark::Line(points) | Mark::Dots(points) => points.clone(),
                Mark::Bars(points) => points.iter().flat_map(|(x, y)| [(x - 0.5, *y), (x + 0.5, *y)]).collect(),
                Mark::Band(points) => points.iter().flat_map(|(x, low, high)| [(*x, *low), (*x, *high)]).collect(),
            }
        })
    }

    fn draw_on(&self, area: &Area) -> Drawn {
        let (mut left, mut right, mut top) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
        for (x, y) in self.points() {
            (left, right, top) = (left.min(x), right.max(x), top.max(y));
        }
        if !self.shades.is_empty() {
            left = left.min(0.0);
            right = self.shades.iter().fold(right, |right, shade| right.max(shade.to));
        }
        if right <= left {
            (left, right) = (left - 0.5, left + 0.5);
        }
        let top = if top > 0.0 { top * 1.12 } else { 1.0 };
        let mut chart =
            ChartBuilder::on(area).margin(10).x_label_area_size(48).y_label_area_size(86).build_cartesian_2d(left..right, 0.0..top)?;
        chart.draw_series(self.shades.iter().map(|shade| {
            let wide = (shade.to - shade.from).max((right - left) / 400.0);
            Rectangle::new([(shade.from, 0.0), (shade.from + wide, top)], SHADE.mix(0.6).filled())
        }))?;
        let name_of = |x: &f64| self.label(*x);
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GREY.mix(0.15))
            .axis_style(GREY)
            .x_labels(if self.names.is_empty() { 12 } else { self.names.len().max(2) })
            .x_label_formatter(&name_of)
            .y_label_formatter(&|y| short(*y))
            .label_style(("sans-serif", 16).into_font().color(&INK))
            .axis_desc_style(("sans-serif", 17).into_font().color(&INK))
            .x_desc(self.x.as_str())
            .y_desc(self.y.as_str())
            .draw()?;
        for (name, colour, mark) in &self.series {
            let colour = *colour;
            let drawn = match mark {
                Mark::Line(points) => chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?,
                Mark::Dots(points) => chart.draw_series(points.iter().map(|point| Circle::new(*point, 2, colour.mix(0.6).filled())))?,
                Mark::Band(points) => {
                    let low = points.iter().map(|(x, low, _)| (*x, *low));
                    let high = points.iter().rev().map(|(x, _, high)| (*x, *high));
                    chart.draw_series([Polygon::new(low.chain(high).collect::<Vec<_>>(), colour.mix(0.2).filled())])?
                }
                Mark::Bars(points) => chart
                    .draw_series(points.iter().map(|(x, y)| Rectangle::new([(x - 0.4, 0.0), (x + 0.4, *y)], colour.mix(0.8).filled())))?,
            };
            if !name.is_empty() {
                drawn.label(name.as_str()).legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 18, y + 5)], colour.mix(0.8).filled()));
            }
        }
        // Labels of shades, where they have room.
        let mut free_from = f64::NEG_INFINITY;
        for shade in self.shades.iter().filter(|shade| !shade.label.is_empty()) {
            if shade.from >= free_from {
                let style = ("sans-serif", 15).into_font().color(&ORANGE);
                chart.draw_series([Text::new(shade.label.clone(), (shade.from + (right - left) * 0.003, top * 0.985), style)])?;
                free_from = shade.from + (right - left) * (0.012 * shade.label.len() as f64).max(0.04);
            }
        }
        if self.series.iter().filter(|(name, ..)| !name.is_empty()).count() > 0 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .margin(14)
                .background_style(WHITE.mix(0.85))
                .border_style(GREY.mix(0.4))
                .label_font(("sans-serif", 16).into_font().color(&INK))
                .draw()?;
        }
        Ok(())
    }

    fn label(&self, x: f64) -> String {
        if self.names.is_empty() {
            return short(x);
        }
        let index = x.round();
        let near = (x - index).abs() < 0.01 && index >= 0.0;
        near.then(|| self.names.get(index as usize).cloned()).flatten().unwrap_or_default()
    }
}

/// A number as short as it can be read.
pub fn short(value: f64) -> String {
    let size = value.abs();
    let trim = |text: String| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    match size {
        _ if size >= 1e6 => trim(format!("{:.2}", value / 1e6)) + "M",
        _ if size >= 1e4 => trim(format!("{:.1}", value / 1e3)) + "k",
        _ if size >= 10.0 => trim(format!("{value:.1}")),
        _ => trim(format!("{value:.3}")),
    }
}
