//! Changing a scenario from the command line: `path=value`.
//!
//! The scenario is written out with all its defaults as a tree of JSON values, the value at the path is replaced, and the tree
//! is read again; so whatever a scenario may hold can be set, and nothing else.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::{ScenarioError, nearest};
use super::load::{Loaded, pin_matrix};
use super::{Scenario, check, text};

/// A change that the command line made.
#[derive(Clone, Debug)]
pub(super) struct Override {
    /// The option: `--set`, `--nodes` …
    pub option: String,
    /// Its argument.
    pub argument: String,
    /// Where in the argument the value begins.
    pub value_at: usize,
    /// What it changes, with the names of variants.
    pub path: Vec<String>,
}

impl Loaded {
    /// Sets one value: `faults.0.at=10s`, `network.link.loss=Independent(0.1)`, `protocols.discovery=None`. Entries of lists are
    /// numbered from 0; the number after the last appends. The value is RON, in which a single word or a duration needs no quotes.
    ///
    /// # Errors
    /// There is nothing at that path, or the value does not fit. The scenario stays as it was.
    pub fn set(&mut self, assignment: &str) -> Result<(), ScenarioError> {
        self.set_by("--set", assignment)
    }

    /// As [`set`](Self::set), and messages name that option of the command line.
    ///
    /// # Errors
    /// See [`set`](Self::set).
    pub fn set_by(&mut self, option: &str, assignment: &str) -> Result<(), ScenarioError> {
        let Some((path, value)) = assignment.split_once('=') else {
            let message = "a path and a value are expected, as in `network.link.jitter=5ms`";
            return Err(ScenarioError::at(option, assignment, 0..assignment.len(), message));
        };
        self.change(option, assignment, path.trim(), value.trim(), path.len() + 1)
    }

    /// Sets the value of a field; messages show the option with its argument alone.
    ///
    /// # Errors
    /// See [`set`](Self::set).
    pub fn set_field(&mut self, option: &str, field: &str, value: &str) -> Result<(), ScenarioError> {
        self.change(option, value, field, value.trim(), 0)
    }

    fn change(&mut self, option: &str, argument: &str, path: &str, value: &str, value_at: usize) -> Result<(), ScenarioError> {
        let whole = serde_json::to_value(&self.scenario).map_err(|error| ScenarioError::new(option, error.to_string()))?;
        if serde_json::from_value::<Scenario>(whole.clone()).is_err() {
            // JSON has no infinite numbers, and neither has a scenario: the check names the place.
            check(self)?;
        }
        let mut tree = whole.clone();
        let (slot, full_path) = locate(&mut tree, path).map_err(|(span, message, suggestion)| {
            let base = argument.find(path).unwrap_or_default();
            ScenarioError::at(option, argument, base + span.start..base + span.end, message).suggesting(suggestion)
        })?;
        let mut refusal = None;
        for candidate in readings(value) {
            let mut tree = whole.clone();
            put(&mut tree, &full_path, candidate);
            match serde_json::from_value::<Scenario>(tree) {
                Ok(scenario) => {
                    self.scenario = scenario;
                    // Here a path is relative to the working directory.
                    pin_matrix(&mut self.scenario, Path::new(""));
                    let (option, argument) = (option.to_owned(), argument.to_owned());
                    self.overrides.push(Override { option, argument, value_at, path: full_path });
                    return Ok(());
                }
                Err(error) => refusal = refusal.or(Some(error.to_string())),
            }
        }
        let (message, suggestion) = explain(&refusal.unwrap_or_default());
        let message = format!("`{value}` does not fit `{path}`: {message}{}", now(&slot));
        Err(ScenarioError::at(option, argument, value_at..argument.len(), message).suggesting(suggestion))
    }
}

/// What the value is at present, if it is short.
fn now(slot: &Value) -> String {
    match slot {
        Value::Object(_) | Value::Array(_) | Value::Null => String::new(),
        Value::String(text) => format!(" (at present it is `{text}`)"),
        short => format!(" (at present it is `{short}`)"),
    }
}

