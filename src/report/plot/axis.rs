//! Scales: from figures to a place between two ends, with ticks at round figures.

use super::super::format;

/// What the figures of an axis are, which decides how its ticks read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A number.
    Plain,
    /// A number of things: ticks at whole numbers only.
    Count,
    /// Seconds of a run: ticks at 15, 30, 60 …
    Time,
    /// A duration in seconds, in the unit that suits it.
    Duration,
    /// Bytes in a second.
    BytesPerSecond,
    /// A fraction, in percent.
    Share,
}

impl Unit {
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Plain | Self::Count => format::number(value),
            Self::Time => format::decimal(value, 3),
            Self::Duration => format::seconds(value),
            Self::BytesPerSecond => format!("{}/s", format::bytes(value)),
            Self::Share => format!("{} %", format::decimal(value * 100.0, 2)),
        }
    }

    /// Distance of ticks that is round for this unit, and not less than `least`.
    fn step(self, least: f64) -> f64 {
        if self == Self::Time && least > 5.0 {
            let round = [10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
            if let Some(step) = round.into_iter().find(|step| *step >= least) {
                return step;
            }
        }
        let power = 10_f64.powf(least.log10().floor());
        // A quarter of a hundred is a round number of things; a quarter of ten is not.
        let quarter = if self == Self::Count && power >= 10.0 { 2.5 } else { 2.0 };
        let step =
            [1.0, 2.0, quarter, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= least * 0.999).unwrap_or(power * 10.0);
        if self == Self::Count { step.max(1.0) } else { step }
    }
}

/// A scale from `low` to `high`.
#[derive(Clone)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// Where a line is drawn, and what stands beside it.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// A scale over exactly these figures, with about so many ticks.
    pub fn exact(low: f64, high: f64, unit: Unit, ticks: usize) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = unit.step((high - low) / ticks as f64);
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        let ticks = (first..=last).map(|i| i as f64 * step).map(|v| (v, unit.text(v))).collect();
        Self { low, high, log: false, ticks }
    }

    /// A scale from zero over the largest figure, with some air above it.
    pub fn from_zero(largest: f64, unit: Unit, ticks: usize) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        Self::exact(0.0, largest * 1.04, unit, ticks)
    }

    /// A scale around these figures that need not hold zero.
    pub fn around(low: f64, high: f64, unit: Unit, ticks: usize) -> Self {
        let air = if high > low { (high - low) * 0.1 } else { low.abs().max(1.0) * 0.1 };
        let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        Self::exact((low - air).max(floor), high + air, unit, ticks)
    }

    /// A logarithmic scale over these positive figures.
    pub fn logarithmic(low: f64, high: f64, unit: Unit) -> Self {
        let (low, high) = (low * 0.8, high * 1.35);
        let decades = (high / low).log10();
        let factors: &[f64] = if decades < 1.6 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = ((decades / 6.0).ceil() as i32).max(1);
        let mut ticks = Vec::new();
        for power in low.log10().floor() as i32..=high.log10().ceil() as i32 {
            for factor in factors.iter().filter(|_| power % every == 0) {
                // A quotient of round figures is the round figure; a product with a negative power is not.
                let value = if power < 0 { factor / 10_f64.powi(-power) } else { factor * 10_f64.powi(power) };
                if (low..=high).contains(&value) {
                    ticks.push((value, unit.text(value)));
                }
            }
        }
        Self { low, high, log: true, ticks }
    }

    /// Logarithmic if the figures span more than a factor of 30, otherwise from zero.
    pub fn suited(low: f64, high: f64, unit: Unit, ticks: usize) -> Self {
        if low > 0.0 && high / low > 30.0 { Self::logarithmic(low, high, unit) } else { Self::from_zero(high, unit, ticks) }
    }

    /// Where the figure lies: 0 at the low end, 1 at the high one. What lies beyond is put at the end.
    pub fn place(&self, value: f64) -> f64 {
        let place = if self.log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }

    /// Both ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.1.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Axis::exact(0.0, 90.0, Unit::Time, 8)), ["0", "15", "30", "45", "60", "75", "90"]);
        assert_eq!(labels(&Axis::from_zero(3.0, Unit::Count, 8)), ["0", "1", "2", "3"]);
        assert_eq!(labels(&Axis::exact(0.0, 0.5, Unit::Share, 5)), ["0 %", "10 %", "20 %", "30 %", "40 %", "50 %"]);
        assert_eq!(labels(&Axis::logarithmic(0.02, 20.0, Unit::Duration)), ["100 ms", "1 s", "10 s"]);
        assert_eq!(Axis::exact(5.0, 5.0, Unit::Plain, 4).place(5.0), 0.0);
        assert!(Axis::from_zero(f64::NAN, Unit::Plain, 4).ticks.len() > 2);
    }
}
