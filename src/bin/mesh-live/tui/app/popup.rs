//! What stands over the chat: to invite somebody, the members, who one is, help.

use murmuration::crypto::NodeId;
use murmuration::live::chat::{self, Command, View};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::tui::editing::{edit, pasted_word};
use crate::tui::input::Input;

/// Entries that a page key passes.
const PAGE: usize = 8;

/// The one that is open.
#[derive(Clone, Debug, PartialEq)]
pub enum Popup {
    /// Asks for a key.
    Invite {
        key: Input,
        /// What was wrong with it.
        said: Option<String>,
    },
    /// The members, one of which is chosen.
    Members { at: usize },
    /// Who the node is.
    Identity,
    /// What keys and commands do.
    Help { scroll: usize },
}

/// What a key does to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Stay,
    Close,
    /// It is done: this line is entered.
    Enter(String),
    /// It is done: this is to be written on.
    Write(String),
}

impl Popup {
    pub fn invite() -> Self {
        Self::Invite { key: Input::default(), said: None }
    }

    /// Whether both are the same but for what was done in them.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    pub fn on_key(&mut self, key: KeyEvent, view: &View) -> Answer {
        if key.code == KeyCode::Esc {
            return Answer::Close;
        }
        match self {
            Self::Invite { key: written, said } => {
                if key.code == KeyCode::Enter {
                    return match invitation(written.text(), view) {
                        Ok(line) => Answer::Enter(line),
                        Err(wrong) => {
                            *said = Some(wrong);
                            Answer::Stay
                        }
                    };
                }
                if edit(written, key) {
                    *said = None;
                }
                Answer::Stay
            }
            Self::Members { at } => {
                let last = view.members.len().saturating_sub(1);
                *at = turned(*at, key.code).min(last);
                match (key.code, view.members.get(*at)) {
                    (KeyCode::Enter, Some(member)) => Answer::Write(format!("/dm {} ", address(&member.id, view))),
                    (KeyCode::Enter | KeyCode::Char('q'), _) => Answer::Close,
                    _ => Answer::Stay,
                }
            }
            Self::Identity => closing(key),
            Self::Help { scroll } => {
                *scroll = turned(*scroll, key.code).min(usize::from(u16::MAX));
                closing(key)
            }
        }
    }

    /// Moves by so many entries.
    pub fn scroll(&mut self, by: isize, view: &View) {
        match self {
            Self::Members { at } => *at = at.saturating_add_signed(by).min(view.members.len().saturating_sub(1)),
            Self::Help { scroll } => *scroll = scroll.saturating_add_signed(by),
            Self::Invite { .. } | Self::Identity => {}
        }
    }

    pub fn paste(&mut self, text: &str) {
        if let Self::Invite { key, said } = self {
            *said = (!key.insert(&pasted_word(text))).then(|| "that is much longer than a key".to_owned());
        }
    }
}

/// The place in a list to which a key leads.
fn turned(at: usize, key: KeyCode) -> usize {
    match key {
        KeyCode::Up => at.saturating_sub(1),
        KeyCode::Down => at.saturating_add(1),
        KeyCode::PageUp => at.saturating_sub(PAGE),
        KeyCode::PageDown => at.saturating_add(PAGE),
        KeyCode::Home => 0,
        KeyCode::End => usize::from(u16::MAX),
        _ => at,
    }
}

/// What was only looked at is closed by whatever means "enough".
fn closing(key: KeyEvent) -> Answer {
    let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        KeyCode::Enter | KeyCode::Backspace => Answer::Close,
        KeyCode::Char('q' | ' ') if plain => Answer::Close,
        _ => Answer::Stay,
    }
}

/// The command that invites the owner of this key.
fn invitation(text: &str, view: &View) -> Result<String, String> {
    // It may have been copied in groups.
    let line = format!("/invite {}", pasted_word(text));
    match chat::parse(&line) {
        _ if text.trim().is_empty() => Err("paste the key of the one you invite: 64 hex digits".to_owned()),
        Ok(Some(Command::Invite(id))) if id == view.id => Err("this is your own key: paste that of the one you invite".to_owned()),
        Ok(_) => Ok(line),
        Err(error) => Err(error.to_string()),
    }
}

/// What to call this member in a command.
fn address(id: &NodeId, view: &View) -> String {
    let nick = view.members.iter().find(|member| member.id == *id).and_then(|member| member.nick.as_deref());
    let bearers = view.members.iter().filter(|member| member.nick.as_deref() == nick).count();
    match nick {
        Some(nick) if bearers == 1 && !nick.contains(|c: char| c.is_whitespace() || c == '"') => nick.to_owned(),
        _ => format!("{id:?}"),
    }
}
