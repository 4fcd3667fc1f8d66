//! What became of each broadcast.

use bevy_ecs::prelude::*;
use fixedbitset::FixedBitSet;
use hdrhistogram::Histogram;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::super::nodes::Planned;
use super::super::plan::Plan;
use super::super::trace::Trace;
use super::super::truth::Truth;
use super::super::workload::stamp;
use super::{Kind, Observations, percentiles};
use crate::kernel::{Instant, Node};
use crate::mesh::broadcast::{Delivered, Published, Redundant};
use crate::report::{BroadcastRow, LatencySummary};
use crate::wire::{MessageId, Rumor};

/// All broadcasts that a world has seen. Those of several worlds add up.
#[derive(Debug)]
pub struct Broadcasts {
    nodes: usize,
    all: IndexMap<MessageId, Tally, FxBuildHasher>,
    /// Delivery latencies in microseconds, to three digits.
    latency: Histogram<u64>,
    duplicates: u64,
}

/// One broadcast, as far as a world has seen it.
#[derive(Debug)]
struct Tally {
    /// Ordinal of its origin.
    origin: u32,
    sent: Instant,
    size: u32,
    /// Who has it, the origin included; who begins anew has it no more.
    reached: FixedBitSet,
    /// First deliveries, also to those who have begun anew since.
    deliveries: u64,
    payloads: u64,
    last_hop: u16,
    /// Deliveries whose latency counts.
    timed: u64,
    latency_sum: u64,
    latency_max: u64,
}

pub(super) fn observe_broadcasts(
    mut published: MessageReader<Published>,
    mut delivered: MessageReader<Delivered>,
    mut redundant: MessageReader<Redundant>,
    nodes: Query<&Node>,
    plan: Res<Planned>,
    truth: Res<Truth>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    let plan = &plan.0;
    for Published { node, id, at, size } in published.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        if let Some(tally) = seen.broadcasts.tally(plan, id, *at, *size) {
            tally.reached.insert(node.ordinal as usize);
        }
        seen.event(&mut trace, *at, node.ordinal, Kind::Published, None, id.sequence, || format!("number {}, {size} bytes", id.sequence));
    }
    for Delivered { node, rumor, round, at } in delivered.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        let Rumor { id, payload, .. } = &**rumor;
        let sent = stamp(&payload.0).unwrap_or(*at);
        let broadcasts = &mut seen.broadcasts;
        let Some(tally) = broadcasts.tally(plan, id, sent, payload.0.len() as u32) else { continue };
        let origin = tally.origin;
        trace.event(*at, node.ordinal, Kind::Delivered as u8, origin, id.sequence);
        match tally.delivered(node.ordinal, *round, [sent, truth.changed(node.ordinal), *at]) {
            // It grows by itself: there is no value that it refuses.
            Delivery::Timed(micros) => broadcasts.latency.record(micros).unwrap_or_default(),
            Delivery::Late => {}
            Delivery::Again => {
                broadcasts.duplicates += 1;
                let detail = || format!("number {}", id.sequence);
                seen.event(&mut trace, *at, node.ordinal, Kind::DuplicateDelivery, Some(origin), id.sequence, detail);
            }
        }
    }
    for Redundant { id, .. } in redundant.read() {
        if let Some(tally) = seen.broadcasts.all.get_mut(id) {
            tally.payloads += 1;
        }
    }
}

/// What a delivery is to the node.
enum Delivery {
    /// The first, and it took so many microseconds.
    Timed(u64),
    /// The first, to a node that began after the message was sent: how long it took says nothing about the mesh.
    Late,
    /// Not the first in this life.
    Again,
}

impl Tally {
    fn delivered(&mut self, node: u32, round: u16, [sent, ran_since, at]: [Instant; 3]) -> Delivery {
        self.payloads += 1;
        if self.reached.put(node as usize) {
            return Delivery::Again;
        }
        self.deliveries += 1;
        self.last_hop = self.last_hop.max(round);
        if ran_since > sent {
            return Delivery::Late;
        }
        let latency = at.nanos_since(sent);
        self.timed += 1;
        self.latency_sum += latency;
        self.latency_max = self.latency_max.max(latency);
        Delivery::Timed(latency / 1000)
    }
}

