//! The lines at the top and the bottom: where one is, who one is, and whether there is a connection.

use murmuration::live::chat::Status;
use murmuration::live::chat::clean;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Block;

use crate::tui::app::App;
use crate::tui::theme::Role;
use crate::tui::wrap;

/// What the keys do, from the most to the least important.
const HINTS: [&str; 4] = ["F1 help", "F2 invite", "F3 members", "F4 me"];

/// The line at the top.
pub fn bar(app: &App, frame: &mut Frame, area: Rect) {
    frame.render_widget(Block::new().style(app.theme.style(Role::Bar)), area);
    let topic = app.view.topics.iter().find(|topic| topic.name == app.topic);
    let others = topic.map_or(0, |topic| topic.others);
    let with = match others {
        0 => "only you so far".to_owned(),
        1 => "you and 1 other".to_owned(),
        others => format!("you and {others} others"),
    };
    let name = wrap::cut(&clean::line(&app.topic), usize::from(area.width / 2));
    let unread: usize = app.unread.iter().filter(|(name, _)| **name != app.topic).map(|(_, count)| count).sum();
    let mut left = vec![Span::styled(format!(" # {name}"), app.theme.style(Role::Strong)), Span::raw(format!("  {with}"))];
    if unread > 0 && app.areas.as_ref().is_some_and(|areas| areas.sidebar.is_none()) {
        left.push(Span::styled(format!("  {unread} unread elsewhere"), app.theme.style(Role::Accent)));
    }
    let me = app.names.of(&app.view.id, None);
    let network = clean::line(&app.view.network);
    let right = vec![
        Span::styled(me, app.theme.author(&app.view.id)),
        Span::styled(format!(" [{}] ", app.view.id), app.theme.style(Role::Dim)),
        Span::raw(format!("in {network} ")),
    ];
    super::sides(frame, area, left, right);
}

/// The line at the bottom.
pub fn draw(app: &App, frame: &mut Frame, area: Rect) {
    frame.render_widget(Block::new().style(app.theme.style(Role::Bar)), area);
    let (sign, role) = match &app.view.status {
        _ if app.view.unsaved.is_some() => ("▲", Role::Bad),
        Status::Connected { .. } => ("●", Role::Good),
        Status::Revoked { .. } | Status::WrongNetworkKey | Status::OtherAdmission { .. } | Status::OtherNetwork => ("✗", Role::Bad),
        _ => ("◌", Role::Warn),
    };
    let room = usize::from(area.width).saturating_sub(4);
    let said = sentences(app);
    let text = said.iter().find(|text| wrap::width(text) <= room).or(said.last()).map_or_else(String::new, |text| wrap::cut(text, room));
    let used = wrap::width(&text) + 3;
    let left = vec![Span::styled(format!(" {sign} "), app.theme.style(role)), Span::raw(text)];
    // As many hints as there is room for.
    let hints = (1..=HINTS.len()).rev().map(|count| HINTS[..count].join("  ") + " ");
    let hints = hints.into_iter().find(|hints| used + hints.len() + 2 <= usize::from(area.width)).unwrap_or_default();
    super::sides(frame, area, left, vec![Span::styled(hints, app.theme.style(Role::Dim))]);
}

/// How the node stands, in a long and in shorter ways.
fn sentences(app: &App) -> Vec<String> {
    let view = &app.view;
    let mut all = match &view.status {
        Status::NotInvited => vec![
            format!("Recovering... Not invited yet: ask a member to /invite {:?}", view.id),
            "Recovering... Not invited yet: ask a member to /invite your key (F4 shows it)".to_owned(),
            "Not invited yet: ask a member to /invite your key (F4)".to_owned(),
            "Not invited yet: F4 shows your key".to_owned(),
        ],
        Status::Strangers => vec![
            format!("{}: F2 invites them, F4 shows yours", capital(&view.status)),
            "Others are there: F2 invites them, or they invite your key (F4)".to_owned(),
            "Others are there: F2 invites them".to_owned(),
        ],
        Status::OtherAdmission { settled: true, .. } => vec![
            capital(&view.status),
            "Somebody was kept out who was started without --invite-only".to_owned(),
            "Somebody lacks --invite-only".to_owned(),
        ],
        Status::OtherAdmission { invite_only, .. } => {
            let (theirs, own) = if *invite_only { ("open", "by invitation") } else { ("by invitation", "open") };
            vec![
                capital(&view.status),
                format!("Their network is {theirs}, this one {own}: see invite_only"),
                format!("Their network is {theirs}"),
            ]
        }
        Status::OtherNetwork => vec![
            capital(&view.status),
            "Those who were reached belong to another network by invitation".to_owned(),
            "They belong to another network".to_owned(),
        ],
        Status::Alone => vec![
            format!("Nobody else is known yet: others join with `--seed` and your address, {}", app.address),
            "Nobody else is known yet: waiting for somebody to come".to_owned(),
            "Nobody else is known yet".to_owned(),
        ],
        status => vec![capital(status)],
    };
    if let Some(why) = &view.unsaved {
        all = all.into_iter().map(|text| format!("What is said will be lost when you end: {}. {text}", clean::line(why))).collect();
    }
    let mut more = Vec::new();
    if view.waiting > 0 {
        more.push(format!("{} of your texts wait{} for readers", view.waiting, if view.waiting == 1 { "s" } else { "" }));
    }
    if view.locked > 0 {
        more.push(format!("{} cannot be read yet", view.locked));
    }
    if more.is_empty() {
        return all;
    }
    let more = more.join(", ");
    all.iter().map(|text| format!("{text} · {more}")).chain(all.iter().cloned()).collect()
}

/// The sentence of a status.
fn capital(status: &Status) -> String {
    let text = clean::line(&status.to_string());
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
