//! What became of each text: who has said it, for whom it was encrypted, and who has read it.

use std::collections::{BTreeMap, BTreeSet};

use bevy_ecs::prelude::*;

use super::super::acts::Deed;
use super::super::nodes::Planned;
use super::super::plan::Plan;
use super::super::timeline::Action;
use super::super::trace::Trace;
use super::super::truth::Truth;
use super::{Kind, Observations};
use crate::kernel::{Contact, Instant, Node};
use crate::mesh::admission::{AdmissionRefused, Admitted, Revoked};
use crate::mesh::chat::{Chat, NotSaid, Text, TextHeard};
use crate::mesh::topics::TopicRefused;
use crate::scenario::ActKind;
use crate::wire::TopicId;
use crate::wire::chat::{EntryBody, EntryId};

/// All texts that a world has seen. Those of several worlds add up.
#[derive(Debug, Default)]
pub struct Texts {
    /// What was said by nodes of this world.
    pub said: BTreeMap<EntryId, Said>,
    /// Who of this world has read what, authors aside.
    pub read: BTreeMap<EntryId, BTreeMap<u32, Reading>>,
    /// What the scenario calls what is said in a topic, or to one.
    names: BTreeMap<(TopicId, Option<u32>, Box<[u8]>), String>,
}

/// A text that was said.
#[derive(Debug)]
pub struct Said {
    /// Who has said it.
    pub author: u32,
    /// When.
    pub at: Instant,
    /// To whom alone.
    pub to: Option<u32>,
    /// What the scenario calls it.
    pub name: String,
    /// For whom it was encrypted.
    pub entitled: BTreeSet<u32>,
}

/// A text that was read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// When for the first time.
    pub at: Instant,
    /// Since when the reader ran then.
    pub ran_since: Instant,
    /// Whether it still has it: who begins anew has nothing.
    pub kept: bool,
}

pub(super) fn observe_texts(
    mut heard: MessageReader<TextHeard>,
    mut not_said: MessageReader<NotSaid>,
    nodes: Query<(&Node, &Contact, &Chat)>,
    plan: Res<Planned>,
    truth: Res<Truth>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    let plan = &plan.0;
    for TextHeard { node, text, at } in heard.read() {
        let Ok((node, me, chat)) = nodes.get(*node) else { continue };
        let (EntryId { log, sequence }, Some(author)) = (text.id, plan.ordinal(&text.id.log.author)) else { continue };
        if author != node.ordinal {
            let first = Reading { at: *at, ran_since: truth.changed(node.ordinal), kept: true };
            seen.texts.read.entry(text.id).or_default().entry(node.ordinal).or_insert(first).kept = true;
            trace.event(*at, node.ordinal, Kind::TextRead as u8, author, sequence);
        } else if log.author == me.id && !seen.texts.said.contains_key(&text.id) {
            let to = text.to.and_then(|to| plan.ordinal(&to));
            let entitled = entitled(chat, text, to, plan);
            let name = seen.texts.names.get(&(log.topic, to, text.text.clone())).cloned().unwrap_or_default();
            let detail = || format!("number {sequence} for {}", entitled.len());
            seen.event(&mut trace, *at, node.ordinal, Kind::TextSaid, to, sequence, detail);
            seen.texts.said.insert(text.id, Said { author, at: *at, to, name, entitled });
        }
    }
    for NotSaid { node, to, reason, at, .. } in not_said.read() {
        let Ok((node, ..)) = nodes.get(*node) else { continue };
        let to = to.and_then(|to| plan.ordinal(&to));
        seen.event(&mut trace, *at, node.ordinal, Kind::NotSaid, to, 0, || reason.to_string());
    }
}

/// For whom a text was encrypted just now.
fn entitled(chat: &Chat, text: &Text, to: Option<u32>, plan: &Plan) -> BTreeSet<u32> {
    let body = chat.logs().entry(&text.id).map(|entry| &entry.body);
    let (Some(EntryBody::Text { epoch, .. }), Some(log)) = (body, chat.logs().get(&text.id.log)) else { return to.into_iter().collect() };
    let keys = (*epoch..text.id.sequence).map_while(|sequence| match &log.get(sequence)?.body {
        EntryBody::Keys { epoch: of, keys } if of == epoch => Some(keys),
        _ => None,
    });
    keys.flatten().filter_map(|key| plan.ordinal(&key.reader)).collect()
}

pub(super) fn observe_admission(
    mut admitted: MessageReader<Admitted>,
    mut revoked: MessageReader<Revoked>,
    mut refused: MessageReader<AdmissionRefused>,
    mut topics: MessageReader<TopicRefused>,
    nodes: Query<&Node>,
    plan: Res<Planned>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    let admitted = admitted.read().map(|it| (it.node, it.member, it.sponsor, it.at, Kind::Admitted));
    let revoked = revoked.read().map(|it| (it.node, it.member, it.by, it.at, Kind::Revoked));
    for (node, member, by, at, kind) in admitted.chain(revoked) {
        let Ok(node) = nodes.get(node) else { continue };
        let by = plan.0.ordinal(&by);
        let detail = || by.map_or_else(String::new, |by| format!("by n{by}"));
        seen.event(&mut trace, at, node.ordinal, kind, plan.0.ordinal(&member), by.map_or(u64::MAX, u64::from), detail);
    }
    for AdmissionRefused { node, target, reason, at } in refused.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        seen.event(&mut trace, *at, node.ordinal, Kind::Refused, plan.0.ordinal(target), 0, || reason.to_string());
    }
    for TopicRefused { node, reason, at, .. } in topics.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        seen.event(&mut trace, *at, node.ordinal, Kind::Refused, None, 0, || reason.to_string());
    }
}

impl Texts {
    pub(super) fn new(plan: &Plan) -> Self {
        let name = |kind: &ActKind| match kind {
            ActKind::Say { topic, text, name: Some(name), .. } => Some(((TopicId::of(topic), None, text.as_bytes().into()), name.clone())),
            ActKind::Dm { to, text, name: Some(name), .. } => {
                Some(((TopicId::of(crate::mesh::topics::LOBBY), Some(*to), text.as_bytes().into()), name.clone()))
            }
            _ => None,
        };
        Self { names: plan.scenario.acts.iter().filter_map(|act| name(&act.kind)).collect(), ..Self::default() }
    }

    /// A node begins again with nothing.
    pub(super) fn forget(&mut self, node: u32) {
        self.read.values_mut().filter_map(|readers| readers.get_mut(&node)).for_each(|reading| reading.kept = false);
    }

    /// Adds what another world has seen.
    pub(super) fn merge(&mut self, other: Self) {
        self.said.extend(other.said);
        for (id, readers) in other.read {
            self.read.entry(id).or_default().extend(readers);
        }
    }
}

/// The names of all topics that the scenario speaks of.
pub(super) fn topic_names(plan: &Plan) -> BTreeMap<TopicId, String> {
    let deeds = plan.timeline.moments.iter().filter_map(|moment| match &moment.action {
        Action::Act(Deed::Say(_, topic, _) | Deed::Join(_, topic) | Deed::Leave(_, topic)) => Some(topic.clone()),
        _ => None,
    });
    let scenario = &plan.scenario;
    let joined = scenario.protocols.topics.iter().flat_map(|config| config.join.iter().cloned());
    let lobby = std::iter::once(crate::mesh::topics::LOBBY.to_owned());
    deeds.chain(joined).chain(lobby).map(|name| (TopicId::of(&name), name)).collect()
}
