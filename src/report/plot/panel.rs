//! A diagram: two scales in a rectangle, a heading with a legend, and the marks that show figures.

use plotters::style::RGBColor;

use super::super::record::Shade;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Drawn, Type};
use super::series;
use super::style::{AXIS, GRID, HEADING, INK, MUTED, SHADE, SHADE_INK, SMALL, TEXT};

/// A diagram in pixels of the picture.
pub(super) struct Panel {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    /// Room above the highest figure, for the names of what was wrong.
    pub head: f64,
    pub x: Axis,
    pub y: Axis,
}

/// Room for one row of names.
const ROW: f64 = 20.0;

/// How a legend shows what it names.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Line(RGBColor),
    Dashes(RGBColor),
    Area(RGBColor, f64),
    Dot(RGBColor),
}

impl Panel {
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (px, py) = (self.x.place(x), self.y.place(y));
        (self.left + px * (self.right - self.left), self.bottom - py * (self.bottom - self.top - self.head))
    }

    /// Shades, grid, ticks and heading. `x_label` stands below the right end.
    pub fn frame(&self, canvas: &mut Canvas<'_>, heading: &str, x_label: &str, shades: &[Shade]) -> Drawn {
        self.shades(canvas, shades)?;
        let small = Type::plain(SMALL, MUTED);
        for (value, text) in &self.y.ticks {
            let (_, y) = self.at((self.x.ends().0, *value));
            canvas.line(&[(self.left, y), (self.right, y)], GRID, 1.0, 1.0)?;
            canvas.text((self.left - 10.0, y + 4.5), text, small, Anchor::Right)?;
        }
        let label = canvas.text_width(x_label, small)?;
        for (value, text) in &self.x.ticks {
            let (x, _) = self.at((*value, self.y.ends().0));
            canvas.line(&[(x, self.bottom), (x, self.bottom + 5.0)], AXIS, 1.0, 1.0)?;
            let clear = self.right - label - 16.0;
            if x_label.is_empty() || x + canvas.text_width(text, small)? / 2.0 < clear {
                canvas.text((x, self.bottom + 21.0), text, small, Anchor::Middle)?;
            }
        }
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], AXIS, 1.2, 1.0)?;
        canvas.text((self.right, self.bottom + 21.0), x_label, small, Anchor::Right)?;
        canvas.text((self.left, self.top - 15.0), heading, Type::bold(HEADING, INK), Anchor::Left)?;
        Ok(())
    }

    /// What the marks mean, right above the diagram.
    pub fn legend(&self, canvas: &mut Canvas<'_>, keys: &[(Key, &str)]) -> Drawn {
        let kind = Type::plain(TEXT, INK);
        let y = self.top - 15.0;
        let mut right = self.right;
        for (key, text) in keys.iter().rev() {
            let left = right - canvas.text_width(text, kind)?;
            canvas.text((left, y), text, kind, Anchor::Left)?;
            let (from, to, middle) = (left - 34.0, left - 8.0, y - 5.0);
            match *key {
                Key::Line(colour) => canvas.line(&[(from, middle), (to, middle)], colour, 3.0, 1.0)?,
                Key::Dashes(colour) => canvas.dashes(&[(from, middle), (to, middle)], colour, 2.2, (6.0, 4.0))?,
                Key::Area(colour, alpha) => canvas.rect((from, middle - 6.0), (to, middle + 6.0), colour, alpha)?,
                Key::Dot(colour) => canvas.dot((to - 8.0, middle), 4.5, colour, 1.0)?,
            }
            right = from - 22.0;
        }
        Ok(())
    }

    /// The room that the names of so many periods need.
    pub fn head_for(shades: &[Shade]) -> f64 {
        match shades.len() {
            0 => 8.0,
            1 => ROW + 8.0,
            _ => 2.0 * ROW + 8.0,
        }
    }

    /// Periods in which something was wrong; with their names, if there is room for them.
    fn shades(&self, canvas: &mut Canvas<'_>, shades: &[Shade]) -> Drawn {
        let ends: Vec<(f64, f64)> = shades.iter().map(|s| (self.at((s.from, 0.0)).0, self.at((s.to, 0.0)).0)).collect();
        // Overlapping periods are painted once: darker would look worse without being so.
        let mut spans: Vec<(f64, f64)> = ends.iter().map(|(a, b)| (*a, b.max(a + 1.5))).collect();
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut painted = self.left;
        for (from, to) in spans {
            let (from, to) = (from.max(painted), to.min(self.right));
            if from < to {
                canvas.rect((from, self.top), (to, self.bottom), SHADE, 1.0)?;
                painted = to;
            }
        }
        if self.head < ROW || shades.is_empty() {
            return Ok(());
        }
        let kind = Type::plain(SMALL, SHADE_INK);
        let mut rows = [self.left; 2];
        let mut names = Vec::new();
        for (shade, (from, _)) in shades.iter().zip(&ends) {
            let width = canvas.text_width(&shade.label, kind)?;
            let left = (from + 6.0).min(self.right - width - 4.0).max(self.left + 4.0);
            if let Some(row) = rows.iter().position(|end| *end <= left) {
                names.push((left, row, shade.label.as_str()));
                rows[row] = left + width + 12.0;
            }
        }
        // Some names among many would look like all of them.
        let summed = format!("{} faults, shaded; their names are in shades.csv", shades.len());
        if names.len() * 2 < shades.len() {
            names = vec![(self.left + 6.0, 0, &summed)];
        }
        for (left, row, name) in names {
            canvas.text((left, self.top + 17.0 + ROW * row as f64), name, kind, Anchor::Left)?;
        }
        Ok(())
    }

    /// A line through the figures, in the order of x.
    pub fn line(&self, canvas: &mut Canvas<'_>, points: &[(f64, f64)], colour: RGBColor, width: f64) -> Drawn {
        canvas.line(&self.thinned(points), colour, width, 1.0)
    }

    /// The same, dashed.
    pub fn dashes(&self, canvas: &mut Canvas<'_>, points: &[(f64, f64)], colour: RGBColor, width: f64) -> Drawn {
        canvas.dashes(&self.thinned(points), colour, width, (6.0, 4.0))
    }

    /// The area between a low and a high figure, in the order of x.
    pub fn band(&self, canvas: &mut Canvas<'_>, points: &[(f64, f64, f64)], colour: RGBColor, alpha: f64) -> Drawn {
        let points: Vec<_> = points
            .iter()
            .map(|(x, low, high)| {
                let ((x, low), (_, high)) = (self.at((*x, *low)), self.at((*x, *high)));
                (x, low, high)
            })
            .collect();
        canvas.band(&series::envelope(&points), colour, alpha)
    }

    /// A dot for each figure.
    pub fn dots(&self, canvas: &mut Canvas<'_>, points: &[(f64, f64)], colour: RGBColor, radius: f64, alpha: f64) -> Drawn {
        points.iter().try_for_each(|point| canvas.dot(self.at(*point), radius, colour, alpha))
    }

    /// A remark in the middle, where there is nothing to show.
    pub fn remark(&self, canvas: &mut Canvas<'_>, text: &str) -> Drawn {
        let middle = (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom) + 6.0);
        canvas.text(middle, text, Type::plain(HEADING, MUTED), Anchor::Middle).map(drop)
    }

    fn thinned(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        series::thin(&points)
    }
}
