//! How things stand at the end: who is a member, who has read what, and what everybody has.

use std::collections::{BTreeMap, BTreeSet};

use bevy_ecs::prelude::*;
use hdrhistogram::Histogram;
use sha2::{Digest, Sha256};

use super::super::adversary::{Breaches, breaches};
use super::super::nodes::Directory;
use super::super::plan::Plan;
use super::super::truth::Truth;
use super::percentiles;
use super::texts::{Said, Texts, topic_names};
use crate::mesh::admission::{Admission, Ledger, Roll};
use crate::mesh::chat::Chat;
use crate::mesh::membership::Membership;
use crate::mesh::routing::RoutingCounts;
use crate::mesh::topics::Topics;
use crate::report::{LogsRow, MemberRow, ReadingRow, RunRecord, TextRow};
use crate::scenario::Adversary;
use crate::wire::TopicId;
use crate::wire::chat::EntryId;

/// Puts into the record of a run what it has to say of chat.
pub(super) fn complete(record: &mut RunRecord, plan: &Plan, worlds: &mut [World], truth: &Truth, texts: &Texts) {
    let breaches = breaches(worlds);
    let ending = Ending::of(plan, worlds, truth);
    record.members = ending.members(plan);
    record.logs = ending.logs();
    record.chat_refusals = refusals(worlds);
    let mut latency = latencies();
    for (id, said) in in_order(texts) {
        let number = record.texts.len() as u32;
        let readings = texts.read.get(id);
        let timed =
            readings.into_iter().flatten().filter(|(reader, reading)| said.entitled.contains(*reader) && reading.ran_since <= said.at);
        let micros: Vec<u64> = timed.map(|(_, reading)| reading.at.since(said.at).as_micros() as u64).collect();
        // It grows by itself: there is no value that it refuses.
        micros.iter().for_each(|micros| latency.record(*micros).unwrap_or_default());
        record.texts.push(ending.text(plan, id, said, texts, &breaches, micros.iter().copied().max().unwrap_or(0) as f64 / 1000.0));
        record.readings.extend(readings.into_iter().flatten().map(|(reader, reading)| ReadingRow {
            text: number,
            reader: *reader,
            seconds: reading.at.as_secs_f64(),
        }));
    }
    let longest = record.texts.iter().map(|text| text.latency_max_ms).fold(0.0, f64::max);
    record.text_latency = percentiles(&latency, longest);
}

fn latencies() -> Histogram<u64> {
    let mut latency = Histogram::new(3).unwrap_or_else(|error| unreachable!("three digits are valid: {error}"));
    latency.auto(true);
    latency
}

fn in_order(texts: &Texts) -> Vec<(&EntryId, &Said)> {
    let mut all: Vec<_> = texts.said.iter().collect();
    all.sort_by_key(|(id, said)| (said.at, said.author, **id));
    all
}

/// The running nodes at the end.
struct Ending<'a> {
    truth: &'a Truth,
    topics: BTreeMap<TopicId, String>,
    /// Those that are members, by all that was signed.
    members: BTreeSet<u32>,
    nodes: BTreeMap<u32, NodeEnd<'a>>,
}

/// What a running node has.
#[derive(Clone, Copy)]
struct NodeEnd<'a> {
    chat: Option<&'a Chat>,
    topics: Option<&'a Topics>,
    membership: Option<&'a Membership>,
}

impl<'a> Ending<'a> {
    fn of(plan: &'a Plan, worlds: &'a [World], truth: &'a Truth) -> Self {
        let mut nodes = BTreeMap::new();
        let mut ledgers: Vec<&Ledger> = Vec::new();
        for world in worlds {
            for (ordinal, entity) in world.resource::<Directory>().entities.iter().enumerate() {
                let Some(entity) = *entity else { continue };
                ledgers.extend(world.get::<Admission>(entity).and_then(Admission::ledger));
                if truth.is_up(ordinal as u32) {
                    let end = NodeEnd { chat: world.get(entity), topics: world.get(entity), membership: world.get(entity) };
                    nodes.insert(ordinal as u32, end);
                }
            }
        }
        let invite_only = plan.scenario.protocols.admission.as_ref().is_some_and(|config| config.invite_only);
        let roll = roll(plan, &ledgers);
        let members = nodes.keys().copied().filter(|node| !invite_only || roll.is_member(&plan.ids[*node as usize])).collect();
        Self { truth, topics: topic_names(plan), members, nodes }
    }

    fn members(&self, plan: &Plan) -> Vec<MemberRow> {
        let mut listed_by = vec![0; plan.scenario.nodes as usize];
        for membership in self.members.iter().filter_map(|node| self.nodes.get(node)?.membership) {
            for listed in membership.members().filter_map(|id| plan.ordinal(id)) {
                listed_by[listed as usize] += 1;
            }
        }
        let row = |node: u32| {
            let chat = self.nodes.get(&node).and_then(|node| node.chat);
            MemberRow {
                node,
                member: self.members.contains(&node),
                listed_by: listed_by[node as usize],
                waiting: chat.map_or(0, Chat::waiting) as u32,
                locked: chat.map_or(0, Chat::locked) as u32,
            }
        };
        (0..plan.scenario.nodes).map(row).collect()
    }

