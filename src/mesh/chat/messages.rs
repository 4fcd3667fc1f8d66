//! What chat is asked for, and what it tells.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use super::timeline::Text;
use crate::kernel::Instant;
use crate::wire::chat::{LogId, MAX_TEXT};
use crate::wire::{NodeId, TopicId};

/// Say something in a topic. It waits until somebody is known who may read it. Waits until the protocol runs.
#[derive(Message, Clone, Debug)]
pub struct Say {
    /// Who.
    pub node: Entity,
    /// In which topic.
    pub topic: TopicId,
    /// What: at most [`MAX_TEXT`] bytes.
    pub text: Box<[u8]>,
    /// When.
    pub at: Instant,
}

/// Say something to one member. Waits until the protocol runs.
#[derive(Message, Clone, Debug)]
pub struct SayTo {
    /// Who.
    pub node: Entity,
    /// To whom.
    pub to: NodeId,
    /// What: at most [`MAX_TEXT`] bytes.
    pub text: Box<[u8]>,
    /// When.
    pub at: Instant,
}

/// A text can be read, or was said by the node itself. Each is told once.
#[derive(Message, Clone, Debug)]
pub struct TextHeard {
    /// Who reads it.
    pub node: Entity,
    /// The text.
    pub text: Arc<Text>,
    /// When.
    pub at: Instant,
}

/// A text is not said.
#[derive(Message, Clone, Debug)]
pub struct NotSaid {
    /// Who wanted to.
    pub node: Entity,
    /// In which topic.
    pub topic: TopicId,
    /// To whom alone.
    pub to: Option<NodeId>,
    /// What.
    pub text: Box<[u8]>,
    /// Why.
    pub reason: ChatError,
    /// When.
    pub at: Instant,
}

/// A text waits until it can be said. It is kept meanwhile, also over restarts.
#[derive(Message, Clone, Debug)]
pub struct TextWaits {
    /// Who said it.
    pub node: Entity,
    /// In which topic.
    pub topic: TopicId,
    /// To whom alone.
    pub to: Option<NodeId>,
    /// What.
    pub text: Box<[u8]>,
    /// Whether the node has yet to compare its log with another's, to find out where it had stopped. Else nobody can read it yet.
    pub unsettled: bool,
    /// When.
    pub at: Instant,
}

/// More members have what was said in a log than was known before.
#[derive(Message, Clone, Copy, Debug)]
pub struct ReceiptsChanged {
    /// Who knows.
    pub node: Entity,
    /// Which log.
    pub log: LogId,
    /// When.
    pub at: Instant,
}

/// An author has signed two entries with one number: it runs twice, or lies.
#[derive(Message, Clone, Copy, Debug)]
pub struct ForkSeen {
    /// Who saw it.
    pub node: Entity,
    /// Which log.
    pub log: LogId,
    /// When.
    pub at: Instant,
}

/// Why a text is not said.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChatError {
    /// It is too long.
    #[error("a text of {0} bytes is longer than the {MAX_TEXT} allowed: split it")]
    TooLong(usize),
    /// There is nothing in it.
    #[error("there is nothing to say")]
    Empty,
    /// The node does not subscribe to the topic.
    #[error("not subscribed to this topic: join it first")]
    NotSubscribed,
    /// Nothing can be sealed to the recipient.
    #[error("{0} is not known as a member: nothing can be sealed to it")]
    UnknownRecipient(NodeId),
    /// The node was removed from the network.
    #[error("you were removed from this network: nobody would read it")]
    Revoked,
    /// It was to be said in a network by invitation, and the node is in an open one now.
    #[error("it was written for a network by invitation, and this one is open")]
    OtherNetwork,
    /// Too many texts wait for somebody to read them.
    #[error("nobody can be reached, and {0} texts wait already")]
    OutboxFull(usize),
}