/// What a text may mean: RON with `None` as an absent option, RON with `None` as the variant of that name, a plain string.
fn readings(value: &str) -> Vec<Value> {
    let mut readings = Vec::new();
    if let Some(node) = text::parse(value) {
        readings.push(node.to_json(&Value::Null));
        readings.push(node.to_json(&Value::String("None".into())));
    }
    readings.push(Value::String(value.to_owned()));
    readings.dedup();
    readings
}

type Mistake = (std::ops::Range<usize>, String, Option<String>);

/// The value at a path, and the path with the names of variants that it left out.
fn locate(tree: &mut Value, path: &str) -> Result<(Value, Vec<String>), Mistake> {
    let mut full = Vec::new();
    let mut here = &*tree;
    let mut start = 0;
    for segment in path.split('.') {
        let span = start..start + segment.len();
        start = span.end + 1;
        // `overlay.min_degree` for `overlay.Degree.min_degree`.
        if let Some((variant, inner)) = sole_variant(here)
            && segment != variant
            && inner.get(segment).is_some()
        {
            full.push(variant.to_owned());
            here = inner;
        }
        full.push(segment.to_owned());
        let parent = if full.len() == 1 { "a scenario".to_owned() } else { format!("`{}`", full[..full.len() - 1].join(".")) };
        here = match here {
            Value::Object(fields) => match fields.get(segment) {
                Some(value) => value,
                None if full.len() == 2 && full[0] == "groups" && !segment.is_empty() => &Value::Null,
                None => {
                    let inner = sole_variant(here).map(|(_, inner)| inner);
                    let known: Vec<&str> = keys(here).chain(inner.into_iter().flat_map(keys)).collect();
                    let names = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                    return Err((span, format!("{parent} has no `{segment}`; it has {names}"), nearest(segment, known)));
                }
            },
            Value::Array(items) => match segment.parse::<usize>() {
                Ok(index) if index < items.len() => &items[index],
                Ok(index) if index == items.len() => &Value::Null,
                Ok(_) => {
                    let message = format!("{parent} has {} entries, numbered from 0; {} would append one", items.len(), items.len());
                    return Err((span, message, None));
                }
                Err(_) => return Err((span, format!("{parent} is a list: a number is expected, not `{segment}`"), None)),
            },
            Value::Null => return Err((span, format!("{parent} is None: set it as a whole first"), None)),
            _ => return Err((span, format!("{parent} is a single value and has no `{segment}`"), None)),
        };
    }
    Ok((here.clone(), full))
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value.as_object().into_iter().flat_map(Map::keys).map(String::as_str)
}

/// The variant of an enum and what it holds. Only variants begin with a capital letter.
fn sole_variant(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (name, inner) = fields.iter().next()?;
    name.starts_with(char::is_uppercase).then_some((name, inner))
}

fn put(tree: &mut Value, path: &[String], value: Value) {
    let Some((last, way)) = path.split_last() else { return };
    let parent = way.iter().try_fold(tree, |here, segment| match here {
        Value::Object(fields) => fields.get_mut(segment),
        Value::Array(items) => segment.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
        _ => None,
    });
    match parent {
        Some(Value::Object(fields)) => {
            fields.insert(last.clone(), value);
        }
        Some(Value::Array(items)) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => items[index] = value,
            _ => items.push(value),
        },
        _ => {}
    }
}

