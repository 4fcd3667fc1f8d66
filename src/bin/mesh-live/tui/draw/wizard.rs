//! The questions of the first start.

use ratatui::Frame;
use ratatui::layout::Position;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::card::card;
use super::{ground, paragraph};
use crate::tui::theme::Role;
use crate::tui::wizard::{Step, Wizard};
use crate::tui::wrap;

/// Draws the question that is asked now.
pub fn wizard(wizard: &Wizard, frame: &mut Frame) {
    let theme = wizard.theme;
    if !ground(theme, frame) {
        return;
    }
    let (number, title, foot) = match wizard.step {
        Step::Identity => (1, "Welcome to Murmuration", "Enter goes on · Ctrl+C quits"),
        Step::Nick => (2, "Your nickname", "Enter goes on · Esc goes back · Ctrl+C quits"),
        Step::Seed => (3, "Somebody you know", "Enter starts · Esc goes back · Ctrl+C quits"),
    };
    let area = frame.area();
    let within = card(theme, frame, area, (72, 14), &format!("{title} ({number} of 3)"), foot);
    let columns = usize::from(within.width);
    let (text, dim) = (theme.style(Role::Text), theme.style(Role::Dim));
    let mut lines: Vec<Line> = Vec::new();
    let mut say = |what: &str, style: Style| lines.extend(paragraph(what, columns, style));
    match wizard.step {
        Step::Identity => {
            say("This is your first start here, so a key was made for you:", text);
            say("", text);
            say(&format!("{:?}", wizard.id), theme.style(Role::Strong));
            say("", text);
            say(
                "It is who you are. Others need it to invite you; F4 shows it at any time. What belongs to it never leaves this machine.",
                dim,
            );
        }
        Step::Nick => {
            say("What shall others call you?", text);
            say("1 to 32 characters. It may be changed later.", dim);
        }
        Step::Seed => {
            say("Whom shall be asked first, as host:port?", text);
            say("Leave it empty to begin a network, or if the others are on your local network. Several stand side by side.", dim);
        }
    }
    let mut cursor = None;
    if let Some(line) = wizard.line() {
        lines.push(Line::default());
        let written = line.draw(columns);
        cursor = Some((lines.len() + written.cursor.0, written.cursor.1));
        lines.extend(written.rows.iter().map(|row| Line::styled(wrap::left(row, columns), theme.style(Role::Selected))));
        lines.push(Line::default());
    }
    if let Some(said) = &wizard.said {
        lines.extend(paragraph(said, columns, theme.style(Role::Bad)));
    }
    // The end is seen: there one writes, and there it is said what is wrong.
    let first = lines.len().saturating_sub(usize::from(within.height));
    frame.render_widget(Paragraph::new(lines.split_off(first)), within);
    if let Some((row, column)) = cursor.filter(|(row, _)| *row >= first && row - first < usize::from(within.height)) {
        let offset = |value: usize, most: u16| u16::try_from(value).unwrap_or(most).min(most.saturating_sub(1));
        frame.set_cursor_position(Position::new(within.x + offset(column, within.width), within.y + offset(row - first, within.height)));
    }
}
