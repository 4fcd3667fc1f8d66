//! Figures as people read them.

/// A count with separators: `12,345`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with so many decimals, without trailing zeros: `2.5`, `3`.
pub fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A number with three significant digits.
pub fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 {
        return format!("{value:.1e}");
    }
    if value.abs() >= 1000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(value.abs().round() as u64));
    }
    let whole = value.abs().max(1.0).log10().floor() as usize;
    decimal(value, if value.abs() < 0.1 { 4 } else { 2_usize.saturating_sub(whole) + usize::from(value.abs() < 1.0) })
}

/// A time in seconds, in the unit that suits it: `340 ms`, `9.81 s`, `12 min`.
pub fn seconds(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0 s".to_owned()
    } else if size < 1e-3 {
        format!("{} µs", number(value * 1e6))
    } else if size < 1.0 {
        format!("{} ms", number(value * 1e3))
    } else if size < 600.0 {
        format!("{} s", number(value))
    } else if size < 3600.0 * 4.0 {
        format!("{} min", number(value / 60.0))
    } else {
        format!("{} h", number(value / 3600.0))
    }
}

/// A time in milliseconds, like [`seconds`].
pub fn millis(value: f64) -> String {
    seconds(value / 1e3)
}

/// An amount of data: `1.2 MB`. Decimal units.
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = value;
    let mut unit = 0;
    while value.abs() >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", number(value), UNITS[unit])
}

/// A fraction in percent, cut (never rounded up), so that only a whole is called 100 %.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    if part == whole {
        return "100 %".to_owned();
    }
    let ten_thousandths = (u128::from(part) * 1_000_000 / u128::from(whole)) as f64;
    format!("{} %", decimal(ten_thousandths / 1e4, 4))
}

/// `1 node`, `2 nodes`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(decimal(2.50, 2), "2.5");
        assert_eq!(decimal(-0.001, 2), "0");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.25), "0.25");
        assert_eq!(number(9.8123), "9.81");
        assert_eq!(number(98.123), "98.1");
        assert_eq!(number(981.23), "981");
        assert_eq!(number(12_345.6), "12,346");
        assert_eq!(seconds(0.34), "340 ms");
        assert_eq!(seconds(9.8123), "9.81 s");
        assert_eq!(seconds(1200.0), "20 min");
        assert_eq!(bytes(1_230_000.0), "1.23 MB");
        assert_eq!(bytes(999.9), "1 kB");
        assert_eq!(percent(2949, 2950), "99.9661 %");
        assert_eq!(percent(9_999_999, 10_000_000), "99.9999 %");
        assert_eq!(percent(3, 3), "100 %");
    }
}
