//! What chat, topics, routing and admission tell becomes events and lines of the log.

use std::collections::BTreeMap;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use super::look;
use crate::crypto::NodeId;
use crate::gate::Gate;
use crate::kernel::{AccessList, AppRestExt, AppTickExt, Contact, Node, Tick, TickSystems};
use crate::live::MeshEvent;
use crate::live::events::Events;
use crate::mesh::admission::{Accused, AdmissionRefused, Admitted, Revoked};
use crate::mesh::chat::{Chat, ForkSeen, NotSaid, ReceiptsChanged, Text, TextHeard, TextWaits};
use crate::mesh::membership::Membership;
use crate::mesh::routing::{DatagramReceived, SendFailed};
use crate::mesh::topics::{TopicRefused, Topics};
use crate::wire::TopicId;
use crate::wire::chat::{EntryId, LogId};
use crate::wire::routing::DatagramBody;

/// Texts of a log, the newest, of which is told who has them.
const TOLD: usize = 64;
/// Texts for which is remembered what was told.
const REMEMBERED: usize = 1024;

/// Adds it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChatEventsPlugin;

impl Plugin for ChatEventsPlugin {
    fn build(&self, app: &mut App) {
        app.add_tick_message::<TextHeard>()
            .add_tick_message::<NotSaid>()
            .add_tick_message::<TextWaits>()
            .add_tick_message::<ReceiptsChanged>()
            .add_tick_message::<ForkSeen>()
            .add_tick_message::<DatagramReceived>()
            .add_tick_message::<SendFailed>()
            .add_tick_message::<TopicRefused>()
            .add_tick_message::<Admitted>()
            .add_tick_message::<Revoked>()
            .add_tick_message::<Accused>()
            .add_tick_message::<AdmissionRefused>()
            .add_message_systems(
                (tell_texts, tell_waiting, tell_receipts, tell_datagrams, tell_admission, tell_refusals)
                    .chain()
                    .in_set(TickSystems::Observe),
            )
            .add_systems(Tick, tell_damage.in_set(TickSystems::Observe));
    }
}

/// What a node knows of those who say something.
type Teller<'a> = (&'a Contact, Option<&'a Membership>, Option<&'a Chat>, Option<&'a Topics>);

fn tell_texts(mut heard: MessageReader<TextHeard>, nodes: Query<(&Node, Teller)>, events: Res<Events>) {
    for TextHeard { node, text, .. } in heard.read() {
        let Ok((node, teller)) = nodes.get(*node) else { continue };
        // What was said stands in no log.
        events.send(node.ordinal, event_of(text, teller));
    }
}

/// What is told of a text that `node` can read.
pub(super) fn text_event(world: &World, node: Entity, text: &Text) -> Option<MeshEvent> {
    Some(event_of(text, (world.get(node)?, world.get(node), world.get(node), world.get(node))))
}

fn event_of(text: &Text, (me, membership, chat, topics): Teller) -> MeshEvent {
    let log = text.id.log;
    let topic = name_of(topics, &log.topic);
    let (to, id, time, plaintext) = (text.to, text.id, text.time, text.text.clone());
    if log.author == me.id {
        MeshEvent::ChatMessageSent { plaintext, topic, to, id, time }
    } else {
        let nick = look::nick(membership, chat, &log.author);
        MeshEvent::ChatMessageReceived { sender_pub_key: log.author.0, nick, plaintext, topic, to, id, time }
    }
}

fn tell_waiting(mut waits: MessageReader<TextWaits>, nodes: Query<(&Node, Option<&Topics>)>, events: Res<Events>) {
    for TextWaits { node, topic, to, text, unsettled, .. } in waits.read() {
        let Ok((node, topics)) = nodes.get(*node) else { continue };
        let (plaintext, topic) = (text.clone(), name_of(topics, topic));
        // Whether it is kept shows when it was written.
        events.send(node.ordinal, MeshEvent::ChatMessageWaits { plaintext, topic, to: *to, unsettled: *unsettled, kept: false });
    }
}

fn name_of(topics: Option<&Topics>, topic: &TopicId) -> String {
    topics.and_then(|topics| topics.name(topic)).unwrap_or_default().to_owned()
}

fn tell_receipts(
    mut changed: MessageReader<ReceiptsChanged>,
    nodes: Query<(&Node, &Contact, &Chat, &AccessList)>,
    events: Res<Events>,
    mut told: Local<BTreeMap<EntryId, usize>>,
) {
    for ReceiptsChanged { node, log, .. } in changed.read() {
        let Ok((node, me, chat, access)) = nodes.get(*node) else { continue };
        if log.author != me.id {
            continue;
        }
        for (id, members) in delivered(chat, access, log) {
            if told.insert(id, members) != Some(members) {
                events.send(node.ordinal, MeshEvent::Delivered { id, members });
            }
        }
        while told.len() > REMEMBERED {
            told.pop_first();
        }
    }
}

