//! Commands are carried out, and answered in lines.

use super::command::{Command, HELP, ParseError, SHORTEST_PREFIX, key, parse, usage};
use super::lines::{Line, LineKind, me, members, past_line, topics};
use super::{MemberView, Names, View};
use crate::crypto::NodeId;
use crate::live::{MeshNode, NodeStopped, SendError, since_1970};
use crate::mesh::topics::{LOBBY, MAX_SUBSCRIPTIONS, TopicError, is_name};

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
        unsaid(self.node.send_to_topic(topic, text.into_bytes()))
    }

    async fn history(&self, topic: String, last: usize) -> Result<Vec<Line>, NodeStopped> {
        let view = self.node.view().await?;
        let texts = self.node.texts(Some(topic.clone()), last).await?;
        if !texts.is_empty() {
            let names = Names::of_view(&view);
            let now = u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX);
            return Ok(texts.iter().map(|text| past_line(text, &names, now)).collect());
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
