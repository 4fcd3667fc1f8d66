//! Commands are carried out, and answered in lines.

use serde_json::{Value, json};

use super::command::{Command, HELP, ParseError, SHORTEST_PREFIX, key, parse, usage};
use super::{MemberView, Presence, TextView, View};
use crate::crypto::NodeId;
use crate::live::{MeshNode, NodeStopped, SendError};
use crate::mesh::topics::{LOBBY, MAX_SUBSCRIPTIONS, TopicError, is_name};

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Something that was said in a topic.
    Text,
    /// Something that was said to one member.
    Direct,
    /// A member.
    Member,
    /// A topic.
    Topic,
    /// The node itself.
    Me,
    /// What can be typed.
    Help,
    /// Something was done, or has happened.
    Info,
    /// Something was not done.
    Error,
}

impl LineKind {
    /// Its name for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Direct => "direct",
            Self::Member => "member",
            Self::Topic => "topic",
            Self::Me => "me",
            Self::Help => "help",
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

/// An answer, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is about.
    pub kind: LineKind,
    /// It, for people.
    pub text: String,
    /// The same for machines: the fields of an object, or null if there is no more to say.
    pub fields: Value,
}

impl Line {
    /// A line that says no more than its text.
    pub fn new(kind: LineKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), fields: Value::Null }
    }

    fn info(text: impl Into<String>) -> Self {
        Self::new(LineKind::Info, text)
    }

    fn error(text: impl ToString) -> Self {
        Self::new(LineKind::Error, text.to_string())
    }

    /// One object: `kind`, and its fields or else `text`.
    pub fn json(&self) -> Value {
        let mut object = json!({ "kind": self.kind.name() });
        match &self.fields {
            // What has happened has a kind of its own.
            Value::Object(fields) => fields.iter().for_each(|(name, value)| object[name] = value.clone()),
            _ => object["text"] = json!(self.text),
        }
        object
    }
}

/// Somebody who types at a node.
#[derive(Clone)]
pub struct Console {
    /// The node.
    pub node: MeshNode,
    /// The topic in which is said what is no command.
    pub topic: String,
}

impl Console {
    /// At `node`, in the lobby.
    pub fn new(node: MeshNode) -> Self {
        Self { node, topic: LOBBY.to_owned() }
    }

    /// Does what `line` asks for. [`Command::Quit`] is for whoever runs the console: see [`parse`].
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn enter(&self, line: &str) -> Result<Vec<Line>, NodeStopped> {
        match parse(line) {
            Ok(Some(command)) => self.perform(command).await,
            Ok(None) => Ok(Vec::new()),
            Err(error) => Ok(complaint(&error)),
        }
    }

