//! The phi accrual failure detector (Hayashibara, Défago, Yared, Katayama: "The phi accrual failure detector", SRDS 2004).
//!
//! `phi(t) = -log10(P_later(t))`, where `P_later(t)` is the probability that a heartbeat comes more than `t` after the last one, if
//! inter-arrival times are normal with the mean and variance of those in the window (sections 4.2 and 5.3):
//! `P_later(t) = 1 - F(t) = erfc((t - mean) / (deviation * sqrt 2)) / 2`. Phi 8 means one false suspicion in 10^8.
//!
//! Two things are added, as in Akka and Cassandra: the deviation has a lower bound, and a pause is accepted on top of the mean.

use std::time::Duration;

use super::DetectionConfig;
use crate::kernel::Instant;

/// The first guess at a member's rhythm, two samples, counts until so many real ones have come.
const GUESS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
const ENOUGH: usize = 8;

/// Probability below which the tail is computed by its asymptotic series, where erfc would underflow.
const FAR: f64 = 25.0;

/// Suspicion `t` after the last heartbeat. Any unit, the same for all three; `deviation` above zero.
pub fn phi(t: f64, mean: f64, deviation: f64) -> f64 {
    phi_of_distance((t - mean) / deviation)
}

/// Suspicion at so many standard deviations from the mean.
fn phi_of_distance(z: f64) -> f64 {
    if z < FAR {
        return -(0.5 * libm::erfc(z / std::f64::consts::SQRT_2)).log10();
    }
    // Q(z) = exp(-z²/2) / (z sqrt(2 pi)) * (1 - 1/z² + 3/z⁴ - …), Abramowitz and Stegun 26.2.12.
    let series = 1.0 - z.powi(-2) + 3.0 * z.powi(-4) - 15.0 * z.powi(-6);
    (z * z / 2.0 + (z * (2.0 * std::f64::consts::PI).sqrt()).ln() - series.ln()) / std::f64::consts::LN_10
}

/// At how many standard deviations from the mean suspicion reaches `threshold` (above 0).
pub fn distance(threshold: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 1e6);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if phi_of_distance(middle) < threshold { low = middle } else { high = middle }
    }
    high
}

/// The heartbeats of one member: the last inter-arrival times and what follows from them.
#[derive(Debug, Clone)]
pub struct Window {
    /// Inter-arrival times in microseconds, a ring that grows to its size.
    samples: Vec<u32>,
    next: u32,
    sum: u64,
    sum_of_squares: f64,
    last: Instant,
    /// How long after the last heartbeat suspicion reaches the threshold.
    patience: Duration,
    /// Whether the guess has been dropped.
    proven: bool,
    /// Whether it is suspected.
    pub suspected: bool,
}

impl Window {
    /// A member that was heard of at `now`. Nothing is known of its rhythm yet, so the first guess is two seconds give or take one.
    pub fn new(now: Instant, config: &DetectionConfig, distance: f64) -> Self {
        let mut window = Self {
            samples: Vec::new(),
            next: 0,
            sum: 0,
            sum_of_squares: 0.0,
            last: now,
            patience: Duration::ZERO,
            proven: false,
            suspected: false,
        };
        GUESS.into_iter().for_each(|sample| window.add(sample, config));
        window.patience = window.reach(config, distance);
        window
    }

    /// A heartbeat came at `now`, `since` after the last one on the node's own clock.
    pub fn beat(&mut self, now: Instant, since: Duration, config: &DetectionConfig, distance: f64) {
        // While it was suspected it was away: that is not its rhythm.
        if !self.suspected {
            self.add(since, config);
            if self.samples.len() == GUESS.len() + ENOUGH && !self.proven {
                self.drop_guess();
            }
            self.patience = self.reach(config, distance);
        }
        self.last = self.last.max(now);
    }

    /// The member's own rhythm is known by now.
    fn drop_guess(&mut self) {
        self.proven = true;
        for guess in self.samples.drain(..GUESS.len()) {
            self.sum -= u64::from(guess);
            self.sum_of_squares -= f64::from(guess) * f64::from(guess);
        }
    }

    fn add(&mut self, sample: Duration, config: &DetectionConfig) {
        let micros = u32::try_from(sample.as_micros()).unwrap_or(u32::MAX);
        if self.samples.len() < config.window.max(2) {
            self.samples.push(micros);
        } else {
            let old = std::mem::replace(&mut self.samples[self.next as usize], micros);
            self.sum -= u64::from(old);
            self.sum_of_squares -= f64::from(old) * f64::from(old);
            self.next = (self.next + 1) % self.samples.len() as u32;
        }
        self.sum += u64::from(micros);
        self.sum_of_squares += f64::from(micros) * f64::from(micros);
    }

