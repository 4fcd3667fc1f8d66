//! What chat needs of a node, and where what it does goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use bevy_ecs::prelude::*;
use bevy_ecs::query::QueryData;
use bevy_ecs::system::SystemParam;
use zeroize::Zeroizing;

use super::components::Chat;
use super::messages::{ForkSeen, NotSaid, ReceiptsChanged, TextHeard, TextWaits};
use super::systems::ChatTimer;
use crate::kernel::{
    AccessList, AddressBook, Contact, Incarnation, Instant, KeyRng, Keys, Neighbors, NetworkTag, Node, NodeClock, NodeRng, Persist,
    Prekeys, Timers,
};
use crate::mesh::membership::SetKey;
use crate::mesh::routing::SendTo;
use crate::mesh::topics::{LOBBY, PublishTo};
use crate::wire::chat::{EntryId, SyncMessage};
use crate::wire::routing::DatagramBody;
use crate::wire::{NodeId, TopicId};

/// What chat needs of a node.
#[derive(QueryData)]
#[query_data(mutable)]
pub(super) struct Speaker {
    pub entity: Entity,
    pub node: &'static Node,
    pub clock: &'static NodeClock,
    pub me: &'static Contact,
    pub keys: &'static Keys,
    pub network: &'static NetworkTag,
    pub access: &'static AccessList,
    pub book: &'static AddressBook,
    pub neighbors: &'static Neighbors,
    pub incarnation: &'static Incarnation,
    pub prekeys: &'static Prekeys,
    pub rng: &'static mut NodeRng,
    pub key_rng: &'static mut KeyRng,
    pub chat: &'static mut Chat,
}

/// Where what chat does goes.
#[derive(SystemParam)]
pub(super) struct Outlets<'w> {
    pub publish: MessageWriter<'w, PublishTo>,
    pub send: MessageWriter<'w, SendTo>,
    pub keys: MessageWriter<'w, SetKey>,
    pub persist: MessageWriter<'w, Persist>,
    pub heard: MessageWriter<'w, TextHeard>,
    pub not_said: MessageWriter<'w, NotSaid>,
    pub waits: MessageWriter<'w, TextWaits>,
    pub receipts: MessageWriter<'w, ReceiptsChanged>,
    pub forks: MessageWriter<'w, ForkSeen>,
    pub timers: ResMut<'w, Timers<ChatTimer>>,
}

impl Outlets<'_> {
    /// Sends `message` to `to`.
    pub fn sync(&mut self, node: Entity, to: NodeId, message: SyncMessage, at: Instant) {
        self.send.write(SendTo { node, to, body: DatagramBody::Sync(message), at });
    }

    /// Keeps a row.
    pub fn keep(&mut self, node: Entity, row: Vec<u8>, value: impl Into<Zeroizing<Vec<u8>>>) {
        self.persist.write(Persist::keep(node, row, value));
    }

    /// Deletes a row.
    pub fn forget(&mut self, node: Entity, row: Vec<u8>) {
        self.persist.write(Persist::forget(node, row));
    }
}

impl SpeakerItem<'_, '_> {
    /// Whether the node subscribes to `topic`.
    pub fn is_subscribed(&self, topic: &TopicId) -> bool {
        self.chat.belongs(topic, &self.me.id)
    }

    /// Whether `member` may have what is said in `topic`.
    pub fn is_entitled(&self, topic: &TopicId, member: &NodeId) -> bool {
        self.access.is_member(member) && self.chat.belongs(topic, member)
    }

    /// The others for whom a text in `topic` is encrypted: also those who are away.
    pub fn readers(&self, topic: &TopicId) -> BTreeSet<NodeId> {
        self.prekeys.others.keys().filter(|member| **member != self.me.id && self.is_entitled(topic, member)).copied().collect()
    }

    /// The topics to which the node subscribes.
    pub fn topics(&self) -> Vec<TopicId> {
        let mine = self.chat.subscribers.iter().filter(|(_, all)| all.contains(&self.me.id)).map(|(topic, _)| *topic);
        std::iter::once(TopicId::of(LOBBY)).chain(mine).collect()
    }

    /// Milliseconds since 1970 at `at`.
    pub fn millis(at: Instant) -> u64 {
        at.as_nanos() / 1_000_000
    }

    /// Sets a timer of the node.
    pub fn arm(&self, timer: ChatTimer, after: std::time::Duration, at: Instant, out: &mut Outlets) {
        out.timers.set(self.entity, self.node, self.clock.after(at, after), timer);
    }

    /// Forgets entries, and what they say.
    pub fn forget(&mut self, gone: Vec<EntryId>, out: &mut Outlets) {
        for id in gone {
            out.forget(self.entity, super::store::entry_row(&id));
            self.hush(id, out);
        }
    }

    /// Forgets what an entry says, but not that it was there.
    pub fn hush(&mut self, id: EntryId, out: &mut Outlets) {
        let said = self.chat.texts.remove(&id);
        self.chat.locked.remove(&id);
        if said {
            out.forget(self.entity, super::store::text_row(&id));
        }
    }

    /// Tells of a text, once.
    pub fn tell(&mut self, text: super::Text, at: Instant, out: &mut Outlets) {
        let text = Arc::new(text);
        if self.chat.texts.insert(Arc::clone(&text)) {
            self.chat.counts.texts += 1;
            out.keep(self.entity, super::store::text_row(&text.id), super::store::text_value(&text));
            out.heard.write(TextHeard { node: self.entity, text, at });
        }
    }
}
