//! What the chat view knows and shows, without a terminal and without a node: keys, texts and pictures go in, effects come out.

mod keys;
mod popup;
mod tell;

use std::collections::{BTreeMap, BTreeSet};
use std::mem::Discriminant;
use std::net::SocketAddr;

use murmuration::live::chat::{Names, Status, TextView, View};
use murmuration::wire::chat::EntryId;

pub use popup::Popup;

use super::feed::{self, Mark, Notice, Row};
use super::input::{Completion, History, Input};
use super::layout::Areas;
use super::theme::Theme;

/// The topic that everybody is in.
pub const LOBBY: &str = "lobby";
/// Texts that are asked for at first; more when somebody scrolls to the beginning of them.
const TEXTS: usize = 1000;

/// What the program shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A line was entered while this topic was shown.
    Perform { topic: String, line: String },
    /// The screen may be spoilt: draw all of it.
    Redraw,
    /// Say goodbye and end.
    Quit,
}

/// The chat view.
pub struct App {
    pub theme: Theme,
    pub view: View,
    /// Where others reach the node.
    pub address: SocketAddr,
    pub names: Names,
    /// The topic that is shown.
    pub topic: String,
    /// Texts of other topics that were not shown yet.
    pub unread: BTreeMap<String, usize>,
    pub input: Input,
    pub popup: Option<Popup>,
    /// Where things are drawn; `None` if the terminal is too small.
    pub areas: Option<Areas>,
    pub rows: Vec<Row>,
    /// Rows below those that are shown.
    pub scroll: usize,
    /// Texts that came while older ones were shown.
    pub newer: usize,
    size: (u16, u16),
    /// Whether the terminal tells Ctrl+I from Tab, Ctrl+M from Enter, and Ctrl+H from Backspace.
    enhanced: bool,
    /// `None` until the first look at them.
    texts: Option<Vec<TextView>>,
    wanted: usize,
    notices: Vec<Notice>,
    next_notice: u64,
    history: History,
    completion: Option<Completion>,
    /// A topic that was asked for, to be shown when it is there.
    awaited: Option<String>,
    /// The status of which was told more than the line at the bottom says.
    told: Option<Discriminant<Status>>,
    /// Whether the rows are to be laid out anew.
    stale: bool,
    /// Whether there is something to draw.
    changed: bool,
}

impl App {
    pub fn new(view: View, address: SocketAddr, theme: Theme, size: (u16, u16), enhanced: bool) -> Self {
        let mut app = Self {
            theme,
            address,
            names: Names::of_view(&view),
            topic: LOBBY.to_owned(),
            unread: BTreeMap::new(),
            input: Input::default(),
            popup: None,
            areas: None,
            rows: Vec::new(),
            scroll: 0,
            newer: 0,
            size,
            enhanced,
            texts: None,
            wanted: TEXTS,
            notices: Vec::new(),
            next_notice: 0,
            history: History::default(),
            completion: None,
            awaited: None,
            told: None,
            stale: true,
            changed: true,
            view,
        };
        app.arrange();
        app
    }

    /// How many texts are to be looked at.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether there is something to draw.
    pub fn has_changed(&self) -> bool {
        self.changed
    }

    /// The same; what has changed is drawn now.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// A new picture of the node.
    pub fn on_view(&mut self, view: View) {
        if view == self.view {
            return;
        }
        let names = Names::of_view(&view);
        self.stale |= names != self.names;
        self.names = names;
        let old = std::mem::replace(&mut self.view, view);
        self.tell_presence(&old);
        if old.status != self.view.status {
            self.tell_status();
        }
        let awaited = self.awaited.take_if(|name| self.view.topics.iter().any(|topic| topic.subscribed && topic.name == *name));
        if let Some(name) = awaited {
            self.show_topic(&name);
        }
        if self.topic != LOBBY && !self.view.topics.iter().any(|topic| topic.subscribed && topic.name == self.topic) {
            self.show_topic(LOBBY);
        }
        self.arrange();
    }

