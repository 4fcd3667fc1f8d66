//! What liveness knows of a session.

use std::time::Duration;

use bevy_ecs::prelude::*;
use smallvec::SmallVec;

use crate::kernel::Instant;

/// The round-trip time of a session, once a pong has come.
#[derive(Component, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// Of the last answered ping.
    pub current: Option<Duration>,
    /// Shortest so far.
    pub min: Option<Duration>,
    /// Longest so far.
    pub max: Option<Duration>,
    /// Exponential moving average with weight 1/8 for the newest; the first sample as it is (row D06).
    pub average: Option<Duration>,
}

impl RoundTrip {
    /// Takes a sample.
    pub fn add(&mut self, sample: Duration) {
        self.current = Some(sample);
        self.min = Some(self.min.map_or(sample, |min| min.min(sample)));
        self.max = Some(self.max.map_or(sample, |max| max.max(sample)));
        self.average = Some(self.average.map_or(sample, |average| (average * 7 + sample) / 8));
    }
}

/// The pings of a session that have not been answered.
#[derive(Component, Default, Clone, Debug)]
pub(super) struct Pings {
    /// Number of the next.
    pub next: u64,
    /// When the next is sent.
    pub next_at: Instant,
    /// Number and time of those sent, oldest first. As many as fit between a ping and its time-out.
    pub unanswered: SmallVec<[(u64, Instant); 4]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_gives_the_newest_sample_one_eighth() {
        let mut trip = RoundTrip::default();
        for sample in [80, 160, 40] {
            trip.add(Duration::from_millis(sample));
        }
        // 80, then 80 * 7/8 + 160/8 = 90, then 90 * 7/8 + 40/8 = 83.75.
        assert_eq!(trip.average, Some(Duration::from_micros(83_750)));
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!((trip.current, trip.min, trip.max), (millis(40), millis(40), millis(160)));
    }
}
