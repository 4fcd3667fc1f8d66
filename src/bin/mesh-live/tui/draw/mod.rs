//! The screen, from what the view knows.

mod card;
mod input;
mod messages;
mod popups;
mod sidebar;
mod status;
mod wizard;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

pub use wizard::wizard;

use super::app::App;
use super::layout::SMALLEST;
use super::theme::{Role, Theme};
use super::wrap;

/// Draws the chat view.
pub fn chat(app: &App, frame: &mut Frame) {
    let Some(areas) = ground(app.theme, frame).then_some(app.areas.as_ref()).flatten() else { return };
    // The terminal may have become smaller since things were put into their places.
    let seen = frame.area();
    if [areas.bar, areas.messages, areas.input, areas.status].iter().any(|area| area.intersection(seen) != *area) {
        return;
    }
    status::bar(app, frame, areas.bar);
    messages::draw(app, frame, areas.messages);
    if let Some(area) = areas.sidebar {
        sidebar::draw(app, frame, area, areas);
    }
    input::draw(app, frame, areas.input);
    status::draw(app, frame, areas.status);
    popups::draw(app, frame, seen);
}

/// Draws what is behind everything. Returns whether there is room for more.
fn ground(theme: Theme, frame: &mut Frame) -> bool {
    let area = frame.area();
    frame.render_widget(Block::new().style(theme.ground()), area);
    let fits = area.width >= SMALLEST.0 && area.height >= SMALLEST.1;
    if !fits {
        let line = Line::styled("terminal too small", theme.style(Role::Warn));
        frame.render_widget(Paragraph::new(line), Rect { y: area.y + area.height / 2, height: area.height.min(1), ..area });
    }
    fits
}

/// A line with one text at its left and one at its right, which is left out if there is no room for it.
fn sides(frame: &mut Frame, area: Rect, left: Vec<Span<'_>>, right: Vec<Span<'_>>) {
    let (left, right) = (Line::from(left), Line::from(right));
    let room = usize::from(area.width);
    let (used, wanted) = (left.width(), right.width());
    frame.render_widget(Paragraph::new(left), area);
    if used + wanted < room {
        let width = u16::try_from(wanted).unwrap_or(area.width);
        frame.render_widget(Paragraph::new(right), Rect { x: area.right() - width, width, ..area });
    }
}

/// A text in several lines, each of at most `columns`.
fn paragraph(text: &str, columns: usize, style: ratatui::style::Style) -> Vec<Line<'static>> {
    text.split('\n').flat_map(|line| wrap::wrap(line, columns)).map(|line| Line::styled(line, style)).collect()
}

#[cfg(test)]
mod tests;
