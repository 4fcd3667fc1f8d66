//! How long what was said is kept, and how long keys last.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::values::ValueError;
use crate::crypto::MAX_LEAP;

/// The sizes that make sense for a topic, in MiB.
pub const KEEP_MIB: RangeInclusive<u64> = 1..=1 << 20;
/// The lengths that make sense for a chain of keys: who missed a longer one could not follow.
pub const EPOCH_TEXTS: RangeInclusive<u64> = 1..=MAX_LEAP;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Time for which what was said is kept. What is kept for less than it takes others to come back, they never get.
///
/// # Errors
/// It is none, or does not make sense.
pub fn keep_time(text: &str) -> Result<Duration, ValueError> {
    within(MINUTE..=CENTURY, text).ok_or_else(|| ValueError::KeepTime(text.to_owned()))
}

/// Time for which a prekey is announced. All members must hear of each.
///
/// # Errors
/// As for [`keep_time`].
pub fn prekey_time(text: &str) -> Result<Duration, ValueError> {
    within(MINUTE..=WEEK, text).ok_or_else(|| ValueError::PrekeyTime(text.to_owned()))
}

/// Time after which a new chain of keys begins.
///
/// # Errors
/// As for [`keep_time`].
pub fn epoch_time(text: &str) -> Result<Duration, ValueError> {
    within(SECOND..=WEEK, text).ok_or_else(|| ValueError::EpochTime(text.to_owned()))
}

fn within(range: RangeInclusive<Duration>, text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|duration| range.contains(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_bounds() {
        for (read, good, bad) in [
            (keep_time as fn(&str) -> _, ["1min", "36500days"], ["59s", "36501days"]),
            (prekey_time, ["1min", "7days"], ["59s", "8days"]),
            (epoch_time, ["1s", "7days"], ["999ms", "8days"]),
        ] {
            assert!(good.iter().all(|text| read(text).is_ok()), "{good:?}");
            for text in bad.into_iter().chain(["", "5", "soon"]) {
                let error: ValueError = read(text).unwrap_err();
                assert!(error.to_string().contains(&format!("such as `1h`, found `{text}`")), "{error}");
            }
        }
    }
}
