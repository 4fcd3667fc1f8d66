//! What stands over the chat.

use murmuration::live::chat::clean;
use murmuration::live::chat::{HELP, Presence};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::card::card;
use super::paragraph;
use super::sidebar::{hops, round_trip, sign};
use crate::tui::app::{App, Popup};
use crate::tui::input::Input;
use crate::tui::layout::window;
use crate::tui::theme::Role;
use crate::tui::wrap;

/// Keys, and what they do.
const KEYS: [(&str, &str); 16] = [
    ("Enter", "say it, or do it"),
    ("Alt+Enter, Ctrl+J", "begin another line"),
    ("Tab", "complete a command, a name or a topic; again for the next"),
    ("Up, Down", "what you wrote before"),
    ("Alt+Up, Alt+Down", "the other topics; also Ctrl+P, Ctrl+N, or a click"),
    ("PgUp, PgDn, wheel", "older and newer texts"),
    ("Home, End", "the oldest and the newest, while nothing is written"),
    ("Esc", "back to the newest text; closes what is open"),
    ("F1, Ctrl+H, Alt+H", "this help"),
    ("F2, Ctrl+I, Alt+I", "invite somebody; also Tab, while nothing is written"),
    ("F3, Ctrl+M, Alt+M", "the members"),
    ("F4, Ctrl+E, Alt+E", "who you are: your key, your address"),
    ("Ctrl+W, Ctrl+U, Ctrl+K", "remove a word, all before, all after the cursor"),
    ("Ctrl+L", "draw the screen anew"),
    ("Ctrl+C", "say goodbye and end"),
    ("Shift + mouse", "select and copy, in most terminals"),
];

pub fn draw(app: &App, frame: &mut Frame, area: Rect) {
    match &app.popup {
        Some(Popup::Invite { key, said }) => invite(app, frame, area, key, said.as_deref()),
        Some(Popup::Members { at }) => members(app, frame, area, *at),
        Some(Popup::Identity) => identity(app, frame, area),
        Some(Popup::Help { scroll }) => help(app, frame, area, *scroll),
        None => {}
    }
}

fn invite(app: &App, frame: &mut Frame, area: Rect, key: &Input, said: Option<&str>) {
    let theme = app.theme;
    let within = card(theme, frame, area, (72, 10), "Invite somebody", "Enter invites · Esc closes");
    let columns = usize::from(within.width);
    let mut lines = paragraph("Paste the key of the one who shall become a member. F4 shows it to them.", columns, theme.style(Role::Text));
    lines.push(Line::default());
    let written = key.draw(columns);
    let top = lines.len();
    lines.extend(written.rows.iter().map(|row| Line::styled(wrap::left(row, columns), theme.style(Role::Selected))));
    lines.push(Line::default());
    match said {
        Some(said) => lines.extend(paragraph(&capital(said), columns, theme.style(Role::Bad))),
        None => lines.push(Line::styled(format!("{} of 64 digits", key.text().chars().count()), theme.style(Role::Dim))),
    }
    // What is said of a key is seen, however long what was pasted is.
    let room = usize::from(within.height);
    let first = lines.len().saturating_sub(room);
    frame.render_widget(Paragraph::new(lines.split_off(first)), within);
    let row = (top + written.cursor.0).saturating_sub(first).min(room.saturating_sub(1));
    let place = |at: usize, most: u16| u16::try_from(at).unwrap_or(most).min(most);
    frame.set_cursor_position(Position::new(
        within.x + place(written.cursor.1, within.width.saturating_sub(1)),
        within.y + place(row, within.height.saturating_sub(1)),
    ));
}

