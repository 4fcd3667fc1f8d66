//! What of a record is about chat.

use serde::{Deserialize, Serialize};

/// A text that somebody has said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextRow {
    /// When.
    pub said: f64,
    /// Who.
    pub author: u32,
    /// In which topic; empty for a text to one member.
    pub topic: String,
    /// To whom alone.
    pub to: Option<u32>,
    /// What the scenario calls it; empty if it does not.
    pub name: String,
    /// Those for whom it was encrypted who should have it: they run and are members at the end, and subscribe to its topic.
    pub expected: u32,
    /// How many of these can read it.
    pub delivered: u32,
    /// Whoever read it first, its author aside.
    pub first_reader: Option<u32>,
    /// Whoever read it last.
    pub last_reader: Option<u32>,
    /// How many have read it.
    pub readers: u32,
    /// Longest time from its saying to a reading by somebody who ran all the while, in milliseconds.
    pub latency_max_ms: f64,
    /// Whether a recorder can read it.
    pub recorder: bool,
    /// Whether somebody who was revoked can read it who did not say it.
    pub revoked: bool,
}

/// Somebody reads a text for the first time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReadingRow {
    /// The how-manieth text of the record, from 0.
    pub text: u32,
    /// Who reads it.
    pub reader: u32,
    /// When.
    pub seconds: f64,
}

/// How a node stands at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// Which node.
    pub node: u32,
    /// Whether it runs and is a member, by all that has been signed about it.
    pub member: bool,
    /// How many running members list it as a member.
    pub listed_by: u32,
    /// Texts of its own that nobody could be encrypted for yet.
    pub waiting: u32,
    /// Texts of others that it may read and cannot.
    pub locked: u32,
}

/// What a running member has of a topic at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsRow {
    /// Which node.
    pub node: u32,
    /// Which topic.
    pub topic: String,
    /// Entries of all logs.
    pub entries: u64,
    /// A hash of all of them.
    pub digest: String,
}
