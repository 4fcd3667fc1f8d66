//! The suspicion level of the phi accrual failure detector.
//!
//! N. Hayashibara, X. Défago, R. Yared, T. Katayama, *The φ Accrual Failure Detector* (SRDS 2004), section 4.1: with the last
//! heartbeat at `T`, φ(t) = -log10 P(t - T), where P(d) is the probability that the next heartbeat comes more than `d` after the
//! last one. Inter-arrival times are taken to be normally distributed, so
//!
//! ```text
//! P(d) = 1 - F(d) = erfc(y / √2) / 2,   y = (d - mean) / std_deviation
//! ```
//!
//! A threshold of 8 thus means: a wrong suspicion in 10^8 intervals, if they are what they are taken for.

use std::f64::consts::{FRAC_1_SQRT_2, LN_10, LOG10_E, PI};

/// From here on erfc is computed from its asymptotic series, before it underflows near 26.5.
const FAR_TAIL: f64 = 20.0;

/// Suspicion `elapsed` after the last heartbeat. All times in the same unit, `std_deviation` above zero.
///
/// ```
/// use murmuration::mesh::detection::phi;
///
/// // On time, half of all heartbeats are still to come: -log10(1/2).
/// assert!((phi(1.0, 1.0, 0.2) - 0.301).abs() < 1e-3);
/// // A threshold of 8 is reached after 5.6 standard deviations.
/// assert!(phi(1.0 + 5.6 * 0.2, 1.0, 0.2) < 8.0 && phi(1.0 + 5.7 * 0.2, 1.0, 0.2) > 8.0);
/// ```
pub fn phi(elapsed: f64, mean: f64, std_deviation: f64) -> f64 {
    phi_of_deviation((elapsed - mean) / std_deviation)
}

/// Suspicion when the heartbeat is late by `deviation` standard deviations. Rises steadily and stays finite.
fn phi_of_deviation(deviation: f64) -> f64 {
    let x = deviation * FRAC_1_SQRT_2;
    let phi = if x < FAR_TAIL {
        -libm::log10(0.5 * libm::erfc(x))
    } else {
        // erfc(x) = exp(-x²) / (x √π) · (1 - 1/(2x²) + 3/(4x⁴) - …), Abramowitz and Stegun 7.1.23.
        let inverse = 1.0 / (2.0 * x * x);
        let series = 1.0 - inverse * (1.0 - 3.0 * inverse * (1.0 - 5.0 * inverse));
        x * x * LOG10_E + libm::log10(2.0 * x * PI.sqrt() / series)
    };
    phi.max(0.0)
}

/// The deviation at which suspicion reaches `threshold` (above zero): the inverse of [`phi`].
pub fn deviation_at(threshold: f64) -> f64 {
    // 1 - F(y) < exp(-y²/2) / 2, so suspicion is above the threshold at the upper end.
    let (mut low, mut high) = (-40.0, (2.0 * LN_10 * threshold).sqrt() + 1.0);
    // Halving 64 times leaves no more than the last bit.
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if phi_of_deviation(middle) < threshold {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Computed with mpmath 1.3 at 50 digits: `-log10(erfc((t - mu) / (sigma * sqrt(2))) / 2)`.
    #[expect(clippy::approx_constant, clippy::excessive_precision, reason = "the digits as they were computed")]
    const KNOWN: &[(f64, f64, f64, f64)] = &[
        (1000.0, 1000.0, 100.0, 0.3010299956639812),
        (1100.0, 1000.0, 100.0, 0.7995455414919705),
        (1200.0, 1000.0, 100.0, 1.643016080140937),
        (1500.0, 1000.0, 100.0, 6.5426456723906545),
        (900.0, 1000.0, 100.0, 0.075026012957818023),
        (700.0, 1000.0, 100.0, 0.00058664931379006669),
        (1000.0, 500.0, 200.0, 2.2069318057953011),
        (5000.0, 1000.0, 500.0, 15.206142551017155),
        (3500.0, 1000.0, 100.0, 137.51474765099553),
        (3900.0, 1000.0, 100.0, 184.48283244871534),
        (10000.0, 1000.0, 100.0, 1761.2460377518527),
        (1000000.0, 1000.0, 100.0, 21671320.760351788),
    ];

    #[test]
    fn known_answers() {
        for (elapsed, mean, std_deviation, expected) in KNOWN {
            let phi = phi(*elapsed, *mean, *std_deviation);
            let error = (phi - expected).abs() / expected.max(1.0);
            assert!(error < 1e-9, "phi({elapsed}; {mean}, {std_deviation}) = {phi}, not {expected}");
        }
    }

    #[test]
    fn a_threshold_of_eight_lies_at_5_612_standard_deviations() {
        assert!((deviation_at(8.0) - 5.612001244174789).abs() < 1e-9, "{}", deviation_at(8.0));
    }

    proptest! {
        #[test]
        fn suspicion_rises_with_silence_and_stays_finite(
            mean in 1.0_f64..1e5, std_deviation in 0.1_f64..1e4, early in 0.0_f64..1e7, more in 0.0_f64..1e7,
        ) {
            let before = phi(early, mean, std_deviation);
            let after = phi(early + more, mean, std_deviation);
            prop_assert!(before.is_finite() && after.is_finite() && before >= 0.0);
            prop_assert!(after >= before, "{before} then {after}");
        }

        #[test]
        fn the_two_ways_to_the_tail_meet(offset in -1e-6_f64..1e-6) {
            let edge = FAR_TAIL * std::f64::consts::SQRT_2;
            let (below, above) = (phi_of_deviation(edge - 1e-9 + offset.min(0.0)), phi_of_deviation(edge + 1e-9 + offset.max(0.0)));
            prop_assert!(above > below && above - below < 1e-4);
        }

        #[test]
        fn the_inverse_is_one(threshold in 0.01_f64..300.0) {
            prop_assert!((phi_of_deviation(deviation_at(threshold)) - threshold).abs() < 1e-6 * threshold.max(1.0));
        }
    }
}
