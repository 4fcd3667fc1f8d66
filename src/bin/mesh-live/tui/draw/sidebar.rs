//! Topics and members.

use std::time::Duration;

use murmuration::live::chat::clean;
use murmuration::live::chat::{MemberView, Presence};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use crate::tui::app::App;
use crate::tui::layout::{Areas, window};
use crate::tui::theme::{Role, Theme};
use crate::tui::wrap;

pub fn draw(app: &App, frame: &mut Frame, area: Rect, areas: &Areas) {
    frame.render_widget(Block::new().borders(Borders::LEFT).border_style(app.theme.style(Role::Border)), area);
    let open: Vec<&str> = app.open_topics().collect();
    let topics = areas.topics(open.len());
    title(app, frame, Rect { y: area.y, height: 1, ..topics }, "TOPICS", String::new());
    let at = open.iter().position(|name| *name == app.topic).unwrap_or(0);
    let first = window(open.len(), usize::from(topics.height), at);
    let rows = open.iter().skip(first).take(usize::from(topics.height));
    frame.render_widget(Paragraph::new(rows.map(|name| topic(app, name, usize::from(topics.width))).collect::<Vec<_>>()), topics);

    let top = topics.bottom() + 1;
    let members = Rect { y: top, height: area.bottom().saturating_sub(top), ..topics };
    if members.height == 0 {
        return;
    }
    let here = app.view.members.iter().filter(|member| member.presence == Presence::Online).count();
    let count = if app.view.members.is_empty() { String::new() } else { format!("{here} of {} here", app.view.members.len()) };
    title(app, frame, Rect { height: 1, ..members }, "MEMBERS", count);
    let room = usize::from(members.height) - 1;
    let columns = usize::from(members.width);
    let mut rows = vec![me(app, columns)];
    let more = (app.view.members.len() + 1).saturating_sub(room);
    // The last row says how many there is no room for.
    let fitting = if more > 0 { room.saturating_sub(2) } else { app.view.members.len() };
    rows.extend(app.view.members.iter().take(fitting).map(|other| member(app, other, columns)));
    if more > 0 {
        let text = format!("  and {} more (F3)", app.view.members.len() - fitting);
        rows.push(Line::styled(wrap::cut(&text, columns), app.theme.style(Role::Dim)));
    }
    frame.render_widget(Paragraph::new(rows), Rect { y: members.y + 1, height: members.height - 1, ..members });
}

fn title(app: &App, frame: &mut Frame, area: Rect, text: &str, count: String) {
    let dim = app.theme.style(Role::Dim);
    super::sides(frame, area, vec![Span::styled(text.to_owned(), dim)], vec![Span::styled(count, dim)]);
}

fn topic(app: &App, name: &str, columns: usize) -> Line<'static> {
    let unread = app.unread.get(name).copied().unwrap_or(0);
    let count = if unread > 0 { unread.to_string() } else { String::new() };
    let shown = clean::line(name);
    let current = name == app.topic;
    let sign = if current { "▸ " } else { "  " };
    let text = wrap::left(&format!("{sign}{shown}"), columns.saturating_sub(count.len() + 1));
    let role = match (current, unread > 0) {
        (true, _) => Role::Selected,
        (_, true) => Role::Strong,
        _ => Role::Text,
    };
    let style = app.theme.style(role);
    let number = if current { style } else { app.theme.style(Role::Accent) };
    Line::from(vec![Span::styled(text, style), Span::styled(format!("{count} "), number)])
}

fn me(app: &App, columns: usize) -> Line<'static> {
    let sign = Span::styled("● ", app.theme.style(Role::Good));
    row(app, sign, &app.view.id, None, "you".to_owned(), columns)
}

fn member(app: &App, member: &MemberView, columns: usize) -> Line<'static> {
    let state = match member.presence {
        Presence::Online => member.round_trip.map_or_else(|| hops(member.hops), round_trip),
        Presence::Suspected => "silent".to_owned(),
        Presence::Away => "away".to_owned(),
    };
    row(app, sign(member.presence, app.theme), &member.id, member.nick.as_deref(), state, columns)
}

fn row(
    app: &App,
    sign: Span<'static>,
    id: &murmuration::crypto::NodeId,
    nick: Option<&str>,
    state: String,
    columns: usize,
) -> Line<'static> {
    let room = columns.saturating_sub(wrap::width(&state) + 3);
    let name = wrap::left(&wrap::name(&app.names.of(id, nick), room), room);
    let name = Span::styled(name, app.theme.author(id));
    Line::from(vec![sign, name, Span::styled(format!(" {state}"), app.theme.style(Role::Dim))])
}

/// A sign that says without colour too whether somebody is there.
pub fn sign(presence: Presence, theme: Theme) -> Span<'static> {
    match presence {
        Presence::Online => Span::styled("● ", theme.style(Role::Good)),
        Presence::Suspected => Span::styled("◐ ", theme.style(Role::Warn)),
        Presence::Away => Span::styled("○ ", theme.style(Role::Dim)),
    }
}

/// A round-trip time in few letters.
pub fn round_trip(time: Duration) -> String {
    match time.as_secs_f64() * 1000.0 {
        few if few < 9.95 => format!("{few:.1} ms"),
        many if many < 9_999.5 => format!("{many:.0} ms"),
        many => format!("{:.0} s", many / 1000.0),
    }
}

/// Over how many links somebody is reached.
pub fn hops(hops: Option<u32>) -> String {
    hops.map_or_else(|| "here".to_owned(), |hops| format!("{hops} hop{}", if hops == 1 { "" } else { "s" }))
}
