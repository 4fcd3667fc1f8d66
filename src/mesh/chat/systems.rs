//! Chat begins, learns, hears, and does what is due.

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::components::{Armed, Chat};
use super::entries::take_in;
use super::messages::ReceiptsChanged;
use super::outlets::{Outlets, Speaker, SpeakerItem};
use super::receipts::HAVE;
use super::speaking::say_waiting;
use super::{ChatConfig, asking, entries, retention, store, sync};
use crate::kernel::{AccessList, Clock, Fired, NodeStarted, Prekeys, Restored};
use crate::mesh::membership::{KeyChanged, NICK, SetKey};
use crate::mesh::prekeys::MAX_OTHERS;
use crate::mesh::topics::{SubscriptionChanged, TopicDelivered};
use crate::wire::chat::{LogEntry, LogId};
use crate::wire::codec::decode_value;
use crate::wire::{NodeId, TopicId};

/// What chat waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ChatTimer {
    /// To compare logs with somebody, and let go what is too old.
    Sync,
    /// To ask about entries that wait for others.
    Gap,
    /// To tell how far the node has the logs.
    Receipts,
    /// To ask for texts that cannot be read.
    Ask,
    /// To ask whoever had news of a topic for more.
    CatchUp(TopicId),
}

/// A pause between two lives ages what is kept by this part of the time for which it is kept, and not more: were the clock wrong in one of
/// them, history would be gone.
const LONGEST_PAUSE: u32 = 4;

pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    mut restored: MessageReader<Restored>,
    config: Res<ChatConfig>,
    mut nodes: Query<Speaker>,
    mut out: Outlets,
) {
    let kept: Vec<Entity> = restored.read().map(|message| message.node).collect();
    for NodeStarted { node, at, with_memory } in started.read().copied() {
        let Ok(mut it) = nodes.get_mut(node) else { continue };
        if !with_memory && !kept.contains(&node) {
            *it.chat = Chat::default();
        }
        it.chat.armed = Armed::default();
        it.chat.catching_up.clear();
        if kept.contains(&node) {
            let pause = config.keep_time / LONGEST_PAUSE;
            for (entry, since) in it.chat.logs.settle(SpeakerItem::millis(at), pause.as_millis() as u64) {
                out.keep(node, store::entry_row(&entry.id), store::entry_value(&entry, since));
            }
            retention::let_go(&mut it, &config, at, &mut out);
            it.chat.locked = it.chat.locked.iter().copied().filter(|id| entries::is_owed(&it, id)).collect();
        }
        let me = it.me.id;
        it.chat.own.values_mut().for_each(|log| log.author = me);
        it.chat.writers.values_mut().for_each(|writer| writer.checked = false);
        let first = it.clock.first(at, config.sync_interval, it.rng.0.random_range(0.0..1.0));
        out.timers.set(node, it.node, first, ChatTimer::Sync);
        if !it.chat.logs.iter().map(|(_, log)| log.last()).all(|last| last == 0) {
            it.chat.armed.receipts = true;
            it.arm(ChatTimer::Receipts, config.receipt_delay, at, &mut out);
        }
        if !it.chat.locked.is_empty() {
            asking::ask_soon(&mut it, &config, at, &mut out);
        }
    }
}

/// Of nodes for which others may read than before.
type ReadersChanged = (With<Chat>, Or<(Changed<AccessList>, Changed<Prekeys>)>);

