//! What is observed: systems in [`TickSystems::Observe`] that read what protocols tell, hold it against the truth, and count.
//!
//! Each world observes its own nodes. Everything observed can be added up, so that several worlds make one record.

mod broadcasts;
mod kinds;
mod membership;
mod merge;
mod sample;
mod standing;
mod texts;

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use fixedbitset::FixedBitSet;
use hdrhistogram::Histogram;

use super::plan::Plan;
use super::trace::Trace;
use crate::kernel::{AppTickExt, Instant, NeighborDown, NeighborUp, SessionClosed, SessionOpened, Tick, TickSystems};
use crate::mesh::admission::{AdmissionRefused, Admitted, Revoked};
use crate::mesh::broadcast::{Delivered, Published, Redundant};
use crate::mesh::chat::{NotSaid, TextHeard};
use crate::mesh::detection::{Suspected, Trusted};
use crate::mesh::discovery::{WentOffline, WentOnline};
use crate::mesh::leave::{MemberLeft, Stopped};
use crate::mesh::membership::{MemberForgotten, MemberJoined};
use crate::mesh::topics::TopicRefused;
use crate::report::{DetectionRow, EventRow, LatencySummary};

pub use broadcasts::Broadcasts;
pub use kinds::Kind;
pub use membership::before_action;
pub use merge::into_record;
pub use sample::{PartialSample, take_sample};

/// Most events kept for the events file.
pub const MAX_EVENTS: usize = 100_000;

/// What one world has observed so far.
#[derive(Resource, Debug)]
pub struct Observations {
    /// What each node of this world believes, by ordinal; empty for nodes of other worlds and without membership.
    views: Vec<View>,
    /// Broadcasts.
    pub broadcasts: Broadcasts,
    texts: texts::Texts,
    events: Vec<EventRow>,
    /// Length of a tick.
    tick: Duration,
    /// From then on no event is kept.
    full_from: Instant,
    events_dropped: u64,
    detections: Vec<DetectionRow>,
    missed_detections: u64,
    false_suspicions: u64,
    /// Who heard of whose goodbye, and when.
    goodbyes: Vec<(u32, u32, Instant)>,
    samples: Vec<PartialSample>,
}

/// What a node believes of the others.
#[derive(Debug, Default, Clone)]
struct View {
    /// Members it holds for alive, itself included.
    alive: FixedBitSet,
    /// Members it suspects.
    suspected: FixedBitSet,
}

/// Observes everything.
pub struct ObservePlugin;

impl Plugin for ObservePlugin {
    fn build(&self, app: &mut App) {
        let plan = app.world().resource::<super::nodes::Planned>().0.clone();
        app.insert_resource(Observations::new(&plan))
            .init_resource::<Trace>()
            // A protocol that is switched off tells nothing, but its messages must exist to be read.
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<Suspected>()
            .add_tick_message::<Trusted>()
            .add_tick_message::<MemberLeft>()
            .add_tick_message::<Stopped>()
            .add_tick_message::<WentOffline>()
            .add_tick_message::<WentOnline>()
            .add_tick_message::<Published>()
            .add_tick_message::<Delivered>()
            .add_tick_message::<Redundant>()
            .add_tick_message::<NeighborUp>()
            .add_tick_message::<NeighborDown>()
            .add_tick_message::<SessionOpened>()
            .add_tick_message::<SessionClosed>()
            .add_tick_message::<TextHeard>()
            .add_tick_message::<NotSaid>()
            .add_tick_message::<Admitted>()
            .add_tick_message::<Revoked>()
            .add_tick_message::<AdmissionRefused>()
            .add_tick_message::<TopicRefused>()
            .add_systems(
                Tick,
                (
                    membership::observe_starts,
                    membership::observe_departures,
                    membership::observe_arrivals,
                    membership::observe_suspicion,
                    membership::observe_goodbyes,
                    membership::observe_links,
                    broadcasts::observe_broadcasts,
                    texts::observe_texts,
                    texts::observe_admission,
                )
                    .chain()
                    .in_set(TickSystems::Observe),
            );
    }
}

impl Observations {
    fn new(plan: &Plan) -> Self {
        let nodes = plan.scenario.nodes as usize;
        let views = if plan.scenario.protocols.membership.is_some() { vec![View::default(); nodes] } else { Vec::new() };
        Self {
            views,
            broadcasts: Broadcasts::new(nodes),
            texts: texts::Texts::new(plan),
            events: Vec::new(),
            tick: plan.quantum,
            full_from: Instant::NEVER,
            events_dropped: 0,
            detections: Vec::new(),
            missed_detections: 0,
            false_suspicions: 0,
            goodbyes: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Notes that something happened at `node`; `detail` is only made if there is room for it.
    fn event(
        &mut self,
        trace: &mut Trace,
        at: Instant,
        node: u32,
        kind: Kind,
        peer: Option<u32>,
        value: u64,
        detail: impl FnOnce() -> String,
    ) {
        trace.event(at, node, kind as u8, peer.unwrap_or(u32::MAX), value);
        // Within a tick events do not come by time. So all are kept until the tick is over, and the surplus goes when all are sorted.
        if self.events.len() == MAX_EVENTS && self.full_from == Instant::NEVER {
            self.full_from = at + self.tick;
        }
        if at < self.full_from {
            self.events.push(EventRow { nanos: at.as_nanos(), node: Some(node), kind: kind.name().to_owned(), peer, detail: detail() });
        } else {
            self.events_dropped += 1;
        }
    }
}

/// Percentiles of latencies in microseconds, and the `longest` in milliseconds. The histogram tells the upper end of a range, at most a
/// thousandth above, which may lie beyond the longest.
fn percentiles(latency: &Histogram<u64>, longest: f64) -> Option<LatencySummary> {
    let at = |quantile: f64| (latency.value_at_quantile(quantile) as f64 / 1000.0).min(longest);
    (!latency.is_empty()).then(|| LatencySummary { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: longest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_percentile_is_above_the_longest() {
        let mut latency = Histogram::new_with_bounds(1, 1 << 30, 3).unwrap();
        assert_eq!(percentiles(&latency, 0.0), None);
        latency.record_n(900_000, 10).unwrap();
        latency.record(100_000).unwrap();
        let expected = LatencySummary { p50: 900.0, p90: 900.0, p99: 900.0, max: 900.0 };
        assert_eq!(percentiles(&latency, 900.0), Some(expected));
    }
}