/// The message of `serde_json`, and the nearest of the names in it.
fn explain(message: &str) -> (String, Option<String>) {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        Some((found, known)) if message.starts_with("unknown") => (message.to_owned(), nearest(found, known.iter().copied())),
        _ => (message.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::scenario::{FaultKind, Loss, Overlay, Selection, parse};

    fn loaded() -> Loaded {
        let source = r#"(nodes: 10, duration: "30s", groups: {"west": Range(0, 5)},
            faults: [(at: "1s", do: Partition([Group("west")])), (at: "5s", do: Heal)], expect: [Connected])"#;
        parse(source, PathBuf::from("a.ron")).unwrap()
    }

    #[test]
    fn everything_can_be_set() {
        let mut it = loaded();
        for assignment in [
            "faults.0.at=10s",
            "faults.1.at = 1m 30s",
            "faults.2=(at: 20s, do: LossBurst(nodes: All, loss: None, for: \"2s\"))",
            "network.link.loss=Independent(0.1)",
            "network.link.latency=Uniform(10ms, 50ms)",
            "protocols.membership.gossip_interval=2s",
            "protocols.discovery=None",
            "protocols.overlay.min_degree=1",
            "protocols.overlay.Degree.max_degree=4",
            "groups.west=Range(0, 3)",
            "groups.east=Except(Group(\"west\"))",
            "crypto=Real",
            "name=a b",
            "expect.0=Degree(2, 3)",
            "seed=18446744073709551615",
        ] {
            it.set(assignment).unwrap_or_else(|error| panic!("{error}"));
        }
        let scenario = it.scenario;
        assert_eq!(scenario.faults[0].at, Duration::from_secs(10));
        assert_eq!(scenario.faults[1].at, Duration::from_secs(90));
        assert!(matches!(&scenario.faults[2].kind, FaultKind::LossBurst { loss: Loss::None, .. }));
        assert_eq!(scenario.network.link.loss, Loss::Independent(0.1));
        assert_eq!(scenario.protocols.membership.unwrap().gossip_interval, Duration::from_secs(2));
        assert!(scenario.protocols.discovery.is_none());
        assert!(matches!(&scenario.protocols.overlay, Overlay::Degree(config) if (config.min_degree, config.max_degree) == (1, 4)));
        assert_eq!(scenario.groups["west"], Selection::Range(0, 3));
        assert_eq!(scenario.groups.len(), 2);
        assert_eq!(scenario.seed, u64::MAX);
        assert_eq!(scenario.name, "a b");
    }

    #[test]
    fn a_variant_that_is_called_none_is_not_an_absent_option() {
        let mut it = loaded();
        it.set("network.link.loss=Independent(0.5)").unwrap();
        it.set("network.link.loss=None").unwrap();
        assert_eq!(it.scenario.network.link.loss, Loss::None);
        it.set("network.link.rate=1000").unwrap();
        it.set("network.link.rate=None").unwrap();
        assert_eq!(it.scenario.network.link.rate, None);
        it.set("protocols.detection=None").unwrap();
        it.set("protocols.detection=()").unwrap();
        assert!(it.scenario.protocols.detection.is_some());
    }

    #[test]
    fn mistakes_are_named_and_change_nothing() {
        let before = loaded();
        for (assignment, says) in [
            ("nodes", "--set:1:1: a path and a value"),
            ("network.link.los=None", "--set:1:14: `network.link` has no `los`"),
            ("network.link.los=None", "did you mean `loss`?"),
            ("network.link.loss=Independant(0.1)", "--set:1:19: `Independant(0.1)` does not fit"),
            ("network.link.loss=Independant(0.1)", "did you mean `Independent`?"),
            ("protocols.membreship=None", "did you mean `membership`?"),
            ("faults.7.at=1s", "`faults` has 2 entries"),
            ("faults.x.at=1s", "`faults` is a list"),
            ("nodes.x=1", "`nodes` is a single value"),
            ("churn.memory=true", "`churn` is None"),
            ("nodes=-1", "does not fit `nodes`"),
            ("nodes=many", "does not fit `nodes`"),
            ("faults.0.at=10", "does not fit `faults.0.at`"),
            ("=1", "a scenario has no ``"),
            ("protocols.membership=(gossip: 1s)", "unknown field `gossip`"),
        ] {
            let mut it = before.clone();
            let error = it.set(assignment).unwrap_err().to_string();
            assert!(error.contains(says), "{assignment}: {error}");
            assert_eq!(it.scenario, before.scenario);
        }
    }
}
