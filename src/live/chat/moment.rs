//! When texts were said, for people: in UTC, since the machine's own zone is not known.

/// A day, in milliseconds.
pub const DAY: u64 = 24 * 60 * 60 * 1000;

/// Hour and minute of `time`, which is in milliseconds since 1970, in UTC.
pub fn clock(time: u64) -> String {
    let minutes = time / 60_000 % 1440;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The same, with the date if that is not the date of `now`.
pub(super) fn moment(time: u64, now: u64) -> String {
    let day = time / DAY;
    if day == now / DAY { format!("{} UTC", clock(time)) } else { format!("{} {} UTC", date(day), clock(time)) }
}

/// The date of a day since 1970, as `Fri 21 Nov 2026`.
pub fn date(day: u64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    // Years begin in March here, so that the day which some of them lack is their last. An era is 400 years.
    let since = day + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + u64::from(month >= 10);
    format!("{} {of_month} {} {year}", WEEKDAYS[(day % 7) as usize], MONTHS[month as usize % 12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (day, shown) in [
            (0, "Thu 1 Jan 1970"),
            (11_016, "Tue 29 Feb 2000"),
            (11_017, "Wed 1 Mar 2000"),
            (20_778, "Sat 21 Nov 2026"),
            (19_722, "Sun 31 Dec 2023"),
        ] {
            assert_eq!(date(day), shown);
        }
    }

    #[test]
    fn the_date_stands_before_the_time_if_it_is_not_today() {
        let now = 20_778 * DAY + 9 * 3_600_000;
        assert_eq!(moment(now - 61_000, now), "08:58 UTC");
        assert_eq!(moment(now - DAY, now), "Fri 20 Nov 2026 09:00 UTC");
        assert!(moment(u64::MAX, now).ends_with(" UTC"), "what authors say of the time may be anything");
    }
}
