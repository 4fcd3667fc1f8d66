//! What people type: a line that is said, or a command.

use crate::crypto::NodeId;
use crate::live::settings::{self, ValueError};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say it in the current topic.
    Say(String),
    /// Say it to one member.
    Dm {
        /// Whom: a nick, a key, or the beginning of one.
        to: String,
        /// What.
        text: String,
    },
    /// Make somebody a member.
    Invite(NodeId),
    /// Remove a member for good.
    Revoke(String),
    /// Who is there.
    Members,
    /// Subscribe to a topic that may be new.
    CreateTopic(String),
    /// Subscribe to a topic.
    JoinTopic(String),
    /// Subscribe to it no more.
    LeaveTopic(String),
    /// Which topics there are.
    Topics,
    /// Say it in a topic.
    Send {
        /// In which.
        topic: String,
        /// What.
        text: String,
    },
    /// What was said.
    History {
        /// In which topic; the current one if it is not named.
        topic: Option<String>,
        /// How many texts.
        last: usize,
    },
    /// Who the node itself is.
    Me,
    /// Change what others call it.
    Nick(String),
    /// What can be typed.
    Help,
    /// End the node.
    Quit,
}

/// Texts that are shown if it is not said how many.
const LAST: usize = 50;
/// What others are called stands at the beginning of so many hex digits of their key, or of more.
pub(super) const SHORTEST_PREFIX: usize = 8;

/// Every command: its name, what follows it, and what it does.
pub const HELP: &[(&str, &str, &str)] = &[
    ("/dm", "NICK TEXT", "say something to one member only; a key, or its first 8 digits or more, do as well"),
    ("/invite", "KEY", "make the owner of this key, 64 hex digits, a member"),
    ("/revoke", "KEY", "remove a member for good; a nick will do"),
    ("/members", "", "who is there"),
    ("/create-topic", "NAME", "begin a topic, and subscribe to it"),
    ("/join-topic", "NAME", "subscribe to a topic"),
    ("/leave-topic", "NAME", "subscribe to it no more"),
    ("/topics", "", "which topics there are"),
    ("/send", "TOPIC \"TEXT\"", "say something in a topic; the quotes may be left out"),
    ("/history", "[TOPIC] [N]", "the last N texts, 50 if not said"),
    ("/me", "", "who you are"),
    ("/nick", "NAME", "change what others call you"),
    ("/help", "", "this list"),
    ("/quit", "", "say goodbye and end"),
];

/// A line that asks for nothing that can be done.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// There is no such command.
    #[error("Unknown command or invalid arguments")]
    Unknown,
    /// Something else must follow the command.
    #[error("Unknown command or invalid arguments: {0} {1}")]
    Usage(&'static str, &'static str),
    /// It is no key.
    #[error("a key has 64 hex digits, and this has {0} characters")]
    KeyLength(usize),
    /// It is no key either.
    #[error("a key has 64 hex digits, and this has other characters")]
    KeyDigits,
    /// It looks like a key, and nobody can have it.
    #[error("no node can have this key: it is not one that `mesh-live id` shows; copy it again")]
    NotAKey,
    /// Quotes are opened and not closed, or something follows them.
    #[error("the quotes do not enclose the text: write /send TOPIC \"TEXT\", and \\\" for a quote in it")]
    Quotes,
    /// It is no nick.
    #[error(transparent)]
    Nick(#[from] ValueError),
}

impl ParseError {
    /// The lines that say what can be typed.
    pub fn usage(&self) -> Vec<String> {
        match self {
            Self::Unknown => HELP.iter().map(|(name, arguments, what)| usage(name, arguments, what)).collect(),
            _ => Vec::new(),
        }
    }
}

pub(super) fn usage(name: &str, arguments: &str, what: &str) -> String {
    format!("  {:28} {what}", format!("{name} {arguments}"))
}

