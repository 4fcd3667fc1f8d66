//! From what the worlds of a run have observed to its record.

use std::collections::BTreeMap;

use bevy_ecs::prelude::*;
use fixedbitset::FixedBitSet;

use super::super::acts::Deed;
use super::super::carrier::Carrier;
use super::super::nodes::Directory;
use super::super::plan::Plan;
use super::super::timeline::Action;
use super::super::truth::Truth;
use super::membership::missed_at_end;
use super::texts::Texts;
use super::{MAX_EVENTS, Observations, PartialSample, standing};
use crate::kernel::{Instant, Neighbors, Refusals, Session, SessionPhase, Sessions, timers_fired};
use crate::mesh::broadcast::Broadcast;
use crate::mesh::liveness::RoundTrip;
use crate::report::{Checkpoint, DetectionRow, EdgeRow, EventRow, LeaveRow, NodeRow, RoundTripRow, RunRecord};

/// Makes the record of a run that ended at `end`, but for its `meta`'s wall time and memory.
pub fn into_record<N: Carrier>(plan: &Plan, worlds: &mut [World], end: Instant) -> RunRecord {
    let truth = worlds[0].resource::<Truth>().clone();
    let mut record = RunRecord {
        shades: plan.timeline.shades.clone(),
        started_at: plan.timeline.started_at.as_secs_f64(),
        heals: plan.timeline.heals.clone(),
        fault_times: plan.timeline.fault_times.clone(),
        events: timeline_events(plan, end),
        ..RunRecord::default()
    };
    let mut samples: Vec<PartialSample> = Vec::new();
    let mut broadcasts = None;
    let mut goodbyes = Vec::new();
    let mut edges: BTreeMap<(u32, u32), bool> = BTreeMap::new();
    let mut texts = Texts::default();
    for world in worlds.iter_mut() {
        missed_at_end(world, end);
        record.nodes.extend(node_rows(plan, world, &truth));
        collect_edges(plan, world, &mut edges);
        record.round_trips.extend(round_trips(plan, world));
        record.meta.events += timers_fired(world) + world.resource::<N>().delivered();
        for (reason, count) in world.resource::<Refusals>().iter() {
            *record.refusals.entry(reason.name().to_owned()).or_default() += count;
        }
        let Some(seen) = world.remove_resource::<Observations>() else { continue };
        record.events_dropped += seen.events_dropped;
        record.events.extend(seen.events);
        record.detections.extend(seen.detections);
        record.missed_detections += seen.missed_detections;
        record.false_suspicions += seen.false_suspicions;
        goodbyes.extend(seen.goodbyes);
        texts.merge(seen.texts);
        match &mut broadcasts {
            None => broadcasts = Some(seen.broadcasts),
            Some(all) => all.merge(seen.broadcasts),
        }
        if samples.is_empty() {
            samples = seen.samples;
        } else {
            samples.iter_mut().zip(&seen.samples).for_each(|(ours, theirs)| ours.merge(theirs));
        }
    }
    record.nodes.sort_by_key(|row| row.node);
    record.round_trips.sort_by_key(|row| (row.node, row.peer, row.current_ms.to_bits()));
    record.edges = edges.into_iter().map(|((a, b), tree)| EdgeRow { a, b, tree }).collect();
    keep_last_of_each(&mut record.detections);
    record
        .detections
        .sort_by(|a, b| (a.since + a.seconds).total_cmp(&(b.since + b.seconds)).then((a.observer, a.target).cmp(&(b.observer, b.target))));
    sort_events(&mut record);
    record.leaves = leave_rows(plan, &goodbyes, &truth);
    record.checkpoints = samples.iter().map(|sample| Checkpoint { nanos: sample.at().as_nanos(), digest: sample.trace().hex() }).collect();
    record.meta.digest = record.checkpoints.last().map(|last| last.digest.clone()).unwrap_or_default();
    record.samples = samples.iter().map(PartialSample::finish).collect();
    if let Some(broadcasts) = broadcasts {
        record.broadcasts = broadcasts.rows(&truth);
        record.latency = broadcasts.latency();
        record.duplicate_deliveries = broadcasts.duplicates();
    }
    if plan.scenario.protocols.chat.is_some() {
        standing::complete(&mut record, plan, worlds, &truth, &texts);
    }
    record
}