    /// Carries a command out. What the node finds out only later it tells as an event.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn perform(&self, command: Command) -> Result<Vec<Line>, NodeStopped> {
        let node = &self.node;
        Ok(match command {
            Command::Say(text) => self.say(&self.topic, text).await?,
            Command::Send { topic, text } => self.say(&topic, text).await?,
            Command::Dm { to, text } => match find(&node.view().await?, &to) {
                Ok(id) if id == node.id() => vec![Line::error("this is you")],
                Ok(id) => unsaid(node.send_direct_chat(id, text.into_bytes()))?,
                Err(line) => vec![Line::error(line)],
            },
            Command::Invite(key) => unsaid(node.invite(key))?,
            Command::Revoke(who) => match find(&node.view().await?, &who) {
                Ok(id) => unsaid(node.revoke(id))?,
                Err(line) => vec![Line::error(line)],
            },
            Command::Members => members(&node.view().await?),
            Command::CreateTopic(name) | Command::JoinTopic(name) => self.join(&name).await?,
            Command::LeaveTopic(name) => self.leave(&name).await?,
            Command::Topics => topics(&node.view().await?),
            Command::History { topic, last } => self.history(topic.unwrap_or_else(|| self.topic.clone()), last).await?,
            Command::Me => vec![me(&node.view().await?)],
            Command::Nick(nick) => done(node.set_nick(&nick), || format!("You are now: {nick}"))?,
            Command::Help => HELP.iter().map(|(name, arguments, what)| Line::new(LineKind::Help, usage(name, arguments, what))).collect(),
            Command::Quit => Vec::new(),
        })
    }

    async fn say(&self, topic: &str, text: String) -> Result<Vec<Line>, NodeStopped> {
        let view = self.node.view().await?;
        if !is_subscribed(&view, topic) {
            return Ok(vec![Line::error(format!("Not subscribed to topic: {topic}"))]);
        }
        let mut lines = unsaid(self.node.send_to_topic(topic, text.into_bytes()))?;
        if lines.is_empty() && view.members.is_empty() {
            lines.push(Line::info("nobody is here yet who could read this: it is kept, and said when somebody is"));
        }
        Ok(lines)
    }

    async fn history(&self, topic: String, last: usize) -> Result<Vec<Line>, NodeStopped> {
        let view = self.node.view().await?;
        let texts = self.node.texts(Some(topic.clone()), last).await?;
        if !texts.is_empty() {
            return Ok(texts.iter().map(|text| text_line(text, &view)).collect());
        }
        let is_known = view.topics.iter().any(|known| known.name == topic);
        Ok(vec![if is_known {
            Line::info(format!("nothing that you can read was said in {topic} yet"))
        } else {
            Line::error(format!("there is no topic {topic}: write /history [TOPIC] [N], /topics lists the topics"))
        }])
    }

    async fn join(&self, name: &str) -> Result<Vec<Line>, NodeStopped> {
        let view = self.node.view().await?;
        let full = view.topics.iter().filter(|topic| topic.subscribed).count() > MAX_SUBSCRIPTIONS;
        if !is_name(name) {
            Ok(vec![Line::error(TopicError::BadName)])
        } else if full && !is_subscribed(&view, name) {
            Ok(vec![Line::error(TopicError::TooMany)])
        } else {
            done(self.node.join_topic(name), || format!("Subscribed to topic: {name}"))
        }
    }

    async fn leave(&self, name: &str) -> Result<Vec<Line>, NodeStopped> {
        let view = self.node.view().await?;
        if name == LOBBY {
            Ok(vec![Line::error(TopicError::Lobby)])
        } else if !is_subscribed(&view, name) {
            Ok(vec![Line::error(format!("Not subscribed to topic: {name}"))])
        } else {
            done(self.node.leave_topic(name), || format!("Left topic: {name}"))
        }
    }
}

/// Why a line asks for nothing that can be done.
fn complaint(error: &ParseError) -> Vec<Line> {
    let usage = error.usage().into_iter().map(|line| Line::new(LineKind::Help, line));
    std::iter::once(Line::error(error)).chain(usage).collect()
}

/// Why it is not done, or that it is.
fn done(asked: Result<(), SendError>, what: impl FnOnce() -> String) -> Result<Vec<Line>, NodeStopped> {
    let mut lines = unsaid(asked)?;
    if lines.is_empty() {
        lines.push(Line::info(what()));
    }
    Ok(lines)
}

fn unsaid(sent: Result<(), SendError>) -> Result<Vec<Line>, NodeStopped> {
    match sent {
        Ok(()) => Ok(Vec::new()),
        Err(SendError::Stopped(stopped)) => Err(stopped),
        Err(error) => Ok(vec![Line::error(error)]),
    }
}

fn is_subscribed(view: &View, topic: &str) -> bool {
    view.topics.iter().any(|known| known.name == topic && known.subscribed)
}

/// The one that is called `who`: by its key, by its nick, or by the beginning of its key.
///
/// # Errors
/// Nobody is, or several are: a line that says so.
pub(super) fn find(view: &View, who: &str) -> Result<NodeId, String> {
    match key(who) {
        Ok(id) => return Ok(id),
        Err(error @ ParseError::NotAKey) => return Err(error.to_string()),
        // It may be a nick.
        Err(_) => {}
    }
    let digits = who.to_ascii_lowercase();
    let is_prefix = digits.len() >= SHORTEST_PREFIX && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A nick that looks like the beginning of another's key must not get what is meant for that one.
    let is_called =
        |member: &&MemberView| member.nick.as_deref() == Some(who) || is_prefix && format!("{:?}", member.id).starts_with(&digits);
    let called: Vec<NodeId> = view.members.iter().filter(is_called).map(|member| member.id).collect();
    match called[..] {
        [one] => Ok(one),
        [] if view.nick.as_deref() == Some(who) => Ok(view.id),
        [] if is_prefix => Err(format!("no member has a key that begins with {who}; a whole key has 64 hex digits")),
        [] => Err(format!("nobody here is called {who}; a key has 64 hex digits")),
        _ => {
            let keys: Vec<String> = called.iter().map(|id| format!("{id:?}")).collect();
            Err(format!("{} members are called {who}, name one by its key: {}", keys.len(), keys.join(", ")))
        }
    }
}

