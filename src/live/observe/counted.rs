//! What protocols count themselves: what goes on in topics, and what is refused.

use serde::Serialize;

use crate::mesh::admission::Admission;
use crate::mesh::chat::Chat;
use crate::mesh::topics::{TopicCounts, Topics};
use crate::wire::TopicId;

/// A topic at a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopicStats {
    /// Its name; its number in hex if nobody is known any more who says the name.
    pub name: String,
    /// Whether the node subscribes; else it only passes on.
    pub subscribed: bool,
    /// Messages that it has said.
    pub published: u64,
    /// Messages of others, each counted once.
    pub delivered: u64,
    /// Messages that came again.
    pub redundant: u64,
}

/// The topics that a node takes part in.
pub(super) fn topics_of(topics: &Topics) -> Vec<TopicStats> {
    let one = |(id, name, counts): (&TopicId, Option<&str>, TopicCounts)| TopicStats {
        name: name.map_or_else(|| hex::encode(id.0), str::to_owned),
        subscribed: topics.is_subscribed(id),
        published: counts.published,
        delivered: counts.delivered,
        redundant: counts.redundant,
    };
    topics.taken_part().map(one).collect()
}

/// What chat and admission of a node have refused.
pub(super) fn refused((chat, admission): (Option<&Chat>, Option<&Admission>)) -> Vec<(&'static str, u64)> {
    let chat = chat.into_iter().flat_map(|chat| chat.counts().refusals());
    chat.chain(admission.into_iter().flat_map(|admission| admission.refused().refusals())).collect()
}
