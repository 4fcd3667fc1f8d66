//! Time as protocols see it: an [`Instant`] on the world's own axis, and the [`Clock`] that says which tick is running.

use std::ops::Add;
use std::time::Duration;

use bevy_ecs::prelude::*;

/// A point on the world's time axis, in whole nanoseconds since the world began.
///
/// It is not `std::time::Instant`: a runner decides what drives it (virtual, wall or recorded time).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Instant(u64);

impl Instant {
    /// The beginning of the world.
    pub const ZERO: Self = Self(0);
    /// Later than everything that is ever scheduled.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the beginning.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the beginning.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the beginning.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time from `earlier` to `self`; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// The same in nanoseconds.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant `nanos` nanoseconds later; saturates at [`Instant::NEVER`].
    pub const fn plus_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::NEVER`].
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Which tick is running. Set by the runner between ticks, read by everybody.
///
/// A tick covers `[start, start + quantum)`. Frames and timers carry their own exact instant within it; systems use that,
/// and the clock only where nothing else says when something happens.
#[derive(Resource, Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    quantum: Duration,
}

impl Clock {
    /// A clock whose ticks cover `quantum`, standing at the beginning.
    pub const fn new(quantum: Duration) -> Self {
        Self { start: Instant::ZERO, quantum }
    }

    /// First instant of the running tick.
    pub const fn start(&self) -> Instant {
        self.start
    }

    /// First instant after the running tick.
    pub fn end(&self) -> Instant {
        self.start + self.quantum
    }

    /// Length of a tick.
    pub const fn quantum(&self) -> Duration {
        self.quantum
    }

    /// Start of the tick that holds `at`. Ticks lie on a grid that starts at zero, so that the division of time does not
    /// depend on what happened before, nor on which world asks.
    pub const fn tick_of(&self, at: Instant) -> Instant {
        let quantum = self.quantum.as_nanos() as u64;
        Instant(at.0 - at.0 % quantum)
    }

    /// Moves to the tick that holds `at`; never backwards.
    pub(super) fn advance_to(&mut self, at: Instant) {
        self.start = self.start.max(self.tick_of(at));
    }
}