impl Broadcasts {
    pub(super) fn new(nodes: usize) -> Self {
        let mut latency = Histogram::new(3).unwrap_or_else(|error| unreachable!("three digits are valid: {error}"));
        latency.auto(true);
        Self { nodes, all: IndexMap::default(), latency, duplicates: 0 }
    }

    /// What is known of the broadcast called `id`; `None` if its origin is no node of this run.
    #[inline]
    fn tally(&mut self, plan: &Plan, id: &MessageId, sent: Instant, size: u32) -> Option<&mut Tally> {
        let index = match self.all.get_index_of(id) {
            Some(index) => index,
            None => self.begin(plan, id, sent, size)?,
        };
        Some(&mut self.all[index])
    }

    #[cold]
    fn begin(&mut self, plan: &Plan, id: &MessageId, sent: Instant, size: u32) -> Option<usize> {
        let tally = Tally {
            origin: plan.ordinal(&id.origin)?,
            sent,
            size,
            reached: FixedBitSet::with_capacity(self.nodes),
            deliveries: 0,
            payloads: 0,
            last_hop: 0,
            timed: 0,
            latency_sum: 0,
            latency_max: 0,
        };
        Some(self.all.insert_full(*id, tally).0)
    }

    /// A node begins again with nothing: whatever it is given is new to it.
    pub(super) fn forget(&mut self, node: u32) {
        for tally in self.all.values_mut() {
            tally.reached.set(node as usize, false);
        }
    }

    /// Adds what another world has seen.
    pub(super) fn merge(&mut self, other: Self) {
        for (id, theirs) in other.all {
            let Some(ours) = self.all.get_mut(&id) else {
                self.all.insert(id, theirs);
                continue;
            };
            ours.reached.union_with(&theirs.reached);
            ours.deliveries += theirs.deliveries;
            ours.payloads += theirs.payloads;
            ours.last_hop = ours.last_hop.max(theirs.last_hop);
            ours.timed += theirs.timed;
            ours.latency_sum += theirs.latency_sum;
            ours.latency_max = ours.latency_max.max(theirs.latency_max);
        }
        self.duplicates += other.duplicates;
        // Both grow by themselves and have the same precision, so adding cannot fail.
        let _ = self.latency.add(&other.latency);
    }

    /// Deliveries that came twice.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Percentiles of all delivery latencies.
    pub(super) fn latency(&self) -> Option<LatencySummary> {
        percentiles(&self.latency, self.all.values().map(|tally| tally.latency_max).max().unwrap_or(0) as f64 / 1e6)
    }

    /// One row for each broadcast, in the order of sending.
    pub(super) fn rows(&self, truth: &Truth) -> Vec<BroadcastRow> {
        let mut rows: Vec<_> = self.all.iter().map(|(id, tally)| (tally.sent, tally.origin, id.sequence, tally)).collect();
        rows.sort_by_key(|(sent, origin, sequence, _)| (*sent, *origin, *sequence));
        rows.into_iter()
            .map(|(sent, origin, sequence, tally)| {
                // Whoever ran when it was sent and ever since should have it.
                let steady = |node: &usize| truth.changed(*node as u32) <= sent;
                let reached = truth.up().ones().filter(steady).filter(|node| tally.reached.contains(*node)).count();
                // What an origin took with it when it died can reach nobody: agreement is all or none then.
                let lost_with_origin = reached == 0 && !(truth.is_up(origin) && steady(&(origin as usize)));
                let expected = if lost_with_origin { 0 } else { truth.up().ones().filter(steady).count() };
                BroadcastRow {
                    origin,
                    sequence,
                    sent: sent.as_secs_f64(),
                    size: tally.size,
                    expected: expected as u32,
                    reached: reached as u32,
                    delivered: tally.deliveries as u32 + 1,
                    payloads: tally.payloads,
                    rmr: if tally.deliveries == 0 { 0.0 } else { tally.payloads as f64 / tally.deliveries as f64 - 1.0 },
                    ldh: tally.last_hop,
                    latency_mean_ms: if tally.timed == 0 { 0.0 } else { tally.latency_sum as f64 / tally.timed as f64 / 1e6 },
                    latency_max_ms: tally.latency_max as f64 / 1e6,
                }
            })
            .collect()
    }
}