/// What was said, as the owner of the node sees it that `view` shows.
pub(super) fn text_line(text: &TextView, view: &View) -> Line {
    let name = |id: &NodeId, nick: Option<&String>| nick.cloned().unwrap_or_else(|| id.to_string());
    let author = name(&text.author, text.nick.as_ref());
    let me = &view.id;
    let shown = text.text.replace('\n', "\\n");
    let (kind, front) = match text.to {
        Some(to) if to == *me => (LineKind::Direct, format!("[{author} -> you]")),
        Some(to) => {
            let nick = view.members.iter().find(|member| member.id == to).and_then(|member| member.nick.as_ref());
            (LineKind::Direct, format!("[{author} -> {}]", name(&to, nick)))
        }
        None if text.topic == LOBBY => (LineKind::Text, format!("[{author}]")),
        None => (LineKind::Text, format!("#{} [{author}]", text.topic)),
    };
    let fields = json!({
        "topic": text.topic,
        "author": format!("{:?}", text.author),
        "nick": text.nick,
        "to": text.to.map(|to| format!("{to:?}")),
        "own": text.author == *me,
        "time": text.time,
        "text": text.text,
        "id": entry_name(&text.id),
        "delivered": text.delivered,
        "readers": text.readers,
    });
    Line { kind, text: format!("{front} {shown}"), fields }
}

/// An entry's name in one word.
pub(super) fn entry_name(id: &crate::wire::chat::EntryId) -> String {
    format!("{}-{}-{}-{}", hex::encode(id.log.topic.0), hex::encode(id.log.author.0), id.log.life, id.sequence)
}

fn members(view: &View) -> Vec<Line> {
    let me = view.nick.clone().unwrap_or_else(|| view.id.to_string());
    let own = json!({ "id": format!("{:?}", view.id), "nick": view.nick, "presence": "online", "own": true });
    let first = Line { kind: LineKind::Member, text: format!("{me} [{}] you", view.id), fields: own };
    std::iter::once(first).chain(view.members.iter().map(member)).collect()
}

fn member(member: &MemberView) -> Line {
    let presence = match member.presence {
        Presence::Online => "online",
        Presence::Suspected => "silent",
        Presence::Away => "away",
    };
    let mut text = format!("{} [{}] {presence}", member.nick.clone().unwrap_or_else(|| member.id.to_string()), member.id);
    if let Some(round_trip) = member.round_trip {
        text.push_str(&format!(", {:.1} ms", round_trip.as_secs_f64() * 1e3));
    }
    if let Some(hops) = member.hops.filter(|hops| *hops > 1) {
        text.push_str(&format!(", {hops} links away"));
    }
    let fields = json!({
        "id": format!("{:?}", member.id),
        "nick": member.nick,
        "presence": presence,
        "round_trip_ms": member.round_trip.map(|trip| trip.as_secs_f64() * 1e3),
        "hops": member.hops,
        "sponsor": member.sponsor.map(|id| format!("{id:?}")),
        "own": false,
    });
    Line { kind: LineKind::Member, text, fields }
}

fn topics(view: &View) -> Vec<Line> {
    let line = |topic: &super::TopicView| {
        let subscribed = if topic.subscribed { "subscribed" } else { "not subscribed" };
        let fields = json!({ "name": topic.name, "subscribed": topic.subscribed, "others": topic.others });
        Line {
            kind: LineKind::Topic,
            text: format!("#{} {subscribed}, {} other{}", topic.name, topic.others, if topic.others == 1 { "" } else { "s" }),
            fields,
        }
    };
    view.topics.iter().map(line).collect()
}

fn me(view: &View) -> Line {
    let nick = view.nick.clone().unwrap_or_else(|| view.id.to_string());
    let fields = json!({
        "id": format!("{:?}", view.id),
        "nick": view.nick,
        "listening": view.listens.to_string(),
        "network": view.network,
        "status": view.status.to_string(),
    });
    let text = format!("You are: {nick} [{}], key {:?}, listening on {}, {}", view.id, view.id, view.listens, view.status);
    Line { kind: LineKind::Me, text, fields }
}
