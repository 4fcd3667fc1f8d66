//! What was said.

use murmuration::live::chat::clean;
use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Scrollbar, ScrollbarOrientation, ScrollbarState};

use crate::tui::app::{App, LOBBY};
use crate::tui::theme::Role;
use crate::tui::wrap;

pub fn draw(app: &App, frame: &mut Frame, area: Rect) {
    let height = usize::from(area.height);
    let end = app.rows.len() - app.scroll.min(app.rows.len());
    let start = end.saturating_sub(height);
    let shown: Vec<Line> = app.rows[start..end].iter().map(|row| row.line.clone()).collect();
    // The newest row is the lowest, next to where one writes.
    let rows = u16::try_from(shown.len()).unwrap_or(area.height).min(area.height);
    let place = Rect { y: area.bottom() - rows, height: rows, ..area };
    frame.render_widget(Paragraph::new(Text::from(shown)), place);
    if app.is_silent() {
        silence(app, frame, Rect { height: area.height - rows, ..area });
    }
    if app.rows.len() > height {
        let mut state = ScrollbarState::new(app.rows.len() - height).position(start).viewport_content_length(height);
        let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight).begin_symbol(None).end_symbol(None).track_symbol(Some(" "));
        let bar = bar.thumb_symbol("▐").thumb_style(app.theme.style(Role::Border));
        frame.render_stateful_widget(bar, Rect { width: area.width + 1, ..area }, &mut state);
    }
    if app.scroll > 0 {
        let text =
            if app.newer > 0 { format!(" ↓ {} new, Esc shows them ", app.newer) } else { " ↓ older texts, Esc ends ".to_owned() };
        let width = u16::try_from(wrap::width(&text)).unwrap_or(area.width).min(area.width);
        let place = Rect::new(area.x + (area.width - width) / 2, area.bottom() - 1, width, 1);
        frame.render_widget(Paragraph::new(text).style(app.theme.style(Role::Selected)), place);
    }
}

/// Nothing was said here yet: this is said where there is room.
fn silence(app: &App, frame: &mut Frame, area: Rect) {
    let name = clean::line(&app.topic);
    let hint = if app.topic == LOBBY { "Everybody in the network reads this." } else { "Everybody who has joined this topic reads it." };
    let lines = vec![
        Line::styled(format!("Nothing was said in {name} yet."), app.theme.style(Role::Strong)),
        Line::styled(hint, app.theme.style(Role::Dim)),
        Line::default(),
        Line::styled("Write, and press Enter. F1 shows what else you can do.", app.theme.style(Role::Dim)),
    ];
    let rows = u16::try_from(lines.len()).unwrap_or(area.height);
    if rows >= area.height {
        return;
    }
    let place = Rect { y: area.y + (area.height - rows) / 2, height: rows, ..area };
    frame.render_widget(Paragraph::new(lines).alignment(Alignment::Center), place);
}