/// Old news may bring back trust for a while. What counts is the suspicion that stayed: one row for each absence that somebody noticed.
fn keep_last_of_each(detections: &mut Vec<DetectionRow>) {
    let absence = |row: &DetectionRow| (row.observer, row.target, row.since.to_bits());
    detections.sort_by(|a, b| absence(a).cmp(&absence(b)).then(b.seconds.total_cmp(&a.seconds)));
    detections.dedup_by_key(|row| absence(row));
}

/// Events of one instant come in an order that does not depend on which world saw them.
fn sort_events(record: &mut RunRecord) {
    record.events.sort_by(|a, b| (a.nanos, a.node, &a.kind, a.peer, &a.detail).cmp(&(b.nanos, b.node, &b.kind, b.peer, &b.detail)));
    let surplus = record.events.len().saturating_sub(MAX_EVENTS);
    record.events_dropped += surplus as u64;
    // What the timeline does is always told.
    let mut rest = record.events.split_off(MAX_EVENTS.min(record.events.len()));
    rest.retain(|event| event.node.is_none());
    record.events_dropped -= rest.len() as u64;
    record.events.append(&mut rest);
}

/// What the timeline does to many nodes at once.
fn timeline_events(plan: &Plan, end: Instant) -> Vec<EventRow> {
    let moments = plan.timeline.moments.iter().filter(|moment| moment.at < end);
    moments
        .filter_map(|moment| {
            let (kind, detail) = match &moment.action {
                Action::Start { .. } => return None,
                Action::Act(deed) => deed_event(deed),
                Action::Steal(nodes) => ("steal", names(nodes)),
                Action::Crash(nodes) => ("crash", names(nodes)),
                Action::Leave(nodes) => ("leave", names(nodes)),
                Action::Pause(nodes, until) => ("pause", format!("{} until {:.3} s", names(nodes), until.as_secs_f64())),
                Action::Drift(nodes, ppm) => ("clock_drift", format!("{} by {ppm} ppm", names(nodes))),
                Action::Network(fault) => ("network", fault.to_string()),
            };
            Some(EventRow { nanos: moment.at.as_nanos(), node: None, kind: kind.to_owned(), peer: None, detail })
        })
        .collect()
}

fn deed_event(deed: &Deed) -> (&'static str, String) {
    match deed {
        Deed::Say(from, topic, text) => ("say", format!("{} in {topic}: {text}", names(from))),
        Deed::Dm(from, to, text) => ("dm", format!("n{from} to n{to}: {text}")),
        Deed::Invite(by, who) => ("invite", format!("n{by} invites {}", names(who))),
        Deed::Revoke(by, who) => ("revoke", format!("n{by} revokes {}", names(who))),
        Deed::Join(nodes, topic) => ("join", format!("{} in {topic}", names(nodes))),
        Deed::Leave(nodes, topic) => ("leave_topic", format!("{} in {topic}", names(nodes))),
    }
}

/// A few by name, many by number.
fn names(nodes: &[u32]) -> String {
    match nodes {
        [] => "no node".to_owned(),
        few if few.len() <= 8 => few.iter().map(|node| format!("n{node}")).collect::<Vec<_>>().join(" "),
        many => format!("{} nodes", many.len()),
    }
}

