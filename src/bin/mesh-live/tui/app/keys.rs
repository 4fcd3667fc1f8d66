//! What keys, the mouse and pasted text do.

use murmuration::live::chat;
use murmuration::live::chat::clean;
use murmuration::wire::chat::MAX_TEXT;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::popup::Answer;
use super::{App, Effect, Popup};
use crate::tui::editing::{edit, pasted};
use crate::tui::feed::Kind;
use crate::tui::input::{Completion, Move};

/// Rows that a turn of the wheel passes.
const WHEEL: isize = 3;

impl App {
    /// A key was pressed.
    pub fn on_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        let effects = self.press(key);
        self.arrange();
        effects
    }

    fn press(&mut self, key: KeyEvent) -> Vec<Effect> {
        let control = key.modifiers == KeyModifiers::CONTROL;
        match key.code {
            KeyCode::Char('c') if control => return vec![Effect::Quit],
            KeyCode::Char('l') if control => return vec![Effect::Redraw],
            _ => {}
        }
        if let Some(popup) = self.opened_by(key) {
            self.popup = if self.popup.as_ref().is_some_and(|open| open.is_like(&popup)) { None } else { Some(popup) };
            return Vec::new();
        }
        match &mut self.popup {
            Some(popup) => match popup.on_key(key, &self.view) {
                Answer::Stay => Vec::new(),
                Answer::Close => {
                    self.popup = None;
                    Vec::new()
                }
                Answer::Enter(line) => {
                    self.popup = None;
                    vec![Effect::Perform { topic: self.topic.clone(), line }]
                }
                Answer::Write(begin) => {
                    self.popup = None;
                    self.input.go(Move::Start);
                    self.input.insert(&begin);
                    self.input.go(Move::End);
                    Vec::new()
                }
            },
            None => self.press_in_chat(key),
        }
    }

    /// The popup that a key opens, or closes. Terminals without the newer keyboard protocol send the same for Ctrl+I and Tab, Ctrl+M and
    /// Enter, and some for Ctrl+H and Backspace: there a Tab or Backspace with nothing to work on is taken for the other.
    fn opened_by(&self, key: KeyEvent) -> Option<Popup> {
        let idle = match &self.popup {
            Some(Popup::Invite { key, .. }) => key.is_empty(),
            Some(_) => true,
            None => self.input.is_empty(),
        };
        let help = Popup::Help { scroll: 0 };
        let members = Popup::Members { at: 0 };
        match (key.modifiers, key.code) {
            (_, KeyCode::F(1)) => Some(help),
            (_, KeyCode::F(2)) => Some(Popup::invite()),
            (_, KeyCode::F(3)) => Some(members),
            (_, KeyCode::F(4)) => Some(Popup::Identity),
            (KeyModifiers::NONE, KeyCode::Tab) if idle && self.popup.is_none() => Some(Popup::invite()),
            (KeyModifiers::CONTROL, KeyCode::Char('h')) if self.enhanced || idle => Some(help),
            (KeyModifiers::CONTROL | KeyModifiers::ALT, KeyCode::Char('i')) => Some(Popup::invite()),
            (KeyModifiers::CONTROL | KeyModifiers::ALT, KeyCode::Char('m')) => Some(members),
            (KeyModifiers::ALT, KeyCode::Char('h')) => Some(help),
            (KeyModifiers::CONTROL | KeyModifiers::ALT, KeyCode::Char('e')) => Some(Popup::Identity),
            _ => None,
        }
    }

    fn press_in_chat(&mut self, key: KeyEvent) -> Vec<Effect> {
        let completing = self.completion.take();
        let page = self.page().saturating_sub(1).max(1).cast_signed();
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let idle = self.input.is_empty();
        match key.code {
            KeyCode::Tab | KeyCode::BackTab => self.complete(completing, key.code == KeyCode::BackTab),
            KeyCode::Enter if alt => self.write("\n"),
            KeyCode::Char('j') if control => self.write("\n"),
            KeyCode::Enter => return self.enter(),
            KeyCode::Esc => self.scroll_to_end(),
            KeyCode::Up if alt => self.turn_topics(-1),
            KeyCode::Down if alt => self.turn_topics(1),
            KeyCode::Char('p') if control => self.turn_topics(-1),
            KeyCode::Char('n') if control => self.turn_topics(1),
            KeyCode::Up => {
                if let Some(line) = self.history.older(&self.input) {
                    self.input = line;
                }
            }
            KeyCode::Down => {
                if let Some(line) = self.history.newer() {
                    self.input = line;
                }
            }
            KeyCode::PageUp => self.scroll_by(page),
            KeyCode::PageDown => self.scroll_by(-page),
            KeyCode::Home if idle || control => self.scroll_by(isize::MAX),
            KeyCode::End if idle || control => self.scroll_to_end(),
            _ => {
                edit(&mut self.input, key);
            }
        }
        Vec::new()
    }

    /// The line is done.
    fn enter(&mut self) -> Vec<Effect> {
        let text = self.input.text().trim();
        if text.is_empty() {
            self.scroll_to_end();
            return Vec::new();
        }
        if text.len() > MAX_TEXT {
            let message = format!("This is {} bytes long, and a text has at most {MAX_TEXT}: shorten it, or say it in parts.", text.len());
            self.tell(Kind::Error, message);
            return Vec::new();
        }
        let line = self.input.take().trim().to_owned();
        self.history.remember(&line);
        match chat::parse(&line) {
            Ok(Some(chat::Command::Quit)) => return vec![Effect::Quit],
            Ok(Some(chat::Command::Help)) => {
                self.popup = Some(Popup::Help { scroll: 0 });
                return Vec::new();
            }
            Ok(Some(chat::Command::JoinTopic(name) | chat::Command::CreateTopic(name))) => {
                if self.open_topics().any(|topic| topic == name) {
                    self.show_topic(&name);
                } else {
                    self.awaited = Some(name);
                }
            }
            _ => {}
        }
        self.scroll_to_end();
        vec![Effect::Perform { topic: self.topic.clone(), line }]
    }

    fn complete(&mut self, completing: Option<Completion>, back: bool) {
        self.completion = completing.or_else(|| {
            let before = self.input.before();
            let whole = chat::complete(before, &self.view);
            if !whole.is_empty() {
                return Completion::of(&self.input, 0, whole);
            }
            // What else a command takes is no name.
            let is_first_word = before.split_once(' ').is_some_and(|(command, rest)| command.starts_with('/') && !rest.contains(' '));
            if is_first_word {
                return None;
            }
            let start =
                before.rfind(char::is_whitespace).map_or(0, |index| index + before[index..].chars().next().map_or(0, char::len_utf8));
            Completion::of(&self.input, start, self.names_like(&before[start..], start == 0))
        });
        if let Some(completion) = &mut self.completion {
            completion.turn(&mut self.input, back);
        }
    }

    /// What members are called whose names begin so; in front of a text as one addresses them.
    fn names_like(&self, begin: &str, first: bool) -> Vec<String> {
        let begin = begin.to_lowercase();
        let nicks = self.view.members.iter().filter_map(|member| member.nick.as_deref()).map(clean::line);
        let like = nicks.filter(|nick| !begin.is_empty() && nick.to_lowercase().starts_with(&begin));
        like.map(|nick| nick + if first { ": " } else { " " }).collect()
    }

    /// Text was pasted.
    pub fn on_paste(&mut self, text: &str) {
        match &mut self.popup {
            Some(popup) => popup.paste(text),
            None => {
                self.completion = None;
                self.write(&pasted(text));
            }
        }
        self.arrange();
    }

    fn write(&mut self, text: &str) {
        if !self.input.insert(text) {
            self.tell(Kind::Error, format!("This does not fit: a text has at most {MAX_TEXT} bytes."));
        }
    }

    /// Something was done with the mouse.
    pub fn on_mouse(&mut self, mouse: MouseEvent) {
        let wheel = match mouse.kind {
            MouseEventKind::ScrollUp => WHEEL,
            MouseEventKind::ScrollDown => -WHEEL,
            MouseEventKind::Down(MouseButton::Left) if self.popup.is_none() => return self.click(Position::new(mouse.column, mouse.row)),
            _ => return,
        };
        match &mut self.popup {
            Some(popup) => popup.scroll(-wheel.signum(), &self.view),
            None => self.scroll_by(wheel),
        }
        self.arrange();
    }

    fn click(&mut self, place: Position) {
        let topics: Vec<String> = self.open_topics().map(str::to_owned).collect();
        let at = topics.iter().position(|name| *name == self.topic).unwrap_or(0);
        let clicked = self.areas.as_ref().and_then(|areas| areas.topic_at(place, topics.len(), at));
        if let Some(name) = clicked.and_then(|index| topics.get(index)) {
            self.show_topic(name);
        }
    }
}