fn members(app: &App, frame: &mut Frame, area: Rect, at: usize) {
    let theme = app.theme;
    let view = &app.view;
    let height = u16::try_from(view.members.len()).unwrap_or(area.height).saturating_add(9).clamp(12, area.height.max(12));
    let title = format!("Members: {} besides you", view.members.len());
    let within = card(theme, frame, area, (78, height), &title, "↑↓ choose · Enter writes · Esc closes");
    let columns = usize::from(within.width);
    if view.members.is_empty() {
        frame.render_widget(Paragraph::new(paragraph("Nobody else belongs to this network yet.", columns, theme.style(Role::Dim))), within);
        return;
    }
    let wide = columns >= 60;
    let name = columns.saturating_sub(if wide { 52 } else { 22 });
    let row = |nick: &str, key: &str, state: &str, trip: &str, way: &str, sponsor: &str| {
        if wide {
            format!(
                "{} {key:8}  {state:7} {} {}  {}",
                wrap::left(nick, name),
                wrap::right(trip, 8),
                wrap::right(way, 7),
                wrap::left(sponsor, 13)
            )
        } else {
            format!("{} {state:7} {}", wrap::left(nick, name), wrap::right(trip, 8))
        }
    };
    let head = Line::styled(format!("  {}", row("name", "key", "state", "RTT", "away", "invited by")), theme.style(Role::Dim));
    frame.render_widget(Paragraph::new(head), Rect { height: 1.min(within.height), ..within });
    let detail = 4.min(within.height.saturating_sub(3));
    let list = Rect { y: within.y + 1, height: within.height.saturating_sub(1 + detail), ..within };
    let room = usize::from(list.height);
    let first = window(view.members.len(), room, at);
    let rows = view.members.iter().enumerate().skip(first).take(room).map(|(index, member)| {
        let nick = app.names.of(&member.id, member.nick.as_deref());
        let state = match member.presence {
            Presence::Online => "online",
            Presence::Suspected => "silent",
            Presence::Away => "away",
        };
        let trip = member.round_trip.map_or_else(|| "–".to_owned(), round_trip);
        let way = member.hops.map_or_else(|| "–".to_owned(), |way| hops(Some(way)));
        let sponsor = match member.sponsor {
            Some(id) if id == member.id => "founder".to_owned(),
            Some(id) => app.names.of(&id, None),
            None => "–".to_owned(),
        };
        let text = row(&nick, &member.id.to_string(), state, &trip, &way, &sponsor);
        let style = if index == at { theme.style(Role::Selected) } else { theme.style(Role::Text) };
        Line::from(vec![sign(member.presence, theme), Span::styled(text, style)])
    });
    frame.render_widget(Paragraph::new(rows.collect::<Vec<_>>()), list);
    if let Some(member) = view.members.get(at) {
        let mut lines = vec![Line::styled("─".repeat(columns), theme.style(Role::Border))];
        lines.extend(paragraph(&format!("{:?}", member.id), columns, theme.author(&member.id)));
        let sponsor = member.sponsor.filter(|id| *id != member.id);
        let sponsor = sponsor.map(|id| format!("invited by {}", app.names.of(&id, None)));
        lines.extend(sponsor.map(|text| Line::styled(wrap::cut(&text, columns), theme.style(Role::Dim))));
        frame.render_widget(Paragraph::new(lines), Rect { y: list.bottom(), height: detail, ..within });
    }
}

fn identity(app: &App, frame: &mut Frame, area: Rect) {
    let theme = app.theme;
    let view = &app.view;
    let within = card(theme, frame, area, (72, 15), "Who you are", "Esc closes");
    let columns = usize::from(within.width);
    let entry = |name: &str, value: String, style| {
        std::iter::once(Line::styled(name.to_owned(), theme.style(Role::Dim))).chain(paragraph(&value, columns, style))
    };
    let nick = view.nick.as_deref().map_or_else(|| "none yet: /nick NAME sets one".to_owned(), clean::line);
    let mut lines: Vec<Line> = entry("Name", nick, theme.author(&view.id)).collect();
    lines.push(Line::default());
    lines.extend(entry("Key, which others need to invite you", format!("{:?}", view.id), theme.style(Role::Strong)));
    lines.push(Line::default());
    let place = format!("{}, and listens at {}", app.address, view.listens);
    lines.extend(entry("Address, for the --seed of others", place, theme.style(Role::Text)));
    lines.push(Line::default());
    lines.extend(entry("Network", clean::line(&view.network), theme.style(Role::Text)));
    if lines.len() > usize::from(within.height) {
        lines.retain(|line| line.width() > 0);
    }
    frame.render_widget(Paragraph::new(lines), within);
}

fn help(app: &App, frame: &mut Frame, area: Rect, scroll: usize) {
    let theme = app.theme;
    let within = card(theme, frame, area, (90, area.height.saturating_sub(2).max(8)), "Help", "↑↓ PgUp PgDn scroll · Esc closes");
    let columns = usize::from(within.width);
    let name = if columns >= 60 { 26 } else { columns };
    let mut lines = Vec::new();
    let mut entry = |what: &str, does: &str| {
        let what = Span::styled(wrap::left(what, name), theme.style(Role::Accent));
        let room = if name < columns { columns - name } else { columns.saturating_sub(2) };
        let indent = " ".repeat(columns - room);
        let mut said = wrap::wrap(does, room).into_iter();
        if name < columns {
            lines.push(Line::from(vec![what, Span::styled(said.next().unwrap_or_default(), theme.style(Role::Text))]));
        } else {
            lines.push(Line::from(what));
        }
        lines.extend(said.map(|line| Line::styled(format!("{indent}{line}"), theme.style(Role::Text))));
    };
    KEYS.iter().for_each(|(key, does)| entry(key, does));
    entry("", "");
    HELP.iter().for_each(|(command, arguments, does)| entry(&format!("{command} {arguments}"), does));
    let most = lines.len().saturating_sub(usize::from(within.height));
    frame.render_widget(Paragraph::new(lines.split_off(scroll.min(most))), within);
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