fn node_rows(plan: &Plan, world: &World, truth: &Truth) -> Vec<NodeRow> {
    let (directory, seen) = (world.resource::<Directory>(), world.resource::<Observations>());
    (0..plan.scenario.nodes)
        .filter(|node| plan.owner[*node as usize] == directory.world)
        .map(|node| {
            let up = truth.is_up(node);
            let entity = directory.entities[node as usize].filter(|_| up);
            NodeRow {
                node,
                id: format!("{:?}", plan.ids[node as usize]),
                region: plan.model.region(node).unwrap_or_default().to_owned(),
                up,
                degree: entity.and_then(|entity| world.get::<Neighbors>(entity)).map_or(0, Neighbors::len) as u32,
                known: seen.views.get(node as usize).filter(|_| up).map_or(0, |view| view.alive.count_ones(..)) as u32,
            }
        })
        .collect()
}

fn collect_edges(plan: &Plan, world: &World, edges: &mut BTreeMap<(u32, u32), bool>) {
    for (node, entity) in world.resource::<Directory>().entities.iter().enumerate() {
        let Some((entity, neighbors)) = entity.and_then(|entity| Some((entity, world.get::<Neighbors>(entity)?))) else { continue };
        let broadcast = world.get::<Broadcast>(entity);
        for neighbor in neighbors.iter() {
            let Some(peer) = plan.ordinal(&neighbor.id) else { continue };
            let node = node as u32;
            let eager = broadcast.is_some_and(|broadcast| broadcast.is_eager(neighbor.session));
            *edges.entry((node.min(peer), node.max(peer))).or_default() |= eager;
        }
    }
}

/// What the nodes of a world that run have measured over their open sessions.
fn round_trips(plan: &Plan, world: &World) -> Vec<RoundTripRow> {
    let row = |node: usize, session: Entity| {
        let remote = world.get::<Session>(session).filter(|state| state.phase == SessionPhase::Established)?.remote?;
        let RoundTrip { current, min, max, average } = *world.get::<RoundTrip>(session)?;
        let [current_ms, min_ms, max_ms, average_ms] = [current?, min?, max?, average?].map(|time| time.as_nanos() as f64 / 1e6);
        Some(RoundTripRow { node: node as u32, peer: plan.ordinal(&remote)?, current_ms, min_ms, max_ms, average_ms })
    };
    let entities = world.resource::<Directory>().entities.iter().enumerate();
    let sessions = entities.filter_map(|(node, entity)| Some((node, world.get::<Sessions>((*entity)?)?)));
    sessions.flat_map(|(node, sessions)| sessions.iter().filter_map(move |session| row(node, session))).collect()
}

fn leave_rows(plan: &Plan, goodbyes: &[(u32, u32, Instant)], truth: &Truth) -> Vec<LeaveRow> {
    let mut up = FixedBitSet::with_capacity(plan.scenario.nodes as usize);
    let mut leaves = Vec::new();
    for moment in &plan.timeline.moments {
        match &moment.action {
            Action::Start { nodes, .. } => up.extend(nodes.iter().map(|node| *node as usize)),
            Action::Crash(nodes) | Action::Leave(nodes) => {
                // Who does not run has nothing to leave.
                let left = nodes.iter().filter(|node| matches!(moment.action, Action::Leave(_)) && up.contains(**node as usize));
                leaves.extend(left.map(|node| (*node, moment.at)));
                nodes.iter().for_each(|node| up.set(*node as usize, false));
            }
            _ => {}
        }
    }
    leaves
        .into_iter()
        .map(|(node, at)| {
            // Those who ran from then on to the end.
            let witness = |other: u32| other != node && truth.is_up(other) && truth.changed(other) <= at;
            let mut reports: BTreeMap<u32, Instant> = BTreeMap::new();
            for (observer, _, heard) in goodbyes.iter().filter(|(observer, who, heard)| *who == node && *heard >= at && witness(*observer))
            {
                let first = reports.entry(*observer).or_insert(*heard);
                *first = (*first).min(*heard);
            }
            LeaveRow {
                node,
                at: at.as_secs_f64(),
                expected: (0..plan.scenario.nodes).filter(|other| witness(*other)).count() as u32,
                reported: reports.len() as u32,
                seconds_max: reports.values().map(|heard| heard.since(at).as_secs_f64()).fold(0.0, f64::max),
            }
        })
        .collect()
}
