//! What a scenario says about one direction of a link, compiled.

use std::time::Duration;

use super::random::SplitMix;
use crate::scenario::{Latency, LinkRule, LinkSpec, Loss};

/// Shortest latency that is ever drawn, whatever a scenario says, in nanoseconds: a tick must not be longer than the shortest
/// latency, and ticks of less than this would cost more than they show.
const FLOOR: u64 = 50_000;
/// Distributions without a lower bound are cut off at this, or at a quarter of their centre if that is shorter.
const CUT: u64 = 1_000_000;

/// One direction of a link, compiled. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkParams {
    /// The latency of a link that does nothing else and draws nothing.
    pub(super) plain: Option<u64>,
    latency: Shape,
    /// Nothing arrives sooner.
    pub(super) floor: u64,
    jitter: u64,
    pub(super) loss: Loss,
    pub(super) duplicate: f64,
    reorder: f64,
    held_back: u64,
    /// Bytes per second, and how many may wait.
    pub(super) rate: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Constant(u64),
    Uniform { from: u64, width: u64 },
    Normal { mean: f64, deviation: f64 },
    LogNormal { log_median: f64, deviation: f64 },
}

impl LinkParams {
    /// `spec`, with the latency between regions if there is one, and then `rules`, of which the last wins, field by field.
    pub(super) fn compile<'a>(spec: &LinkSpec, between_regions: Option<Duration>, rules: impl Iterator<Item = &'a LinkRule>) -> Self {
        let mut spec = spec.clone();
        if let Some(latency) = between_regions {
            spec.latency = Latency::Constant(latency);
        }
        for LinkRule { latency, jitter, loss, duplicate, reorder, rate, .. } in rules {
            replace(&mut spec.latency, latency);
            replace(&mut spec.jitter, jitter);
            replace(&mut spec.loss, loss);
            replace(&mut spec.duplicate, duplicate);
            replace(&mut spec.reorder, reorder);
            spec.rate = rate.or(spec.rate);
        }
        let latency = match spec.latency {
            Latency::Constant(latency) => Shape::Constant(nanos(latency).max(FLOOR)),
            Latency::Uniform(a, b) => Shape::Uniform { from: nanos(a.min(b)), width: nanos(a.max(b)) - nanos(a.min(b)) },
            Latency::Normal(mean, deviation) => Shape::Normal { mean: nanos(mean) as f64, deviation: nanos(deviation) as f64 },
            Latency::LogNormal(median, deviation) => Shape::LogNormal { log_median: libm::log(nanos(median).max(1) as f64), deviation },
        };
        let mut params = Self {
            plain: None,
            latency,
            floor: latency.shortest(),
            jitter: nanos(spec.jitter),
            loss: spec.loss,
            duplicate: spec.duplicate,
            reorder: spec.reorder.probability,
            held_back: nanos(spec.reorder.delay),
            rate: spec.rate.map(|rate| (rate.max(1), spec.queue)),
        };
        if let Shape::Constant(latency) = params.latency
            && params.jitter == 0
            && params.loss == Loss::None
            && params.duplicate <= 0.0
            && params.reorder <= 0.0
            && params.rate.is_none()
        {
            params.plain = Some(latency);
        }
        params
    }

    /// The shortest latency that can be drawn.
    pub fn min_latency(&self) -> Duration {
        Duration::from_nanos(self.floor)
    }

    /// Time from the end of sending to the arrival, in nanoseconds.
    #[inline]
    pub(super) fn draw_latency(&self, stream: &mut SplitMix) -> u64 {
        let mut latency = self.latency.draw(stream).max(self.floor);
        if self.jitter > 0 {
            latency += stream.up_to(self.jitter);
        }
        if stream.chance(self.reorder) {
            latency += self.held_back;
        }
        latency
    }
}

impl Shape {
    #[inline]
    fn draw(self, stream: &mut SplitMix) -> u64 {
        match self {
            Self::Constant(latency) => latency,
            Self::Uniform { from, width } => from + stream.up_to(width),
            // The conversion from float saturates, and what is below the floor is raised to it.
            Self::Normal { mean, deviation } => (mean + deviation * stream.normal()) as u64,
            Self::LogNormal { log_median, deviation } => libm::exp(log_median + deviation * stream.normal()) as u64,
        }
    }

    fn shortest(self) -> u64 {
        let cut = |centre: f64| CUT.min((centre / 4.0) as u64);
        let shortest = match self {
            Self::Constant(latency) => latency,
            Self::Uniform { from, .. } => from,
            Self::Normal { mean, deviation } if deviation <= 0.0 => mean as u64,
            Self::Normal { mean, .. } => cut(mean),
            Self::LogNormal { log_median, deviation: 0.0 } => libm::exp(log_median) as u64,
            Self::LogNormal { log_median, .. } => cut(libm::exp(log_median)),
        };
        shortest.max(FLOOR)
    }
}

fn replace<T: Clone>(value: &mut T, by: &Option<T>) {
    if let Some(by) = by {
        value.clone_from(by);
    }
}

/// Two hundred years at most, so that sums of a few do not overflow.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX / 4)
}