/// Learns who subscribes, who has what, and that others may read than before.
pub(super) fn learn(
    mut subscriptions: MessageReader<SubscriptionChanged>,
    mut keys: MessageReader<KeyChanged>,
    clock: Res<Clock>,
    config: Res<ChatConfig>,
    changed: Query<Entity, ReadersChanged>,
    mut nodes: Query<Speaker>,
    mut out: Outlets,
) {
    let mut affected: Vec<Entity> = changed.iter().collect();
    for SubscriptionChanged { node, member, topic, subscribed, .. } in subscriptions.read() {
        let Ok(mut it) = nodes.get_mut(*node) else { continue };
        let all = it.chat.subscribers.entry(*topic).or_default();
        if *subscribed {
            all.insert(*member)
        } else {
            all.remove(member)
        };
        if all.is_empty() {
            it.chat.subscribers.remove(topic);
        }
        out.keep_subscriber(*node, topic, member, *subscribed);
        if !subscribed && *member == it.me.id {
            // Nothing more of it is read.
            let left: Vec<LogId> = it.chat.readers.keys().filter(|log| log.topic == *topic).copied().collect();
            for log in left {
                it.chat.readers.remove(&log);
                out.keep_reader(*node, &log, &it.chat);
            }
            it.chat.writers.remove(topic);
        }
        affected.push(*node);
    }
    for KeyChanged { node, member, key, value, at } in keys.read().filter(|change| matches!(&*change.key, HAVE | NICK)) {
        let (Ok(mut it), Some(bytes)) = (nodes.get_mut(*node), value) else { continue };
        if &**key == NICK {
            learn_name(&mut it, *member, bytes, &mut out);
            continue;
        }
        for log in it.chat.receipts.learn(*member, bytes) {
            out.receipts.write(ReceiptsChanged { node: *node, log, at: *at });
        }
    }
    affected.sort_unstable();
    affected.dedup();
    for node in affected {
        let Ok(mut it) = nodes.get_mut(node) else { continue };
        it.chat.writers.values_mut().for_each(|writer| writer.checked = false);
        if !it.chat.outbox.is_empty() && it.node.is_up() {
            say_waiting(&mut it, &config, clock.start(), &mut out);
        }
    }
}

/// What a member calls itself is remembered for as long as it can be written to.
fn learn_name(it: &mut SpeakerItem, member: NodeId, bytes: &[u8], out: &mut Outlets) {
    let Ok(name) = std::str::from_utf8(bytes) else { return };
    let is_news = it.chat.names.get(&member).is_none_or(|known| **known != *name);
    if is_news && (it.chat.names.len() < MAX_OTHERS || it.chat.names.contains_key(&member)) {
        it.chat.names.insert(member, name.into());
        out.keep_name(it.entity, &member, name);
    }
}

/// Takes in what comes over the trees of topics.
pub(super) fn hear(mut delivered: MessageReader<TopicDelivered>, config: Res<ChatConfig>, mut nodes: Query<Speaker>, mut out: Outlets) {
    for TopicDelivered { node, topic, rumor, at, .. } in delivered.read() {
        let Ok(mut it) = nodes.get_mut(*node) else { continue };
        match decode_value::<LogEntry>(&rumor.payload.0) {
            Ok(entry) if entry.id.log.topic == *topic => {
                take_in(&mut it, entry.into(), &config, *at, &mut out);
            }
            _ => it.chat.counts.forged += 1,
        }
    }
}

/// Does what is due.
pub(super) fn act(mut fired: MessageReader<Fired<ChatTimer>>, config: Res<ChatConfig>, mut nodes: Query<Speaker>, mut out: Outlets) {
    for Fired { node, at, timer } in fired.read().copied() {
        let Ok(mut it) = nodes.get_mut(node) else { continue };
        match timer {
            ChatTimer::Sync => {
                compare_all(&mut it, at, &mut out);
                retention::let_go(&mut it, &config, at, &mut out);
                it.arm(timer, config.sync_interval, at, &mut out);
            }
            ChatTimer::Gap => {
                it.chat.armed.gap = false;
                if it.chat.logs.iter().any(|(_, log)| log.has_gap()) {
                    compare_all(&mut it, at, &mut out);
                }
            }
            ChatTimer::Receipts => {
                it.chat.armed.receipts = false;
                let value = Some(it.chat.receipts.to_bytes());
                out.keys.write(SetKey { node, key: HAVE.to_owned(), value, at });
            }
            ChatTimer::CatchUp(topic) => sync::catch_up(&mut it, topic, at, &mut out),
            ChatTimer::Ask => asking::act(&mut it, &config, at, &mut out),
        }
    }
}

fn compare_all(it: &mut SpeakerItem, at: crate::kernel::Instant, out: &mut Outlets) {
    for topic in it.topics() {
        if let Some(partner) = sync::partner(it, &topic) {
            sync::compare(it, topic, sync::ALL, partner, false, at, out);
        }
    }
}
