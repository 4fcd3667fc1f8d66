//! What was said, in rows: each text with its time, its author and how many have it, with the notices between.

use std::collections::BTreeMap;

use murmuration::live::chat::{DAY, Names, TextView, clean, clock, date};
use murmuration::wire::chat::EntryId;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::theme::{Role, Theme};
use super::wrap;

/// Columns of the time and the blank behind it.
const TIME: usize = 6;
/// Columns of the line between the names and the texts.
const RULE: &str = " │ ";
/// Most lines of one text that are shown.
const MOST_LINES: usize = 400;

/// Something the program says among the texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Its number.
    pub number: u64,
    /// The text after which it came; `None` if there was none.
    pub after: Option<EntryId>,
    /// The topic in which it is shown.
    pub topic: String,
    pub kind: Kind,
    pub text: String,
}

/// What a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer to a command.
    Answer,
    /// Something went wrong.
    Error,
    /// Something happened.
    Event,
}

/// What a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Day(u64),
    Text(EntryId),
    Notice(u64),
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    pub mark: Mark,
    /// The how-manieth of what it belongs to.
    pub part: usize,
    pub line: Line<'static>,
}

/// Lays a topic out in rows of `columns`.
pub fn rows(texts: &[&TextView], notices: &[&Notice], names: &Names, theme: Theme, columns: usize) -> Vec<Row> {
    let counts: Vec<String> = texts.iter().map(|text| format!("{}/{}", text.delivered, text.readers)).collect();
    let longest = texts.iter().map(|text| wrap::width(&names.of(&text.author, text.nick.as_deref()))).max().unwrap_or(0);
    let count = counts.iter().map(String::len).max().unwrap_or(3);
    let name = longest.clamp(5, if columns < 60 { 8 } else { 16 });
    let body = columns.saturating_sub(TIME + name + wrap::width(RULE) + 1 + count).max(8);
    let mut page = Page { rows: Vec::new(), theme, name, body, count, columns };

    let mut after: BTreeMap<Option<EntryId>, Vec<&Notice>> = BTreeMap::new();
    for notice in notices {
        let place = notice.after.filter(|id| texts.iter().any(|text| text.id == *id));
        after.entry(place).or_default().push(notice);
    }
    let mut day = None;
    after.remove(&None).into_iter().flatten().for_each(|notice| page.notice(notice));
    for (text, count) in texts.iter().zip(&counts) {
        let today = text.time / DAY;
        if day.replace(today) != Some(today) {
            page.day(today);
        }
        page.text(text, count, names);
        after.remove(&Some(text.id)).into_iter().flatten().for_each(|notice| page.notice(notice));
    }
    page.rows
}

/// Rows that are being written.
struct Page {
    rows: Vec<Row>,
    theme: Theme,
    name: usize,
    body: usize,
    count: usize,
    columns: usize,
}

impl Page {
    fn day(&mut self, day: u64) {
        let date = format!(" {}, UTC ", date(day));
        let side = self.columns.saturating_sub(wrap::width(&date)) / 2;
        let line = format!("{}{date}{}", "─".repeat(side.min(12)), "─".repeat(side.min(12)));
        let blanks = " ".repeat(side.saturating_sub(12));
        self.push(Mark::Day(day), 0, vec![Span::styled(blanks + &line, self.theme.style(Role::Dim))]);
    }

    fn text(&mut self, text: &TextView, count: &str, names: &Names) {
        let tag = text.to.map(|to| if to == names.me { "to you: ".to_owned() } else { format!("to {}: ", names.of(&to, None)) });
        let said = clean::lines(&text.text).enumerate().map(|(index, line)| match &tag {
            Some(tag) if index == 0 => format!("{tag}{line}"),
            _ => line,
        });
        let (style, whole) = match text.to {
            Some(_) => (self.theme.style(Role::Direct), text.delivered >= text.readers),
            None => (self.theme.style(Role::Text), text.delivered >= text.readers),
        };
        let mut lines: Vec<String> = said.flat_map(|line| wrap::wrap(&line, self.body)).take(MOST_LINES + 1).collect();
        if lines.len() > MOST_LINES {
            lines[MOST_LINES] = "… (the rest is not shown)".to_owned();
        }
        let author = wrap::name(&names.of(&text.author, text.nick.as_deref()), self.name);
        let time = format!("{} ", clock(text.time));
        let mark = Mark::Text(text.id);
        for (part, line) in lines.into_iter().enumerate() {
            if part > 0 {
                self.continued(mark, part, line, style);
                continue;
            }
            let role = if whole { Role::Good } else { Role::Dim };
            self.push(
                mark,
                part,
                vec![
                    Span::styled(time.clone(), self.theme.style(Role::Dim)),
                    Span::styled(wrap::right(&author, self.name), self.theme.author(&text.author)),
                    Span::styled(RULE, self.theme.style(Role::Border)),
                    Span::styled(wrap::left(&line, self.body), style),
                    Span::styled(format!(" {}", wrap::right(count, self.count)), self.theme.style(role)),
                ],
            );
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let (sign, style) = match notice.kind {
            Kind::Answer => ("•", self.theme.style(Role::Accent)),
            Kind::Error => ("error", self.theme.style(Role::Bad)),
            Kind::Event => ("·", self.theme.style(Role::Dim)),
        };
        let room = self.body + self.count + 1;
        let lines: Vec<String> = clean::lines(&notice.text).flat_map(|line| wrap::wrap(&line, room)).collect();
        let text = if notice.kind == Kind::Answer { self.theme.style(Role::Text) } else { style };
        for (part, line) in lines.into_iter().enumerate() {
            if part > 0 {
                self.continued(Mark::Notice(notice.number), part, line, text);
                continue;
            }
            let sign = Span::styled(wrap::right(sign, TIME + self.name), style);
            let rule = Span::styled(RULE, self.theme.style(Role::Border));
            self.push(Mark::Notice(notice.number), part, vec![sign, rule, Span::styled(line, text)]);
        }
    }

    /// A further line of a text.
    fn continued(&mut self, mark: Mark, part: usize, line: String, style: Style) {
        let indent = " ".repeat(TIME + self.name);
        self.push(mark, part, vec![Span::raw(indent), Span::styled(RULE, self.theme.style(Role::Border)), Span::styled(line, style)]);
    }

    fn push(&mut self, mark: Mark, part: usize, spans: Vec<Span<'static>>) {
        self.rows.push(Row { mark, part, line: Line::from(spans) });
    }
}