/// The newest texts of a log, and how many of their readers have each.
pub(super) fn delivered(chat: &Chat, access: &AccessList, log: &LogId) -> Vec<(EntryId, usize)> {
    let entries = chat.logs().get(log).into_iter().flat_map(|log| log.entries().rev());
    let texts = entries.filter(|entry| entry.body.commitment().is_some()).take(TOLD);
    texts.map(|entry| (entry.id, chat.delivered_to(&entry.id, access))).collect()
}

fn tell_datagrams(
    mut received: MessageReader<DatagramReceived>,
    mut failed: MessageReader<SendFailed>,
    nodes: Query<&Node>,
    events: Res<Events>,
) {
    for DatagramReceived { node, from, body, .. } in received.read() {
        if let DatagramBody::Raw(payload) = body {
            events.tell(&nodes, *node, MeshEvent::MessageReceived { from: *from, payload: payload.0.clone() });
        }
    }
    for SendFailed { node, to, body, reason, .. } in failed.read() {
        if let Some(DatagramBody::Raw(payload)) = body {
            tracing::info!(peer = ?to, ?reason, "a message did not arrive");
            events.tell(&nodes, *node, MeshEvent::SendFailed { to: *to, payload: payload.0.clone(), reason: *reason });
        }
    }
}

fn tell_admission(
    mut admitted: MessageReader<Admitted>,
    mut revoked: MessageReader<Revoked>,
    mut accused: MessageReader<Accused>,
    mut refused: MessageReader<AdmissionRefused>,
    nodes: Query<&Node>,
    names: Query<(Option<&Membership>, Option<&Chat>)>,
    events: Res<Events>,
) {
    for Admitted { node, member, sponsor, .. } in admitted.read() {
        tracing::info!(peer = ?member, ?sponsor, "member admitted");
        events.tell(&nodes, *node, MeshEvent::MemberAdmitted { id: *member, sponsor: *sponsor });
    }
    for Revoked { node, member, by, .. } in revoked.read() {
        tracing::info!(peer = ?member, ?by, "member revoked");
        let nick = names.get(*node).ok().and_then(|(membership, chat)| look::nick(membership, chat, member));
        events.tell(&nodes, *node, MeshEvent::MemberRevoked { id: *member, nick, by: *by });
    }
    for Accused { node, target, by, said, needed, .. } in accused.read().copied() {
        tracing::info!(peer = ?target, ?by, said, needed, "a revocation waits for more members");
        events.tell(&nodes, node, MeshEvent::RevocationProposed { id: target, by, said, needed });
    }
    for AdmissionRefused { node, target, reason, .. } in refused.read() {
        tracing::info!(peer = ?target, "not done: {reason}");
        events.tell(&nodes, *node, MeshEvent::AdmissionRefused { id: *target, reason: *reason });
    }
}

fn tell_refusals(
    mut unsaid: MessageReader<NotSaid>,
    mut topics: MessageReader<TopicRefused>,
    mut forks: MessageReader<ForkSeen>,
    nodes: Query<&Node>,
    names: Query<Option<&Topics>>,
    events: Res<Events>,
) {
    for NotSaid { node, topic, to, text, reason, .. } in unsaid.read() {
        let topic = name_of(names.get(*node).ok().flatten(), topic);
        events.tell(&nodes, *node, MeshEvent::ChatRefused { plaintext: text.clone(), topic, to: *to, reason: *reason });
    }
    for TopicRefused { node, name, reason, .. } in topics.read() {
        events.tell(&nodes, *node, MeshEvent::TopicRefused { name: name.clone(), reason: *reason });
    }
    for ForkSeen { node, log, .. } in forks.read() {
        let author: NodeId = log.author;
        tracing::warn!(peer = ?author, "a member has said two things in one place: it runs twice, or lies");
        events.tell(&nodes, *node, MeshEvent::ForkSeen(author));
    }
}

/// What earlier lives have kept does not all open.
fn tell_damage(gate: Option<Res<Gate>>, mut told: Local<u64>) {
    let damaged = gate.map_or(0, |gate| gate.damaged());
    if damaged > *told {
        let rows = damaged - *told;
        tracing::warn!("{rows} rows of what was kept are damaged, or of another identity, and left out; others send what was said");
        *told = damaged;
    }
}