    /// Mean and standard deviation in seconds, with the accepted pause and the lower bound.
    fn distribution(&self, config: &DetectionConfig) -> (f64, f64) {
        let count = self.samples.len() as f64;
        let mean = self.sum as f64 / count;
        let variance = (self.sum_of_squares / count - mean * mean).max(0.0);
        (mean / 1e6 + config.acceptable_pause.as_secs_f64(), (variance.sqrt() / 1e6).max(config.min_std_deviation.as_secs_f64()))
    }

    fn reach(&self, config: &DetectionConfig, distance: f64) -> Duration {
        let (mean, deviation) = self.distribution(config);
        Duration::from_secs_f64((mean + distance * deviation).clamp(0.0, 1e9))
    }

    /// When the last heartbeat came.
    pub fn last(&self) -> Instant {
        self.last
    }

    /// Suspicion so long after the last heartbeat.
    pub fn phi(&self, silence: Duration, config: &DetectionConfig) -> f64 {
        let (mean, deviation) = self.distribution(config);
        phi(silence.as_secs_f64(), mean, deviation)
    }

    /// Whether suspicion has reached the threshold so long after the last heartbeat. Costs a comparison.
    pub fn is_overdue(&self, silence: Duration) -> bool {
        silence >= self.patience
    }

    /// The observer itself stood still for `gap`: nobody else did.
    pub fn forgive(&mut self, gap: Duration) {
        self.last = self.last + gap;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of -log10(Q((t - 1000) / 100)), computed with 50 digits.
    #[test]
    fn phi_has_the_known_values() {
        let known = [
            (1000.0, std::f64::consts::LOG10_2),
            (900.0, 0.075_026_012_958),
            (1100.0, 0.799_545_541_492),
            (1200.0, 1.643_016_080_141),
            (1300.0, 2.869_699_035_929),
            (1500.0, 6.542_645_672_391),
            (2000.0, 23.118_053_405_486),
        ];
        for (t, expected) in known {
            assert!((phi(t, 1000.0, 100.0) - expected).abs() < 1e-6, "phi({t}) is {} and not {expected}", phi(t, 1000.0, 100.0));
        }
        // Beyond what a double's probability can say.
        assert!((phi(5000.0, 1000.0, 100.0) - 349.437_006_459).abs() < 1e-6, "{}", phi(5000.0, 1000.0, 100.0));
    }

    #[test]
    fn the_distance_is_where_phi_reaches_the_threshold() {
        assert!((distance(8.0) - 5.612_001).abs() < 1e-5);
        for threshold in [0.5, 1.0, 8.0, 12.0, 100.0, 300.0] {
            assert!((phi_of_distance(distance(threshold)) - threshold).abs() < 1e-6);
        }
    }

    proptest! {
        #[test]
        fn suspicion_never_falls_with_silence(mean in 1.0..1e4_f64, deviation in 0.1..1e3_f64, t in 0.0..1e5_f64, more in 0.0..1e5_f64) {
            let (earlier, later) = (phi(t, mean, deviation), phi(t + more, mean, deviation));
            prop_assert!(earlier.is_finite() && later >= earlier - 1e-9);
        }

        #[test]
        fn the_window_holds_the_last_samples_only(samples in prop::collection::vec(1_u64..5_000, 20..60)) {
            let config = DetectionConfig { window: 12, ..DetectionConfig::default() };
            let mut window = Window::new(Instant::ZERO, &config, 5.6);
            for sample in &samples {
                window.beat(Instant::ZERO, Duration::from_millis(*sample), &config, 5.6);
            }
            let last = &samples[samples.len() - 12..];
            let mean = last.iter().sum::<u64>() as f64 / 12.0;
            let variance = last.iter().map(|sample| (*sample as f64 - mean).powi(2)).sum::<f64>() / 12.0;
            let (measured_mean, measured_deviation) = window.distribution(&config);
            prop_assert!((measured_mean - 3.0 - mean / 1e3).abs() < 1e-6);
            prop_assert!((measured_deviation - (variance.sqrt() / 1e3).max(0.5)).abs() < 1e-6);
        }
    }
}
