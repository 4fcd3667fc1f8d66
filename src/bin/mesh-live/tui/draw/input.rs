//! What is being written.

use murmuration::live::chat::clean;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::tui::app::{App, LOBBY};
use crate::tui::layout::PROMPT;
use crate::tui::theme::Role;
use crate::tui::wrap;

pub fn draw(app: &App, frame: &mut Frame, area: Rect) {
    let border = app.theme.style(Role::Border);
    let rule = "─".repeat(usize::from(area.width));
    frame.render_widget(Paragraph::new(rule).style(border), Rect { height: 1, ..area });
    let text = Rect::new(area.x + PROMPT - 1, area.y + 1, area.width - PROMPT, area.height - 1);
    frame.render_widget(Paragraph::new(" ❯").style(app.theme.style(Role::Accent)), Rect { x: area.x, width: PROMPT - 1, ..text });
    if app.input.is_empty() {
        let to = if app.topic == LOBBY { "everybody".to_owned() } else { clean::line(&app.topic) };
        let hint = wrap::cut(&format!("Write to {to}, or / for a command"), usize::from(text.width));
        frame.render_widget(Paragraph::new(hint).style(app.theme.style(Role::Dim)), text);
    }
    let drawn = app.input.draw(usize::from(text.width));
    let room = usize::from(text.height);
    // The row of the cursor is seen.
    let first = (drawn.cursor.0 + 1).saturating_sub(room);
    let is_command = app.input.text().starts_with('/');
    let style = app.theme.style(if is_command { Role::Accent } else { Role::Strong });
    let rows: Vec<Line> = drawn.rows.into_iter().skip(first).take(room).map(|row| Line::from(Span::styled(row, style))).collect();
    if !app.input.is_empty() {
        frame.render_widget(Paragraph::new(rows), text);
    }
    if app.popup.is_none() {
        let column = u16::try_from(drawn.cursor.1).unwrap_or(0).min(text.width - 1);
        let row = u16::try_from(drawn.cursor.0 - first).unwrap_or(0).min(text.height - 1);
        frame.set_cursor_position(Position::new(text.x + column, text.y + row));
    }
}
