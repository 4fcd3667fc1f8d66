//! Marks on paper: lines, areas, dots and text in pixels of the finished picture, whatever is oversampled beneath.

use std::path::Path;
use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::BitMapElement;
use plotters::prelude::{BitMapBackend, DrawingArea, IntoDrawingArea, Rectangle};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, TextStyle, register_font};

use super::super::error::ReportError;
use super::style::{OVERSAMPLING, PAPER, SIZE};

const FONT: &str = "Inter";
const SCALE: f64 = OVERSAMPLING as f64;

/// Why something could not be drawn.
#[derive(Debug)]
pub(super) struct DrawError(String);

pub(super) type Drawn<T = ()> = Result<T, DrawError>;

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for DrawError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

/// The paper.
pub(super) struct Canvas<'a> {
    area: DrawingArea<BitMapBackend<'a>, Shift>,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub size: f64,
    pub bold: bool,
    pub colour: RGBColor,
}

impl Type {
    pub const fn plain(size: f64, colour: RGBColor) -> Self {
        Self { size, bold: false, colour }
    }

    pub const fn bold(size: f64, colour: RGBColor) -> Self {
        Self { size, bold: true, colour }
    }

    fn style(self) -> TextStyle<'static> {
        let style = if self.bold { FontStyle::Bold } else { FontStyle::Normal };
        FontDesc::new(FontFamily::Name(FONT), self.size * SCALE, style).color(&self.colour)
    }
}

/// Draws a picture and writes it, unless `draw` says that there is nothing to show.
pub(super) fn picture(path: &Path, draw: impl FnOnce(&mut Canvas<'_>) -> Drawn<bool>) -> Result<(), ReportError> {
    let fail = |DrawError(reason): DrawError| ReportError::draw(path, reason);
    load_font().map_err(fail)?;
    let (width, height) = (SIZE.0 * OVERSAMPLING, SIZE.1 * OVERSAMPLING);
    let mut pixels = vec![0; (width * height * 3) as usize];
    let shown = {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&PAPER).map_err(|error| fail(error.into()))?;
        draw(&mut Canvas { area }).map_err(fail)?
    };
    if !shown {
        return Ok(());
    }
    save(path, shrink(&pixels)).map_err(fail)
}

/// The picture beside its place first, so that nobody finds half of it.
fn save(path: &Path, pixels: Vec<u8>) -> Drawn {
    let partial = path.with_extension("partial.png");
    let area = BitMapBackend::new(&partial, SIZE).into_drawing_area();
    let image = BitMapElement::<_>::with_owned_buffer((0, 0), SIZE, pixels).ok_or_else(|| DrawError("wrong size".to_owned()))?;
    area.draw(&image)?;
    area.present()?;
    drop(area);
    std::fs::rename(&partial, path).map_err(|error| DrawError(error.to_string()))
}

fn load_font() -> Drawn {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| {
        let regular = include_bytes!("../../../assets/fonts/Inter-Regular.otf");
        let bold = include_bytes!("../../../assets/fonts/Inter-SemiBold.otf");
        register_font(FONT, FontStyle::Normal, regular).is_ok() && register_font(FONT, FontStyle::Bold, bold).is_ok()
    });
    if *loaded { Ok(()) } else { Err(DrawError("the embedded font is broken".to_owned())) }
}

/// Averages each square of oversampled pixels.
fn shrink(pixels: &[u8]) -> Vec<u8> {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let factor = OVERSAMPLING as usize;
    let row = width * factor * 3;
    let mut out = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let mut sum = 0;
                for dy in 0..factor {
                    for dx in 0..factor {
                        sum += usize::from(pixels[(y * factor + dy) * row + (x * factor + dx) * 3 + channel]);
                    }
                }
                out.push((sum / (factor * factor)) as u8);
            }
        }
    }
    out
}

