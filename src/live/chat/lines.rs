//! Lines: what people read, and machines.

use serde_json::{Value, json};

use super::moment::moment;
use super::names::with_key;
use super::{MemberView, Names, Presence, TextView, TopicView, View};
use crate::crypto::NodeId;
use crate::mesh::topics::{LOBBY, TopicCounts};

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

    pub(super) fn info(text: impl Into<String>) -> Self {
        Self::new(LineKind::Info, text)
    }

    pub(super) fn error(text: impl ToString) -> Self {
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

/// What was said, as the owner of the node sees it whose `names` these are.
pub(super) fn text_line(text: &TextView, names: &Names) -> Line {
    let author = names.of(&text.author, text.nick.as_deref());
    let shown = text.text.replace('\n', "\\n");
    let (kind, front) = match text.to {
        Some(to) if to == names.me => (LineKind::Direct, format!("[{author} -> you]")),
        Some(to) => (LineKind::Direct, format!("[{author} -> {}]", names.of(&to, None))),
        None if text.topic == LOBBY => (LineKind::Text, format!("[{author}]")),
        None => (LineKind::Text, format!("#{} [{author}]", text.topic)),
    };
    let fields = json!({
        "topic": text.topic,
        "author": format!("{:?}", text.author),
        "nick": text.nick,
        "to": text.to.map(|to| format!("{to:?}")),
        "own": text.author == names.me,
        "time": text.time,
        "text": text.text,
        "id": entry_name(&text.id),
        "delivered": text.delivered,
        "readers": text.readers,
    });
    Line { kind, text: format!("{front} {shown}"), fields }
}

/// A text of the past: when it was said, and how many of its readers have it, before what it is when it is said. `now` is in milliseconds
/// since 1970.
pub(super) fn past_line(text: &TextView, names: &Names, now: u64) -> Line {
    let mut line = text_line(text, names);
    line.text = format!("{} {}/{} {}", moment(text.time, now), text.delivered, text.readers, line.text);
    line
}

/// An entry's name in one word.
pub(super) fn entry_name(id: &crate::wire::chat::EntryId) -> String {
    format!("{}-{}-{}-{}", hex::encode(id.log.topic.0), hex::encode(id.log.author.0), id.log.life, id.sequence)
}

pub(super) fn members(view: &View) -> Vec<Line> {
    let own = json!({ "id": format!("{:?}", view.id), "nick": view.nick, "presence": "online", "own": true });
    let first = Line { kind: LineKind::Member, text: format!("{} you", listed(&view.id, view.nick.as_deref())), fields: own };
    std::iter::once(first).chain(view.members.iter().map(member)).collect()
}

/// In a list all have both, a name and the beginning of their key.
fn listed(id: &NodeId, nick: Option<&str>) -> String {
    if nick.is_some() { with_key(id, nick) } else { format!("{id} [{id}]") }
}

fn member(member: &MemberView) -> Line {
    let presence = match member.presence {
        Presence::Online => "online",
        Presence::Suspected => "silent",
        Presence::Away => "away",
    };
    let mut text = format!("{} {presence}", listed(&member.id, member.nick.as_deref()));
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

pub(super) fn topics(view: &View) -> Vec<Line> {
    let line = |topic: &TopicView| {
        let part = match (topic.subscribed, topic.relay) {
            (true, _) => "subscribed",
            (false, true) => "not subscribed, passed on",
            (false, false) => "not subscribed",
        };
        let TopicCounts { published, delivered, redundant } = topic.counts;
        let fields = json!({
            "name": topic.name,
            "subscribed": topic.subscribed,
            "others": topic.others,
            "relay": topic.relay,
            "published": published,
            "delivered": delivered,
            "redundant": redundant,
        });
        let others = if topic.others == 1 { "other" } else { "others" };
        let mut text = format!("#{} {part}, {} {others}", topic.name, topic.others);
        if topic.subscribed || topic.relay {
            text.push_str(&format!(", {published} sent, {delivered} received"));
        }
        Line { kind: LineKind::Topic, text, fields }
    };
    view.topics.iter().map(line).collect()
}

pub(super) fn me(view: &View) -> Line {
    let fields = json!({
        "id": format!("{:?}", view.id),
        "nick": view.nick,
        "listening": view.listens.to_string(),
        "network": view.network,
        "status": view.status.to_string(),
    });
    let name = listed(&view.id, view.nick.as_deref());
    let text = format!("You are: {name}, key {:?}, listening on {}, {}", view.id, view.listens, view.status);
    Line { kind: LineKind::Me, text, fields }
}
