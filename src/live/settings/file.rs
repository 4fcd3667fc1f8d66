//! Reading `config.toml`.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::SettingsError;
use super::keys::{ELSEWHERE, Found, KEYS, Key, Wrong};
use super::layer::{KeySource, Layer};
use crate::live::MeshConfig;
use crate::live::data_dir::{cannot, check_private};
use crate::scenario::{ScenarioError, nearest};

/// Longest configuration in bytes.
const LONGEST: u64 = 1 << 20;

/// From this length on, hex digits may be a key and are not shown.
const SECRET: usize = 16;

/// What a configuration says. If it holds a key, others than its owner may not read it.
///
/// # Errors
/// The file cannot be read, has a mistake, or holds a key that others may read.
pub fn read(path: &Path) -> Result<Layer, SettingsError> {
    let mut file = File::open(path).map_err(cannot("read", path))?;
    let mut bytes = Vec::new();
    (&mut file).take(LONGEST + 1).read_to_end(&mut bytes).map_err(cannot("read", path))?;
    let origin = path.display().to_string();
    if bytes.len() as u64 > LONGEST {
        return Err(ScenarioError::new(origin, "this is longer than a configuration can be, 1 MiB").into());
    }
    let source = String::from_utf8(bytes).map_err(|_| ScenarioError::new(origin, "this is not text in UTF-8"))?;
    let layer = parse(&source, path)?;
    if matches!(layer.network_key, Some(KeySource::Key(_))) && check_private(path, &file).is_err() {
        return Err(SettingsError::Exposed(path.to_owned()));
    }
    Ok(layer)
}

/// What a configuration says that stands at `path`. Paths in it begin at its folder.
///
/// # Errors
/// It is not TOML, or has an unknown setting or a value that does not do: the message names the place and what is right.
pub fn parse(source: &str, path: &Path) -> Result<Layer, SettingsError> {
    let text = Text { source, path };
    let table = DeTable::parse(source).map_err(|error| text.mistake(error.span().unwrap_or(0..0), lowercase(error.message())))?;
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);

    let mut layer = Layer::default();
    for (name, value) in &entries {
        let Some(key) = KEYS.iter().find(|key| key.name == name.get_ref()) else {
            return Err(text.unknown(name.get_ref(), name.span(), value.get_ref()));
        };
        let found = Found { value, folder: path.parent().unwrap_or(Path::new("")) };
        (key.read)(&found, &mut layer).map_err(|wrong| text.wrong(key, wrong, value.get_ref(), value.span()))?;
    }
    let (min, max) = degrees(&layer);
    let last = entries.iter().rfind(|(name, _)| matches!(name.get_ref().as_ref(), "min_degree" | "max_degree"));
    match last {
        Some((_, value)) if min > max => Err(text.mistake(value.span(), SettingsError::Degrees { min, max }.to_string())),
        _ => Ok(layer),
    }
}

fn degrees(layer: &Layer) -> (usize, usize) {
    let default = MeshConfig::default();
    (layer.min_degree.unwrap_or(default.min_degree), layer.max_degree.unwrap_or(default.max_degree))
}

/// A configuration, for messages about it.
struct Text<'a> {
    source: &'a str,
    path: &'a Path,
}

impl Text<'_> {
    fn unknown(&self, name: &str, place: Range<usize>, value: &DeValue<'_>) -> SettingsError {
        if let Some((_, instead)) = ELSEWHERE.iter().find(|(other, _)| *other == name.replace('-', "_")) {
            return self.mistake(place, format!("there is no setting `{name}`: {instead}"));
        }
        let message = match value {
            DeValue::Table(_) => format!("there is no setting `{name}`, and settings do not stand in sections"),
            _ => format!("there is no setting `{name}`"),
        };
        let suggestion = nearest(&name.replace('-', "_"), KEYS.iter().map(|key| key.name));
        self.placed(place, message).suggesting(suggestion).into()
    }

    fn wrong(&self, key: &Key, wrong: Wrong, value: &DeValue<'_>, place: Range<usize>) -> SettingsError {
        let message = wrong.message.unwrap_or_else(|| format!("expected {}, found {}", key.expects, describe(value)));
        self.mistake(wrong.place.unwrap_or(place), format!("`{}`: {message}", key.name))
    }

    fn mistake(&self, place: Range<usize>, message: String) -> SettingsError {
        self.placed(place, message).into()
    }

    fn placed(&self, place: Range<usize>, message: String) -> ScenarioError {
        ScenarioError::at(self.path.display().to_string(), &redacted(self.source), place, message)
    }
}

/// What was found, in few words.
fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", redacted(text).chars().take(40).collect::<String>()),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(answer) => answer.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a section".to_owned(),
    }
}

/// The text with stars for what may be a key: a message quotes the line of the mistake, and messages end up in logs.
fn redacted(source: &str) -> String {
    let mut shown = String::with_capacity(source.len());
    for run in source.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        if digits.len() < SECRET {
            shown.push_str(run);
        } else {
            shown.extend(std::iter::repeat_n('*', digits.len()));
            shown.push_str(&run[digits.len()..]);
        }
    }
    shown
}

fn lowercase(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