impl Canvas<'_> {
    /// A filled rectangle.
    pub fn rect(&mut self, (x0, y0): (f64, f64), (x1, y1): (f64, f64), colour: RGBColor, alpha: f64) -> Drawn {
        let at = |x: f64, y: f64| ((x * SCALE).round() as i32, (y * SCALE).round() as i32);
        let (from, to) = (at(x0.min(x1), y0.min(y1)), at(x0.max(x1), y0.max(y1)));
        // Filled, plotters' rectangles end before their last pixel: neighbours do not overlap.
        if to.0 > from.0 && to.1 > from.1 {
            self.area.draw(&Rectangle::new([from, to], colour.mix(alpha).filled()))?;
        }
        Ok(())
    }

    /// A line through the points, with round ends and joints.
    pub fn line(&mut self, points: &[(f64, f64)], colour: RGBColor, width: f64, alpha: f64) -> Drawn {
        points.windows(2).try_for_each(|pair| self.segment(pair[0], pair[1], colour, width, alpha))
    }

    /// A dashed line through the points.
    pub fn dashes(&mut self, points: &[(f64, f64)], colour: RGBColor, width: f64, (on, off): (f64, f64)) -> Drawn {
        let mut along = 0.0;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let point = |t: f64| (x0 + (x1 - x0) * t / length, y0 + (y1 - y0) * t / length);
            let mut t = 0.0;
            while t < length {
                let phase = along % (on + off);
                let drawn = phase < on;
                let step = (if drawn { on - phase } else { on + off - phase }).clamp(0.01, length - t + 0.01);
                if drawn {
                    self.segment(point(t), point((t + step).min(length)), colour, width, 1.0)?;
                }
                t += step;
                along += step;
            }
        }
        Ok(())
    }

    /// A straight line: each pixel is covered as far as it lies within half the width.
    fn segment(&mut self, from: (f64, f64), to: (f64, f64), colour: RGBColor, width: f64, alpha: f64) -> Drawn {
        let (x0, y0, x1, y1) = (from.0 * SCALE, from.1 * SCALE, to.0 * SCALE, to.1 * SCALE);
        if ![x0, y0, x1, y1].iter().all(|v| v.is_finite()) {
            return Ok(());
        }
        let radius = width * SCALE / 2.0;
        let (dx, dy) = (x1 - x0, y1 - y0);
        let square = (dx * dx + dy * dy).max(1e-9);
        let flat = dx.abs() >= dy.abs();
        let reach = radius + 1.0;
        // Walk along the longer axis; across it, only where the line can be.
        let (start, end) = if flat { (x0.min(x1), x0.max(x1)) } else { (y0.min(y1), y0.max(y1)) };
        let spread = reach * square.sqrt() / dx.abs().max(dy.abs()).max(1e-6);
        for major in (start - reach).floor() as i32..=(end + reach).ceil() as i32 {
            let t = f64::from(major) + 0.5;
            let centre = if flat {
                y0 + dy * ((t - x0) / if dx == 0.0 { 1.0 } else { dx }).clamp(0.0, 1.0)
            } else {
                x0 + dx * ((t - y0) / dy).clamp(0.0, 1.0)
            };
            let spread = spread.min(reach * 2.0);
            for minor in (centre - spread).floor() as i32..=(centre + spread).ceil() as i32 {
                let (px, py) = if flat { (major, minor) } else { (minor, major) };
                let (cx, cy) = (f64::from(px) + 0.5, f64::from(py) + 0.5);
                let along = (((cx - x0) * dx + (cy - y0) * dy) / square).clamp(0.0, 1.0);
                let distance = (cx - x0 - along * dx).hypot(cy - y0 - along * dy);
                self.pixel((px, py), colour, alpha * (radius + 0.5 - distance).clamp(0.0, 1.0))?;
            }
        }
        Ok(())
    }

    /// A filled circle.
    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: RGBColor, alpha: f64) -> Drawn {
        let (x, y, radius) = (x * SCALE, y * SCALE, radius * SCALE);
        if !x.is_finite() || !y.is_finite() {
            return Ok(());
        }
        for py in (y - radius - 1.0).floor() as i32..=(y + radius + 1.0).ceil() as i32 {
            for px in (x - radius - 1.0).floor() as i32..=(x + radius + 1.0).ceil() as i32 {
                let distance = (f64::from(px) + 0.5 - x).hypot(f64::from(py) + 0.5 - y);
                self.pixel((px, py), colour, alpha * (radius + 0.5 - distance).clamp(0.0, 1.0))?;
            }
        }
        Ok(())
    }

    /// The area between two lines that share their x, which must not decrease.
    pub fn band(&mut self, points: &[(f64, f64, f64)], colour: RGBColor, alpha: f64) -> Drawn {
        for pair in points.windows(2) {
            let ((x0, a0, b0), (x1, a1, b1)) = (pair[0], pair[1]);
            let (left, right) = ((x0 * SCALE).round() as i32, (x1 * SCALE).round() as i32);
            for column in left..right {
                let t = (f64::from(column) + 0.5 - f64::from(left)) / f64::from(right - left);
                let (a, b) = ((a0 + (a1 - a0) * t) * SCALE, (b0 + (b1 - b0) * t) * SCALE);
                let (top, bottom) = (a.min(b), a.max(b));
                for row in top.floor() as i32..=bottom.floor() as i32 {
                    let covered = (bottom.min(f64::from(row) + 1.0) - top.max(f64::from(row))).clamp(0.0, 1.0);
                    self.pixel((column, row), colour, alpha * covered)?;
                }
            }
        }
        Ok(())
    }

    /// Text, of which `y` is the base line. Returns its width.
    pub fn text(&mut self, (x, y): (f64, f64), text: &str, kind: Type, anchor: Anchor) -> Drawn<f64> {
        let width = self.text_width(text, kind)?;
        let left = match anchor {
            Anchor::Left => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::Right => x - width,
        };
        // Plotters puts the base line half a font size below the top of its box.
        let at = ((left * SCALE).round() as i32, ((y - kind.size / 2.0) * SCALE).round() as i32);
        self.area.draw_text(text, &kind.style(), at)?;
        Ok(width)
    }

    /// How wide the text is.
    pub fn text_width(&self, text: &str, kind: Type) -> Drawn<f64> {
        Ok(f64::from(self.area.estimate_text_size(text, &kind.style())?.0) / SCALE)
    }

    fn pixel(&mut self, at: (i32, i32), colour: RGBColor, alpha: f64) -> Drawn {
        if alpha > 0.0 {
            self.area.draw_pixel(at, &colour.mix(alpha))?;
        }
        Ok(())
    }
}
