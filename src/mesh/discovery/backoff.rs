//! How long to wait before the next attempt.

use std::time::Duration;

use super::DiscoveryConfig;

/// The wait after so many failures in a row (at least one): the base, doubled for each further one, up to the cap.
pub fn delay(config: &DiscoveryConfig, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    config.retry_base.saturating_mul(1 << doublings).min(config.retry_cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_half_a_second_to_the_cap() {
        let config = DiscoveryConfig::default();
        let millis: Vec<_> = (1..=9).map(|failures| delay(&config, failures).as_millis()).collect();
        assert_eq!(millis, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(delay(&config, u32::MAX), config.retry_cap);
    }
}
