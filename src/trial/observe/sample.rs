//! The whole world at one instant.

use bevy_ecs::prelude::*;

use super::super::nodes::Directory;
use super::super::trace::Trace;
use super::super::truth::Truth;
use super::Observations;
use crate::kernel::{Instant, Neighbors, Traffic};
use crate::report::Sample;
use crate::wire::Protocol;

/// What one world adds to a [`Sample`].
#[derive(Debug, Clone)]
pub struct PartialSample {
    at: Instant,
    trace: Trace,
    up: u32,
    complete_views: u32,
    reachable_views: u32,
    known_sum: u64,
    known_min: u32,
    known_max: u32,
    suspected: u64,
    degree_sum: u64,
    degree_min: u32,
    degree_max: u32,
    frames: [u64; Protocol::COUNT],
    bytes: [u64; Protocol::COUNT],
}

/// Samples the nodes of `world` as they stand just before `at`.
pub fn take_sample(world: &mut World, at: Instant) {
    let mut sample = PartialSample::empty(at, *world.resource::<Trace>());
    let (truth, seen) = (world.resource::<Truth>(), world.resource::<Observations>());
    let split = truth.is_split();
    for (ordinal, entity) in world.resource::<Directory>().entities.iter().enumerate() {
        let Some(entity) = entity.filter(|_| truth.is_up(ordinal as u32)) else { continue };
        sample.up += 1;
        let degree = world.get::<Neighbors>(entity).map_or(0, Neighbors::len) as u32;
        sample.degree_sum += u64::from(degree);
        sample.degree_min = sample.degree_min.min(degree);
        sample.degree_max = sample.degree_max.max(degree);
        if let Some(view) = seen.views.get(ordinal) {
            let known = view.alive.count_ones(..) as u32;
            sample.known_sum += u64::from(known);
            sample.known_min = sample.known_min.min(known);
            sample.known_max = sample.known_max.max(known);
            sample.suspected += view.suspected.count_ones(..) as u64;
            let complete = view.alive == *truth.up();
            sample.complete_views += u32::from(complete);
            sample.reachable_views += u32::from(if split { view.alive == truth.reachable(ordinal as u32) } else { complete });
        }
    }
    let traffic = world.resource::<Traffic>();
    sample.frames = traffic.sent.map(|counter| counter.frames);
    sample.bytes = traffic.sent.map(|counter| counter.bytes);
    world.resource_mut::<Observations>().samples.push(sample);
}

impl PartialSample {
    fn empty(at: Instant, trace: Trace) -> Self {
        Self {
            at,
            trace,
            up: 0,
            complete_views: 0,
            reachable_views: 0,
            known_sum: 0,
            known_min: u32::MAX,
            known_max: 0,
            suspected: 0,
            degree_sum: 0,
            degree_min: u32::MAX,
            degree_max: 0,
            frames: [0; Protocol::COUNT],
            bytes: [0; Protocol::COUNT],
        }
    }

    /// When it was taken.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The digest of what this world did before.
    pub fn trace(&self) -> Trace {
        self.trace
    }

    /// Adds what another world saw at the same instant.
    pub fn merge(&mut self, other: &Self) {
        self.trace.merge(other.trace);
        self.up += other.up;
        self.complete_views += other.complete_views;
        self.reachable_views += other.reachable_views;
        self.known_sum += other.known_sum;
        self.known_min = self.known_min.min(other.known_min);
        self.known_max = self.known_max.max(other.known_max);
        self.suspected += other.suspected;
        self.degree_sum += other.degree_sum;
        self.degree_min = self.degree_min.min(other.degree_min);
        self.degree_max = self.degree_max.max(other.degree_max);
        for (ours, theirs) in self.frames.iter_mut().zip(other.frames) {
            *ours += theirs;
        }
        for (ours, theirs) in self.bytes.iter_mut().zip(other.bytes) {
            *ours += theirs;
        }
    }

    /// The sample, once all worlds are in it.
    pub fn finish(&self) -> Sample {
        let mean = |sum: u64| if self.up == 0 { 0.0 } else { sum as f64 / f64::from(self.up) };
        let least = |min: u32| if min == u32::MAX { 0 } else { min };
        Sample {
            seconds: self.at.as_secs_f64(),
            up: self.up,
            complete_views: self.complete_views,
            reachable_views: self.reachable_views,
            known_mean: mean(self.known_sum),
            known_min: least(self.known_min),
            known_max: self.known_max,
            suspected: self.suspected,
            links: self.degree_sum / 2,
            degree_min: least(self.degree_min),
            degree_max: self.degree_max,
            degree_mean: mean(self.degree_sum),
            frames: self.frames.to_vec(),
            bytes: self.bytes.to_vec(),
        }
    }
}
