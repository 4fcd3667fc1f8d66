//! Log lines, on the standard error or in a file.

use std::env::{self, VarError};
use std::fs::{File, OpenOptions};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;

use murmuration::live::settings::LogFormat;
use murmuration::scenario::nearest;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// The environment variable that says what is logged.
const VARIABLE: &str = "RUST_LOG";

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// From this size on a file of log lines is set aside at the next start, in the place of the one before.
const MOST: u64 = 4 << 20;

/// Logs from here on, in `format`: what `RUST_LOG` asks for, else what is at least of `level`.
pub fn begin(format: LogFormat, level: LevelFilter) -> Result<(), String> {
    let filter = wanted(level)?;
    // A line that cannot be written is lost: to complain about it would go the same way, and panic.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    let begun = match format {
        LogFormat::Json => lines.json().with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Text => lines.with_ansi(is_coloured()).try_init(),
    };
    begun.map_err(|error| format!("the log cannot be written: {error}"))
}

/// Logs into a file from here on: the terminal is in use.
pub fn begin_in(path: &Path, format: LogFormat, level: LevelFilter) -> Result<(), String> {
    let filter = wanted(level)?;
    let file = open(path).map_err(|error| format!("the log {} cannot be written: {error}", path.display()))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Mutex::new(file)).log_internal_errors(false);
    let begun = match format {
        LogFormat::Json => lines.json().with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Text => lines.with_ansi(false).try_init(),
    };
    begun.map_err(|error| format!("the log cannot be written: {error}"))
}

fn open(path: &Path) -> std::io::Result<File> {
    if path.metadata().is_ok_and(|file| file.len() > MOST) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// What `RUST_LOG` asks for.
fn wanted(level: LevelFilter) -> Result<EnvFilter, String> {
    let wanted = match env::var(VARIABLE) {
        Ok(wanted) => wanted,
        Err(VarError::NotPresent) => String::new(),
        Err(VarError::NotUnicode(_)) => return Err(format!("{VARIABLE}: this is not text in UTF-8; unset it, or set it to `info`")),
    };
    filter(&wanted, level)
}

fn filter(wanted: &str, level: LevelFilter) -> Result<EnvFilter, String> {
    let wrong = |reason: &str| {
        format!("{VARIABLE}: `{}` cannot be understood: {reason}; write a level such as `info` or `murmuration=debug`", shown(wanted))
    };
    // A word that is no level is taken for a module, and all else falls silent. That is seldom what was meant.
    let mistyped = wanted.split(',').map(str::trim).filter(|word| !LEVELS.contains(&word.to_lowercase().as_str()));
    if let Some(level) = mistyped.filter_map(|word| nearest(word, LEVELS)).next() {
        return Err(wrong(&format!("did you mean `{level}`?")));
    }
    EnvFilter::builder().with_default_directive(level.into()).parse(wanted).map_err(|error| wrong(&error.to_string()))
}

/// A terminal shall not obey what stands in the environment.
fn shown(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn is_coloured() -> bool {
    std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_modules_are_understood() {
        for (wanted, understood) in
            [("", "info"), ("debug", "debug"), ("WARN", "warn"), ("murmuration=trace", "murmuration=trace"), ("3", "info")]
        {
            assert_eq!(filter(wanted, LevelFilter::INFO).unwrap().to_string(), understood);
        }
    }

    #[test]
    fn nonsense_is_named() {
        for (wanted, reason) in [
            ("murmuration=loud", "expected one of"),
            ("=====", "write a level"),
            ("inof", "did you mean `info`?"),
            ("debugg,x=1", "`debug`"),
        ] {
            let error = filter(wanted, LevelFilter::INFO).unwrap_err();
            assert!(error.starts_with("RUST_LOG: `") && error.contains(reason), "{error}");
        }
        assert!(!filter("a=\u{1b}[31m", LevelFilter::INFO).unwrap_err().contains("`a=\u{1b}"));
    }
}
