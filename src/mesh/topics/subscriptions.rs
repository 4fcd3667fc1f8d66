//! Who subscribes to what: the node itself as it is asked, others as their namespaces say.

use std::collections::BTreeSet;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;

use super::components::{TopicTree, Topics};
use super::messages::{JoinTopic, LeaveTopic, SubscriptionChanged, TopicError, TopicRefused};
use super::{LOBBY, MAX_SUBSCRIPTIONS, MAX_TOPICS};
use crate::kernel::{Contact, Persist, row};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{KeyChanged, MemberForgotten, MemberJoined, SetKey};
use crate::wire::topics::MAX_TOPIC_NAME;
use crate::wire::{NodeId, TopicId};

/// What the keys of namespaces that stand for subscriptions begin with, and the kind of their rows in the store.
const KEY: &str = "topic/";
pub(super) const ROW: &str = "topic";

/// What a change of subscriptions tells.
#[derive(SystemParam)]
pub(super) struct Told<'w> {
    keys: MessageWriter<'w, SetKey>,
    persist: MessageWriter<'w, Persist>,
    changed: MessageWriter<'w, SubscriptionChanged>,
    refused: MessageWriter<'w, TopicRefused>,
}

/// Joins and leaves as asked.
pub(super) fn subscribe(
    mut joins: ResMut<Messages<JoinTopic>>,
    mut leaves: ResMut<Messages<LeaveTopic>>,
    mut nodes: Query<(&Contact, &mut Topics)>,
    mut told: Told,
) {
    for JoinTopic { node, name, at } in joins.drain() {
        let Ok((me, mut topics)) = nodes.get_mut(node) else { continue };
        let topic = TopicId::of(&name);
        let reason = if !is_name(&name) {
            Some(TopicError::BadName)
        } else if topics.is_subscribed(&topic) {
            None
        } else if topics.trees.values().filter(|tree| tree.subscribed).count() > MAX_SUBSCRIPTIONS {
            Some(TopicError::TooMany)
        } else {
            topics.trees.entry(topic).or_insert_with(|| TopicTree::new(true)).subscribed = true;
            topics.names.insert(topic, name.as_str().into());
            topics.shaped_for = u64::MAX;
            told.keys.write(SetKey { node, key: format!("{KEY}{name}"), value: Some(Vec::new()), at });
            told.persist.write(Persist::keep(node, row(ROW, name.as_bytes()), Vec::new()));
            told.changed.write(SubscriptionChanged { node, member: me.id, topic, subscribed: true, at });
            None
        };
        if let Some(reason) = reason {
            told.refused.write(TopicRefused { node, name: Some(name), reason, at });
        }
    }
    for LeaveTopic { node, name, at } in leaves.drain() {
        let Ok((me, mut topics)) = nodes.get_mut(node) else { continue };
        let topic = TopicId::of(&name);
        let state = topics.trees.get_mut(&topic).filter(|tree| tree.subscribed);
        match state {
            _ if name == LOBBY => {
                told.refused.write(TopicRefused { node, name: Some(name), reason: TopicError::Lobby, at });
            }
            None => {
                told.refused.write(TopicRefused { node, name: Some(name), reason: TopicError::NotSubscribed, at });
            }
            Some(tree) => {
                // It may go on as a relay.
                tree.subscribed = false;
                topics.shaped_for = u64::MAX;
                forget_name(&mut topics, &topic);
                told.keys.write(SetKey { node, key: format!("{KEY}{name}"), value: None, at });
                told.persist.write(Persist::forget(node, row(ROW, name.as_bytes())));
                told.changed.write(SubscriptionChanged { node, member: me.id, topic, subscribed: false, at });
            }
        }
    }
}

/// Whether a topic may be called so: letters, digits, and what cannot be mistaken for something around a name. What cannot be seen has no
/// place in one.
pub fn is_name(name: &str) -> bool {
    // Unicode's letters without a form: fillers of Korean syllables.
    let is_seen = |letter: char| !matches!(letter, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    let fits = |letter: char| letter.is_alphanumeric() && is_seen(letter) || "#-_.+/:@!?&'".contains(letter);
    (1..=MAX_TOPIC_NAME).contains(&name.len()) && name.chars().all(fits)
}

/// A topic to which nobody subscribes is none.
fn forget_name(topics: &mut Topics, topic: &TopicId) {
    if !topics.is_subscribed(topic) && topics.subscribers.get(topic).is_none_or(BTreeSet::is_empty) {
        topics.names.remove(topic);
        topics.subscribers.remove(topic);
    }
}

/// Learns who else subscribes.
pub(super) fn learn(
    mut changed: MessageReader<KeyChanged>,
    mut joined: MessageReader<MemberJoined>,
    mut forgotten: MessageReader<MemberForgotten>,
    mut left: MessageReader<MemberLeft>,
    mut nodes: Query<&mut Topics>,
    mut told: MessageWriter<SubscriptionChanged>,
) {
    // Whoever joins again begins with nothing; what stands in its namespace comes after this.
    let joined = joined.read().map(|MemberJoined { node, member, .. }| (*node, *member));
    let forgotten = forgotten.read().map(|MemberForgotten { node, member, .. }| (*node, *member));
    let left = left.read().map(|MemberLeft { node, member, .. }| (*node, *member));
    for (node, member) in joined.chain(forgotten).chain(left) {
        let Ok(mut topics) = nodes.get_mut(node) else { continue };
        let gone: Vec<TopicId> = topics.subscribers.iter().filter(|(_, all)| all.contains(&member)).map(|(topic, _)| *topic).collect();
        for topic in gone {
            // Whoever is only away, or begins anew, has not unsubscribed: nobody is told.
            set_subscriber(&mut topics, topic, member, false);
        }
    }
    for KeyChanged { node, member, key, value, at } in changed.read() {
        let (Some(name), Ok(mut topics)) = (key.strip_prefix(KEY), nodes.get_mut(*node)) else { continue };
        let topic = TopicId::of(name);
        if !is_name(name) || name == LOBBY || topics.names.len() >= MAX_TOPICS && !topics.names.contains_key(&topic) {
            continue;
        }
        let subscribed = value.is_some();
        if subscribed {
            topics.names.entry(topic).or_insert_with(|| name.into());
        }
        set_subscriber(&mut topics, topic, *member, subscribed);
        told.write(SubscriptionChanged { node: *node, member: *member, topic, subscribed, at: *at });
    }
}

fn set_subscriber(topics: &mut Topics, topic: TopicId, member: NodeId, subscribed: bool) {
    let all = topics.subscribers.entry(topic).or_default();
    let changed = if subscribed { all.insert(member) } else { all.remove(&member) };
    if changed {
        topics.shaped_for = u64::MAX;
    }
    forget_name(topics, &topic);
}
