//! What detection knows of a node's members.

use std::time::Duration;

use bevy_ecs::prelude::*;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::config::DetectionConfig;
use super::phi::{deviation_at, phi};
use super::window::Window;
use crate::crypto::NodeId;
use crate::kernel::{Instant, NodeClock};

/// The heartbeats of all members as they arrived at a node.
#[derive(Component, Default, Debug)]
pub struct Detector {
    arrivals: IndexMap<NodeId, Arrivals, FxBuildHasher>,
    /// For each of `arrivals` when suspicion reaches the threshold; [`Instant::NEVER`] for those suspected already. Apart from
    /// them because each look at all members goes through these and through nothing else.
    deadlines: Vec<Instant>,
    /// No deadline is earlier.
    earliest: Instant,
    /// When the node last looked, or started.
    pub(super) checked: Instant,
}

/// So many members more, and heartbeats are first expected as rarely again. Joins run ahead of rounds; the heartbeats that follow need
/// a round for each hop, and in a crowd they wait for their turn at each besides.
const CROWD: f64 = 400.0;

#[derive(Debug)]
struct Arrivals {
    window: Window,
    last: Instant,
}

/// What does not change during a run: the configuration, and what follows from it.
#[derive(Resource, Clone, Debug)]
pub(super) struct Limits {
    config: DetectionConfig,
    /// Standard deviations at which suspicion reaches the threshold.
    deviations: f64,
    /// What of a silence beyond the mean is learnt at most: as much as is accepted whatever has been learnt. Without a pause no less than
    /// the least deviation allows, or nothing would be learnt of how heartbeats vary.
    learnt_pause: Duration,
}

impl Limits {
    pub(super) fn new(config: DetectionConfig) -> Self {
        // A threshold of zero or less, or none at all, would suspect everybody at once.
        let threshold = if config.threshold > 0.01 { config.threshold.min(1e6) } else { 0.01 };
        let deviations = deviation_at(threshold);
        let allowed = Duration::try_from_secs_f64(deviations * config.min_std_deviation.as_secs_f64()).unwrap_or(Duration::MAX);
        Self { deviations, learnt_pause: config.acceptable_pause.max(allowed), config }
    }

    /// Mean, pause included, and standard deviation, in seconds.
    fn distribution(&self, window: &Window) -> (f64, f64) {
        let least = self.config.min_std_deviation.as_secs_f64().max(1e-3);
        (window.mean() + self.config.acceptable_pause.as_secs_f64(), window.std_deviation().max(least))
    }

    fn deadline(&self, arrivals: &Arrivals, clock: &NodeClock) -> Instant {
        let (mean, std_deviation) = self.distribution(&arrivals.window);
        let patience = Duration::try_from_secs_f64(mean + self.deviations * std_deviation).unwrap_or_default();
        clock.after(arrivals.last, patience)
    }

    /// How often heartbeats come while there are so many others, before some have come.
    fn first_estimate(&self, others: usize) -> Duration {
        self.config.first_estimate.mul_f64(1.0 + others as f64 / CROWD)
    }

    /// What the configuration says.
    pub(super) fn config(&self) -> &DetectionConfig {
        &self.config
    }
}

impl Detector {
    /// Whether `member` is suspected.
    pub fn suspects(&self, member: &NodeId) -> bool {
        self.arrivals.get_index_of(member).is_some_and(|index| self.deadlines[index] == Instant::NEVER)
    }

    /// How many members are watched.
    pub fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// Whether nobody is watched.
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// Watches `member` from `at` on, with a new window. Says whether it had been suspected.
    pub(super) fn watch(&mut self, member: NodeId, clock: &NodeClock, limits: &Limits, at: Instant) -> bool {
        let arrivals = Arrivals { window: Window::expecting(limits.first_estimate(self.arrivals.len())), last: at };
        let deadline = limits.deadline(&arrivals, clock);
        let (index, old) = self.arrivals.insert_full(member, arrivals);
        let suspected = old.is_some() && self.deadlines[index] == Instant::NEVER;
        if index == self.deadlines.len() {
            self.deadlines.push(deadline);
        } else {
            self.deadlines[index] = deadline;
        }
        self.earliest = self.earliest.min(deadline);
        suspected
    }

    /// Takes in a heartbeat. Says whether its member had been suspected.
    pub(super) fn hear(&mut self, member: &NodeId, clock: &NodeClock, limits: &Limits, at: Instant) -> bool {
        let Some((index, _, arrivals)) = self.arrivals.get_full_mut(member) else { return false };
        let suspected = self.deadlines[index] == Instant::NEVER;
        // A silence that was a failure says nothing about how heartbeats come, nor does the part of one that only the accepted pause
        // has kept from being held for one: learnt, it would hide the next failure.
        if !suspected {
            let mean = Duration::from_secs_f64(arrivals.window.mean());
            let longest = mean.saturating_add(limits.learnt_pause);
            arrivals.window.push(clock.elapsed(arrivals.last, at).min(longest), limits.config.window);
        }
        arrivals.last = arrivals.last.max(at);
        let deadline = limits.deadline(arrivals, clock);
        self.deadlines[index] = deadline;
        self.earliest = self.earliest.min(deadline);
        suspected
    }

    /// Watches `member` no longer.
    pub(super) fn drop_member(&mut self, member: &NodeId) {
        if let Some((index, ..)) = self.arrivals.swap_remove_full(member) {
            self.deadlines.swap_remove(index);
        }
    }

    /// Suspects everybody whose deadline has passed, and says who it is and how much.
    pub(super) fn suspect(&mut self, clock: &NodeClock, limits: &Limits, now: Instant, mut tell: impl FnMut(NodeId, f64)) {
        if now < self.earliest {
            return;
        }
        self.earliest = Instant::NEVER;
        let estimate = limits.first_estimate(self.arrivals.len().saturating_sub(1));
        for index in 0..self.deadlines.len() {
            let deadline = self.deadlines[index];
            if deadline > now {
                self.earliest = self.earliest.min(deadline);
                continue;
            }
            let Some((member, arrivals)) = self.arrivals.get_index_mut(index) else { continue };
            // Many more may have joined since it has been watched.
            if arrivals.window.expect_as_rarely_as(estimate) {
                let deadline = limits.deadline(arrivals, clock);
                if deadline > now {
                    self.deadlines[index] = deadline;
                    self.earliest = self.earliest.min(deadline);
                    continue;
                }
            }
            self.deadlines[index] = Instant::NEVER;
            let (mean, std_deviation) = limits.distribution(&arrivals.window);
            tell(*member, phi(clock.elapsed(arrivals.last, now).as_secs_f64(), mean, std_deviation));
        }
    }

    /// The node itself was absent for `gap`: that is nobody else's silence.
    pub(super) fn excuse(&mut self, gap: Duration) {
        for (arrivals, deadline) in self.arrivals.values_mut().zip(&mut self.deadlines) {
            arrivals.last = arrivals.last + gap;
            // `NEVER` stays what it is.
            *deadline = *deadline + gap;
        }
        self.earliest = self.earliest + gap;
    }
}
