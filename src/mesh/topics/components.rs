//! What a node knows of topics.

use std::collections::{BTreeMap, BTreeSet};

use bevy_ecs::prelude::*;

use super::LOBBY;
use crate::kernel::Instant;
use crate::mesh::plumtree::Plumtree;
use crate::wire::{NodeId, TopicId};

/// The topics that a node takes part in, and who else subscribes to what.
#[derive(Component, Default, Debug)]
pub struct Topics {
    /// One for each topic that the node subscribes to or relays.
    pub(super) trees: BTreeMap<TopicId, TopicTree>,
    /// The names of those that anybody is known to subscribe to.
    pub(super) names: BTreeMap<TopicId, Box<str>>,
    /// Who else subscribes.
    pub(super) subscribers: BTreeMap<TopicId, BTreeSet<NodeId>>,
    /// The version of the published links for which the trees were shaped.
    pub(super) shaped_for: u64,
    /// Whether they shall be shaped again, and a timer is set for it.
    pub(super) shaping: bool,
}

/// What a node does in one topic.
#[derive(Debug)]
pub(super) struct TopicTree {
    pub tree: Plumtree,
    /// Whether the node subscribes; otherwise it relays.
    pub subscribed: bool,
    /// For when the earliest timer is set.
    pub armed: Instant,
    pub counts: TopicCounts,
}

impl TopicTree {
    pub fn new(subscribed: bool) -> Self {
        Self { tree: Plumtree::default(), subscribed, armed: Instant::NEVER, counts: TopicCounts::default() }
    }
}

/// How much a node has done in one topic, since it takes part in it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct TopicCounts {
    /// Messages that it has said.
    pub published: u64,
    /// Messages of others that it was the first time that they came.
    pub delivered: u64,
    /// Messages that came again.
    pub redundant: u64,
}

impl Topics {
    /// The names of the topics to which the node subscribes, the lobby among them.
    pub fn subscriptions(&self) -> impl Iterator<Item = &str> {
        self.trees.iter().filter(|(_, tree)| tree.subscribed).filter_map(|(id, _)| self.name(id))
    }

    /// The name of a topic that somebody subscribes to.
    pub fn name(&self, id: &TopicId) -> Option<&str> {
        if *id == TopicId::of(LOBBY) { Some(LOBBY) } else { self.names.get(id).map(|name| &**name) }
    }

    /// All topics that anybody is known to subscribe to, with the number of others who do. Of the lobby it is not counted.
    pub fn list(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().map(|(id, name)| (&**name, self.subscribers.get(id).map_or(0, BTreeSet::len)))
    }

    /// Whether the node subscribes.
    pub fn is_subscribed(&self, id: &TopicId) -> bool {
        self.trees.get(id).is_some_and(|tree| tree.subscribed)
    }

    /// Whether the node passes on what it does not read.
    pub fn is_relay(&self, id: &TopicId) -> bool {
        self.trees.get(id).is_some_and(|tree| !tree.subscribed)
    }

    /// The others who subscribe. Of the lobby: nobody is listed, for all belong to it.
    pub fn subscribers(&self, id: &TopicId) -> impl Iterator<Item = &NodeId> {
        self.subscribers.get(id).into_iter().flatten()
    }

    /// The topics that the node takes part in, as a subscriber or to pass on: the name, if it is known still, and what it has done there.
    pub fn taken_part(&self) -> impl Iterator<Item = (&TopicId, Option<&str>, TopicCounts)> {
        self.trees.iter().map(|(id, tree)| (id, self.name(id), tree.counts))
    }

    /// What the node has done in a topic that it takes part in.
    pub fn counts(&self, id: &TopicId) -> Option<TopicCounts> {
        self.trees.get(id).map(|tree| tree.counts)
    }
}
