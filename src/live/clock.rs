//! Wall time as the world's time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::kernel::Instant;

/// Wall time: where it stands is asked of the machine once, from then on it is the monotonic clock that moves it. So steps of the
/// machine's clock do not reach the world.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    origin: Instant,
    start: std::time::Instant,
}

impl WallClock {
    /// A clock that stands at `origin` now.
    pub fn starting_at(origin: Instant) -> Self {
        Self { origin, start: monotonic() }
    }

    /// A clock that stands at the time since 1970, so that later lives of a node have later times.
    pub fn unix() -> Self {
        Self::starting_at(Instant::from_nanos(u64::try_from(since_1970().as_nanos()).unwrap_or(u64::MAX)))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.origin + (monotonic() - self.start)
    }
}

/// Time since 1970 by the machine's clock; zero if that stands earlier.
#[expect(clippy::disallowed_methods, reason = "this is where wall time comes from")]
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "this is where wall time comes from")]
fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