/// What `line` asks for; `None` if it is blank.
///
/// ```
/// use murmuration::live::chat::{Command, parse};
///
/// assert_eq!(parse("hello there")?, Some(Command::Say("hello there".into())));
/// let send = Command::Send { topic: "news".into(), text: "it is \"on\"".into() };
/// assert_eq!(parse(r#"/send news "it is \"on\"""#)?, Some(send));
/// assert_eq!(parse("  ")?, None);
/// assert_eq!(parse("/dance").unwrap_err().to_string(), "Unknown command or invalid arguments");
/// # Ok::<(), murmuration::live::chat::ParseError>(())
/// ```
///
/// # Errors
/// There is no such command, or what follows it does not do.
pub fn parse(line: &str) -> Result<Option<Command>, ParseError> {
    let text = line.trim_end();
    let line = text.trim_start();
    if line.is_empty() {
        return Ok(None);
    }
    if !line.starts_with('/') {
        // With the blanks before it: it may be indented.
        return Ok(Some(Command::Say(text.to_owned())));
    }
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let (name, arguments, _) = *HELP.iter().find(|(known, ..)| *known == name).ok_or(ParseError::Unknown)?;
    let wrong = ParseError::Usage(name, arguments);
    let nothing = || if rest.is_empty() { Ok(()) } else { Err(wrong.clone()) };
    let one = || if rest.is_empty() || rest.contains(char::is_whitespace) { Err(wrong.clone()) } else { Ok(rest.to_owned()) };
    Ok(Some(match name {
        "/dm" => {
            let (to, text) = first_word(rest)?.filter(|(_, text)| !text.is_empty()).ok_or(wrong)?;
            Command::Dm { to, text: text.to_owned() }
        }
        "/invite" => Command::Invite(key(&one()?)?),
        "/revoke" => match first_word(rest)? {
            Some((who, "")) => Command::Revoke(who),
            _ => return Err(wrong),
        },
        "/members" => nothing().map(|()| Command::Members)?,
        "/create-topic" => Command::CreateTopic(one()?),
        "/join-topic" => Command::JoinTopic(one()?),
        "/leave-topic" => Command::LeaveTopic(one()?),
        "/topics" => nothing().map(|()| Command::Topics)?,
        "/send" => {
            let (topic, text) = first_word(rest)?.filter(|(_, text)| !text.is_empty()).ok_or(wrong)?;
            Command::Send { topic, text: unquoted(text)? }
        }
        "/history" => history(rest).ok_or(wrong)?,
        "/me" => nothing().map(|()| Command::Me)?,
        "/nick" => Command::Nick(settings::nick(rest)?),
        "/quit" => nothing().map(|()| Command::Quit)?,
        _ => nothing().map(|()| Command::Help)?,
    }))
}

/// A key of 64 hex digits.
///
/// # Errors
/// It is none.
pub(super) fn key(text: &str) -> Result<NodeId, ParseError> {
    let length = text.chars().count();
    if length != 64 {
        return Err(ParseError::KeyLength(length));
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseError::KeyDigits)?;
    let id = NodeId(bytes);
    if id.is_key() { Ok(id) } else { Err(ParseError::NotAKey) }
}

fn history(rest: &str) -> Option<Command> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let count = |word: &str| word.parse().ok().filter(|count| *count > 0);
    // Whoever writes a number means one, though a topic may be called so.
    let is_number = |word: &str| word.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit());
    let (topic, last) = match words[..] {
        [] => (None, LAST),
        [one] if is_number(one) => (None, count(one)?),
        [topic] => (Some(topic), LAST),
        [topic, last] => (Some(topic), count(last)?),
        _ => return None,
    };
    Some(Command::History { topic: topic.map(str::to_owned), last })
}

/// The first word, which may stand in quotes, and what follows it.
fn first_word(text: &str) -> Result<Option<(String, &str)>, ParseError> {
    if text.starts_with('"') {
        let (word, rest) = quoted(text)?;
        return Ok(Some((word, rest.trim_start())));
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Ok((!word.is_empty()).then(|| (word.to_owned(), rest.trim_start())))
}

/// A text without the quotes around it, if there are any.
fn unquoted(text: &str) -> Result<String, ParseError> {
    if !text.starts_with('"') {
        return Ok(text.to_owned());
    }
    match quoted(text)? {
        (text, "") => Ok(text),
        _ => Err(ParseError::Quotes),
    }
}

/// What stands in the quotes with which `text` begins, and what follows them. A backslash takes the meaning of what follows it.
fn quoted(text: &str) -> Result<(String, &str), ParseError> {
    let mut inside = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Ok((inside, text[place + 1..].trim_end())),
            '\\' => inside.push(characters.next().ok_or(ParseError::Quotes)?.1),
            other => inside.push(other),
        }
    }
    Err(ParseError::Quotes)
}
