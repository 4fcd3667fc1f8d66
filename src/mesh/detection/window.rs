//! The arrival times of one member's heartbeats: a sliding window of the times between them.

use std::time::Duration;

/// Microseconds of a duration; what is longer than 71 minutes counts as that.
fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// The times between the latest heartbeats, with sums that make their mean and variance cheap. They are exact: nothing builds
/// up as samples come and go.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// A ring once it is full; microseconds.
    samples: Vec<u32>,
    /// Index of the oldest sample of a full ring.
    oldest: u32,
    /// What it expected first, in microseconds, as long as both samples that stand for it are there; then 0.
    estimate: u32,
    sum: u64,
    sum_of_squares: u128,
}

/// The samples that stand for an estimate, as parts of it.
const ESTIMATE: [f64; 2] = [0.5, 1.5];

impl Window {
    /// A window that expects `estimate` give or take a half until it knows better, as Akka's detector does with a quarter: two samples that
    /// go when the window is full.
    pub fn expecting(estimate: Duration) -> Self {
        let mut window = Self { estimate: micros(estimate), ..Self::default() };
        for part in ESTIMATE {
            window.push(estimate.mul_f64(part), ESTIMATE.len());
        }
        window
    }

    /// Expects `estimate` instead of less, as long as what it expected first is in the window. Says whether it did expect less.
    pub fn expect_as_rarely_as(&mut self, estimate: Duration) -> bool {
        let expected_less = (1..micros(estimate)).contains(&self.estimate);
        if expected_less {
            self.estimate = micros(estimate);
            for (index, part) in ESTIMATE.into_iter().enumerate() {
                self.replace(index, micros(estimate.mul_f64(part)));
            }
        }
        expected_less
    }

    /// Takes in the time between two heartbeats; the oldest makes room if there are `most` (at least 2) already.
    pub fn push(&mut self, interval: Duration, most: usize) {
        let sample = micros(interval);
        if self.samples.len() < most.max(2) {
            self.samples.push(0);
            self.replace(self.samples.len() - 1, sample);
        } else {
            let index = self.oldest as usize % self.samples.len();
            self.replace(index, sample);
            self.oldest = (index as u32 + 1) % self.samples.len() as u32;
            self.estimate = 0;
        }
    }

    fn replace(&mut self, index: usize, sample: u32) {
        let Some(place) = self.samples.get_mut(index) else { return };
        let old = std::mem::replace(place, sample);
        self.sum = self.sum - u64::from(old) + u64::from(sample);
        self.sum_of_squares = self.sum_of_squares - square(old) + square(sample);
    }

    /// Mean, in seconds.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.samples.len().max(1) as f64 / 1e6
    }

    /// Standard deviation, in seconds.
    pub fn std_deviation(&self) -> f64 {
        let count = self.samples.len().max(1) as u128;
        // n·Σx² - (Σx)² in whole numbers: neither negative nor rounded.
        let spread = count * self.sum_of_squares - u128::from(self.sum) * u128::from(self.sum);
        (spread as f64).sqrt() / count as f64 / 1e6
    }
}

fn square(sample: u32) -> u128 {
    u128::from(u64::from(sample) * u64::from(sample))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn mean_and_deviation_are_those_of_the_latest_samples(
            samples in prop::collection::vec(0_u32..100_000_000, 1..300), most in 2_usize..120,
        ) {
            let mut window = Window::default();
            for sample in &samples {
                window.push(Duration::from_micros((*sample).into()), most);
            }
            let latest: Vec<f64> = samples.iter().rev().take(most).map(|sample| f64::from(*sample) / 1e6).collect();
            let count = latest.len() as f64;
            let mean = latest.iter().sum::<f64>() / count;
            let variance = latest.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / count;
            prop_assert!((window.mean() - mean).abs() < 1e-9 * mean.max(1.0));
            prop_assert!((window.std_deviation() - variance.sqrt()).abs() < 1e-6);
        }
    }

    #[test]
    fn the_first_estimate_has_a_deviation_of_a_half() {
        let window = Window::expecting(Duration::from_secs(4));
        assert_eq!((window.mean(), window.std_deviation()), (4.0, 2.0));
    }

    #[test]
    fn an_estimate_rises_in_place_as_long_as_it_is_in_the_window() {
        let seconds = Duration::from_secs;
        let mut window = Window::expecting(seconds(4));
        window.push(seconds(1), 3);
        assert!(!window.expect_as_rarely_as(seconds(4)), "it expects as much already");
        assert!(window.expect_as_rarely_as(seconds(10)));
        assert_eq!((window.samples.clone(), window.mean()), (vec![5_000_000, 15_000_000, 1_000_000], 7.0));
        window.push(seconds(1), 3);
        assert!(!window.expect_as_rarely_as(seconds(100)), "it knows better");
    }
}
