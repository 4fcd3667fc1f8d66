//! What happens at a node, without the loss of a text: who reads too slowly for the events is told from the log what they would have told.

use std::collections::{BTreeSet, VecDeque};

use bevy_ecs::prelude::*;
use tokio::sync::broadcast::error::RecvError;

use super::tell::text_event;
use crate::kernel::AccessList;
use crate::live::{MeshEvent, MeshNode, NodeStopped, Subscription};
use crate::mesh::chat::Chat;
use crate::wire::chat::EntryId;

/// Texts told after which those are forgotten that the log has let go.
const TIDY: usize = 10_000;

/// Hears what happens at a node, each text once.
pub struct Listener {
    node: MeshNode,
    events: Subscription,
    /// What has come while it began.
    early: VecDeque<MeshEvent>,
    told: BTreeSet<EntryId>,
    /// How many texts there were when the log was looked at last.
    looked: usize,
}

impl Listener {
    /// Listens to `events` of `node`: what the log held before they began is not told.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn new(node: MeshNode, mut events: Subscription) -> Result<Self, NodeStopped> {
        let mut told = node.ask(|world, node| names(world, node)).await?;
        // What has come since then is in the log too, and not told yet.
        let early: VecDeque<MeshEvent> = std::iter::from_fn(|| events.try_recv()).collect();
        for id in early.iter().filter_map(text_of) {
            told.remove(&id);
        }
        Ok(Self { node, events, early, looked: told.len(), told })
    }

    /// The next event. It may be given up while it waits.
    ///
    /// # Errors
    /// The node has stopped, or so many events are lost: [`catch_up`](Self::catch_up) finds the texts among them.
    pub async fn recv(&mut self) -> Result<MeshEvent, RecvError> {
        loop {
            let event = match self.early.pop_front() {
                Some(event) => event,
                None => self.events.recv().await?,
            };
            if text_of(&event).is_none_or(|id| self.told.insert(id)) {
                return Ok(event);
            }
        }
    }

    /// Whether so many texts were told that a look at the log is worth while, to forget those that it has let go.
    pub fn is_untidy(&self) -> bool {
        self.told.len() > self.looked.saturating_mul(2) + TIDY
    }

    /// The texts of the log that were not told yet, topic by topic in their order, and who has those that the node has said.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn catch_up(&mut self) -> Result<Vec<MeshEvent>, NodeStopped> {
        let mut told = std::mem::take(&mut self.told);
        let look = move |world: &mut World, node: Entity| {
            let mut missed = Vec::new();
            let (Some(chat), Some(access)) = (world.get::<Chat>(node), world.get::<AccessList>(node)) else { return (told, missed) };
            told.retain(|id| chat.texts().get(id).is_some());
            for text in chat.texts().iter() {
                if told.insert(text.id) {
                    missed.extend(text_event(world, node, text));
                }
            }
            // Receipts may be lost for texts that were told.
            for log in chat.logs().iter().map(|(log, _)| log).filter(|log| chat.own_log(&log.topic) == Some(**log)) {
                let delivered = super::tell::delivered(chat, access, log);
                missed.extend(delivered.into_iter().map(|(id, members)| MeshEvent::Delivered { id, members }));
            }
            (told, missed)
        };
        let (told, missed) = self.node.ask(look).await?;
        self.looked = told.len();
        self.told = told;
        Ok(missed)
    }
}

/// The entry of which an event tells that it can be read, or was said.
fn text_of(event: &MeshEvent) -> Option<EntryId> {
    match event {
        MeshEvent::ChatMessageReceived { id, .. } | MeshEvent::ChatMessageSent { id, .. } => Some(*id),
        _ => None,
    }
}

fn names(world: &World, node: Entity) -> BTreeSet<EntryId> {
    world.get::<Chat>(node).map_or_else(BTreeSet::new, |chat| chat.texts().iter().map(|text| text.id).collect())
}
