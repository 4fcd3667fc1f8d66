//! Warnings about what others do, who may do it as often as they like.

use std::time::Duration;

use crate::kernel::Instant;

/// Shortest time between two warnings of a kind.
const PERIOD: Duration = Duration::from_secs(60);

/// Lets a warning through once a minute, and counts what it stands for.
#[derive(Debug, Default)]
pub struct Throttle {
    last: Option<Instant>,
    count: u64,
}

impl Throttle {
    /// It has happened again, at `at`. If it shall be said: how often it has happened since that was last said.
    pub fn count(&mut self, at: Instant) -> Option<u64> {
        self.count += 1;
        if self.last.is_some_and(|last| at.since(last) < PERIOD) {
            return None;
        }
        self.last = Some(at);
        Some(std::mem::take(&mut self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_comes_at_once_then_once_a_minute_with_the_count() {
        let mut throttle = Throttle::default();
        let said: Vec<_> = (0..150).filter_map(|second| throttle.count(Instant::ZERO + Duration::from_secs(second))).collect();
        assert_eq!(said, [1, 60, 60]);
    }
}
