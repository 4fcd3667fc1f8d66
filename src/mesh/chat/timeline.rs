//! What can be read, in the order in which it is shown: a text stands after all that its author had read when saying it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::crypto::Opening;
use crate::wire::chat::{EntryId, LogEntry};
use crate::wire::{NodeId, TopicId};

/// A text that the node can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The entry that says it.
    pub id: EntryId,
    /// Its place in the order of the topic.
    pub clock: u64,
    /// When it was said by the author's clock, in milliseconds since 1970.
    pub time: u64,
    /// For whom alone it is.
    pub to: Option<NodeId>,
    /// Opens the entry's commitment.
    pub opening: Opening,
    /// What it says.
    pub text: Box<[u8]>,
}

impl Text {
    /// What `entry` says.
    pub fn new(entry: &LogEntry, to: Option<NodeId>, opening: Opening, text: Box<[u8]>) -> Self {
        Self { id: entry.id, clock: entry.clock, time: entry.time, to, opening, text }
    }
}

impl Text {
    /// Where it stands in its topic.
    pub(super) fn place(&self) -> Place {
        (self.clock, self.time, self.id)
    }
}

/// Where a text stands: by Lamport's clock, then by time and author, so that all who have the same texts see the same order. What one author
/// says stays in its order whatever its clocks show.
pub(super) type Place = (u64, u64, EntryId);

/// The texts of all topics.
#[derive(Default, Debug)]
pub struct Timeline {
    places: BTreeMap<EntryId, (u64, u64)>,
    topics: BTreeMap<TopicId, BTreeMap<Place, Arc<Text>>>,
}

impl Timeline {
    /// Puts a text in its place; says whether it is new.
    pub fn insert(&mut self, text: Arc<Text>) -> bool {
        let place = text.place();
        let new = self.places.insert(text.id, (text.clock, text.time)).is_none();
        if new {
            self.topics.entry(text.id.log.topic).or_default().insert(place, text);
        }
        new
    }

    /// The text of an entry.
    pub fn get(&self, id: &EntryId) -> Option<&Arc<Text>> {
        let (clock, time) = self.places.get(id)?;
        self.topics.get(&id.log.topic)?.get(&(*clock, *time, *id))
    }

    /// Forgets a text; says whether it was there.
    pub fn remove(&mut self, id: &EntryId) -> bool {
        let Some((clock, time)) = self.places.remove(id) else { return false };
        self.topics.get_mut(&id.log.topic).and_then(|topic| topic.remove(&(clock, time, *id))).is_some()
    }

    /// The texts of a topic, in order.
    pub fn of_topic(&self, topic: &TopicId) -> impl DoubleEndedIterator<Item = &Arc<Text>> {
        self.topics.get(topic).into_iter().flat_map(BTreeMap::values)
    }

    /// The texts of all topics, topic by topic.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Text>> {
        self.topics.values().flat_map(BTreeMap::values)
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}