    /// The texts as they are now.
    pub fn on_texts(&mut self, texts: Vec<TextView>) {
        if self.texts.as_ref() == Some(&texts) {
            return;
        }
        if let Some(old) = &self.texts {
            let known: BTreeSet<EntryId> = old.iter().map(|text| text.id).collect();
            // Texts from before what was looked at so far are no news.
            let first = if old.len() < self.wanted { 0 } else { old.first().map_or(0, |text| text.time) };
            let others = texts.iter().filter(|text| text.author != self.view.id && text.time >= first && !known.contains(&text.id));
            for text in others {
                if text.topic != self.topic {
                    *self.unread.entry(text.topic.clone()).or_default() += 1;
                } else if self.scroll > 0 {
                    self.newer += 1;
                }
            }
        }
        self.texts = Some(texts);
        self.stale = true;
        self.arrange();
    }

    /// A line was refused: it is there to be corrected, unless another has been begun.
    pub fn give_back(&mut self, line: &str) {
        if self.input.is_empty() {
            self.input = Input::of(line);
        }
        self.arrange();
    }

    pub fn on_resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
        self.stale = true;
        self.arrange();
    }

    /// The topics that can be shown, in the order of the sidebar.
    pub fn open_topics(&self) -> impl Iterator<Item = &str> {
        self.view.topics.iter().filter(|topic| topic.subscribed || topic.name == LOBBY).map(|topic| topic.name.as_str())
    }

    pub fn show_topic(&mut self, name: &str) {
        self.topic = name.to_owned();
        self.unread.remove(name);
        self.scroll_to_end();
        self.stale = true;
        self.arrange();
    }

    /// Shows the topic that stands so many places further down.
    fn turn_topics(&mut self, by: isize) {
        let topics: Vec<String> = self.open_topics().map(str::to_owned).collect();
        let at = topics.iter().position(|name| *name == self.topic).unwrap_or(0);
        if let Some(name) = topics.get((at as isize + by).rem_euclid(topics.len().max(1) as isize) as usize) {
            self.show_topic(name);
        }
    }

    fn scroll_to_end(&mut self) {
        self.scroll = 0;
        self.newer = 0;
    }

    /// Shows older rows, or newer ones if `by` is negative.
    fn scroll_by(&mut self, by: isize) {
        self.scroll = self.scroll.saturating_add_signed(by);
        let end = self.highest_scroll();
        if self.scroll >= end && by > 0 && self.texts.as_ref().is_some_and(|texts| texts.len() >= self.wanted) {
            self.wanted *= 2;
        }
        self.scroll = self.scroll.min(end);
        if self.scroll == 0 {
            self.newer = 0;
        }
        self.changed = true;
    }

    fn highest_scroll(&self) -> usize {
        self.rows.len().saturating_sub(self.page())
    }

    /// Rows that are seen at once.
    fn page(&self) -> usize {
        self.areas.as_ref().map_or(0, |areas| usize::from(areas.messages.height))
    }

    /// Puts everything into its place again. What is read stays where it is when older ones are shown.
    fn arrange(&mut self) {
        self.changed = true;
        self.areas = Areas::of(self.size, &self.input);
        let Some(areas) = &self.areas else { return };
        if std::mem::take(&mut self.stale) {
            let columns = usize::from(areas.messages.width);
            let held: Option<(Mark, usize)> = (self.scroll > 0)
                .then(|| self.rows.get(self.rows.len().saturating_sub(self.scroll + 1)))
                .flatten()
                .map(|row| (row.mark, row.part));
            let texts: Vec<&TextView> = self.texts.iter().flatten().filter(|text| text.topic == self.topic).collect();
            let notices: Vec<&Notice> = self.notices.iter().filter(|notice| notice.topic == self.topic).collect();
            self.rows = feed::rows(&texts, &notices, &self.names, self.theme, columns);
            if let Some((mark, part)) = held {
                // The rows of one text may have become fewer.
                let at = self.rows.iter().rposition(|row| row.mark == mark && row.part <= part);
                self.scroll = at.map_or(self.scroll, |at| self.rows.len() - at - 1);
            }
        }
        self.scroll = self.scroll.min(self.highest_scroll());
    }

    /// Whether nothing was ever said here.
    pub fn is_silent(&self) -> bool {
        !self.rows.iter().any(|row| matches!(row.mark, Mark::Text(_)))
    }
}

#[cfg(test)]
mod tests;