    fn subscribes(&self, node: u32, topic: &TopicId) -> bool {
        self.nodes.get(&node).and_then(|node| node.topics).is_some_and(|topics| topics.is_subscribed(topic))
    }

    fn logs(&self) -> Vec<LogsRow> {
        let mut rows = Vec::new();
        for node in &self.members {
            let Some(chat) = self.nodes.get(node).and_then(|node| node.chat) else { continue };
            for (topic, name) in self.topics.iter().filter(|(topic, _)| self.subscribes(*node, topic)) {
                let mut hash = Sha256::new();
                let mut entries = 0;
                for head in chat.logs().heads(*topic) {
                    entries += head.last;
                    hash.update(head.author.0);
                    hash.update(head.life.to_le_bytes());
                    hash.update(head.last.to_le_bytes());
                    hash.update(head.hash.0);
                }
                let digest = hex::encode(&hash.finalize()[..8]);
                rows.push(LogsRow { node: *node, topic: name.clone(), entries, digest });
            }
        }
        rows
    }

    fn text(&self, plan: &Plan, id: &EntryId, said: &Said, texts: &Texts, breaches: &Breaches, latency_max_ms: f64) -> TextRow {
        let none = BTreeMap::new();
        let readings = texts.read.get(id).unwrap_or(&none);
        let entitled: Vec<u32> = said.entitled.iter().copied().filter(|node| self.subscribes(*node, &id.log.topic)).collect();
        let entitled: Vec<u32> = entitled.into_iter().filter(|node| self.members.contains(node)).collect();
        let has = |node: u32| readings.get(&node).is_some_and(|reading| reading.kept);
        let delivered = entitled.iter().filter(|node| has(**node)).count() as u32;
        // What an author took with it when it died, or was thrown out, can reach nobody: agreement is all or none then.
        let steady = self.members.contains(&said.author) && self.truth.changed(said.author) <= said.at;
        let lost = !steady && readings.values().all(|reading| !reading.kept);
        let mut by_time: Vec<_> = readings.iter().map(|(reader, reading)| (reading.at, *reader)).collect();
        by_time.sort_unstable();
        TextRow {
            said: said.at.as_secs_f64(),
            author: said.author,
            topic: if said.to.is_some() { String::new() } else { self.topics.get(&id.log.topic).cloned().unwrap_or_default() },
            to: said.to,
            name: said.name.clone(),
            expected: if lost { 0 } else { entitled.len() as u32 },
            delivered,
            first_reader: by_time.first().map(|(_, reader)| *reader),
            last_reader: by_time.last().map(|(_, reader)| *reader),
            readers: readings.len() as u32,
            latency_max_ms,
            recorder: breaches.recorder.contains(id),
            revoked: breaches.revoked.contains(id) && !is_keeper(plan, said.author),
        }
    }
}

/// Whether a node is among those who were revoked and have kept everything: what it says itself is no secret to it.
fn is_keeper(plan: &Plan, node: u32) -> bool {
    let scenario = &plan.scenario;
    scenario.adversaries.iter().any(|adversary| match adversary {
        Adversary::Revoked { who } => {
            who.resolve(scenario.nodes, &scenario.groups, plan.seed).is_ok_and(|nodes| nodes.binary_search(&node).is_ok())
        }
        _ => false,
    })
}

/// Who is a member by all records of the network to which most belong.
fn roll(plan: &Plan, ledgers: &[&Ledger]) -> Roll {
    let mut networks: BTreeMap<_, Vec<&Ledger>> = BTreeMap::new();
    ledgers.iter().for_each(|ledger| networks.entry(ledger.network()).or_default().push(ledger));
    let Some(all) = networks.into_values().max_by_key(Vec::len) else { return Roll::default() };
    let Some((first, others)) = all.split_first() else { return Roll::default() };
    let mut whole = Ledger::clone(first);
    for (_, record) in others.iter().flat_map(|ledger| ledger.records()) {
        // Each was checked by whoever holds it.
        let _ = whole.insert(record.clone(), plan.scenario.crypto, &mut Vec::new());
    }
    whole.evaluate()
}

/// What chat, admission and routing have refused or could not open, in all worlds.
fn refusals(worlds: &[World]) -> BTreeMap<String, u64> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    let mut add = |name: &str, count: u64| *all.entry(name.to_owned()).or_default() += count;
    for world in worlds {
        let entities = world.resource::<Directory>().entities.iter().flatten();
        for counts in entities.filter_map(|entity| world.get::<Chat>(*entity)).map(Chat::counts) {
            counts.refusals().iter().for_each(|(name, count)| add(name, *count));
        }
        let entities = world.resource::<Directory>().entities.iter().flatten();
        for counts in entities.filter_map(|entity| world.get::<Admission>(*entity)).map(Admission::refused) {
            counts.refusals().iter().for_each(|(name, count)| add(name, *count));
        }
        if let Some(counts) = world.get_resource::<RoutingCounts>() {
            counts.refusals().iter().for_each(|(name, count)| add(name, *count));
        }
    }
    all
}
