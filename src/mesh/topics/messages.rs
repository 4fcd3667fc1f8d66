//! What topics are asked for, and what they tell.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use crate::kernel::Instant;
use crate::wire::topics::MAX_TOPIC_NAME;
use crate::wire::{NodeId, Payload, Rumor, TopicId};

/// Subscribe to a topic; it begins with its first subscriber. Waits until the protocol runs.
#[derive(Message, Clone, Debug)]
pub struct JoinTopic {
    /// Who.
    pub node: Entity,
    /// Its name: at most [`MAX_TOPIC_NAME`] bytes, neither blanks nor control characters.
    pub name: String,
    /// When.
    pub at: Instant,
}

/// Subscribe no more. Waits until the protocol runs.
#[derive(Message, Clone, Debug)]
pub struct LeaveTopic {
    /// Who.
    pub node: Entity,
    /// The topic's name.
    pub name: String,
    /// When.
    pub at: Instant,
}

/// Say something to all who subscribe to a topic. Only who subscribes itself may. Waits until the protocol runs.
#[derive(Message, Clone, Debug)]
pub struct PublishTo {
    /// Who.
    pub node: Entity,
    /// In which topic.
    pub topic: TopicId,
    /// What.
    pub payload: Payload,
    /// When.
    pub at: Instant,
}

/// Something was said in a topic to which the node subscribes. Each message is delivered once, until the node leaves
/// the topic: when it joins again it hears what others still keep.
#[derive(Message, Clone, Debug)]
pub struct TopicDelivered {
    /// Who heard it.
    pub node: Entity,
    /// In which topic.
    pub topic: TopicId,
    /// What.
    pub rumor: Arc<Rumor>,
    /// Hops from its origin.
    pub hops: u16,
    /// When.
    pub at: Instant,
}

/// Somebody, perhaps the node itself, subscribes or no longer does.
#[derive(Message, Clone, Copy, Debug)]
pub struct SubscriptionChanged {
    /// Who knows.
    pub node: Entity,
    /// Who it is.
    pub member: NodeId,
    /// To which topic.
    pub topic: TopicId,
    /// Whether it subscribes.
    pub subscribed: bool,
    /// When.
    pub at: Instant,
}

/// Something that was asked for is not done.
#[derive(Message, Clone, Debug)]
pub struct TopicRefused {
    /// Who asked.
    pub node: Entity,
    /// The topic's name, if it is known.
    pub name: Option<String>,
    /// Why.
    pub reason: TopicError,
    /// When.
    pub at: Instant,
}

/// Why something is not done in a topic.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TopicError {
    /// The name cannot be one.
    #[error("a topic's name has 1 to {MAX_TOPIC_NAME} bytes: letters, digits and #-_.+/:@!?&'")]
    BadName,
    /// The node subscribes to as many as it may.
    #[error("a node subscribes to at most {} topics: leave one first", super::MAX_SUBSCRIPTIONS)]
    TooMany,
    /// It does not subscribe to it.
    #[error("not subscribed to this topic: join it first")]
    NotSubscribed,
    /// To the lobby all belong.
    #[error("nobody leaves the lobby")]
    Lobby,
    /// The payload is too long for one message.
    #[error("the message is too long")]
    TooLong,
}
