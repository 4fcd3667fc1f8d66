//! Whether a scenario makes sense: everything that can be known before it runs.

mod chat;
mod memory;
mod network;
mod protocols;
mod timeline;

use std::time::Duration;

pub use memory::{available_memory, memory_estimate};

use super::error::{ScenarioError, nearest};
use super::load::Loaded;
use super::{Scenario, Selection, SelectionError, text};

/// Longest simulated time. Instants are 64 bits of nanoseconds; this leaves them far from their end.
const MAX_DURATION: Duration = Duration::from_secs(3652 * 86_400 + 43_200);
/// Shortest latency that is simulated, as `link_model` has it: a tick is never longer than the shortest of the network, and ticks must not become too many.
const MIN_LATENCY: Duration = Duration::from_micros(50);
/// Most selections that a selection may stand for, groups within groups counted each time.
const MAX_PARTS: u64 = 10_000;

/// Says the first thing that is wrong with a scenario, if anything is.
///
/// # Errors
/// What is wrong, and where.
pub fn check(loaded: &Loaded) -> Result<(), ScenarioError> {
    examine(loaded).map_err(|problem| problem.locate(loaded))
}

fn examine(loaded: &Loaded) -> Verdict {
    let scenario = &loaded.scenario;
    general(scenario)?;
    memory::check(scenario)?;
    for (name, group) in &scenario.groups {
        let place = Place::of("groups").field(name);
        if parts(scenario, group, 0) > MAX_PARTS {
            return place.problem(format!("the group `{name}` refers to itself or is too involved"));
        }
        selection(scenario, group, &place)?;
    }
    network::check(scenario)?;
    protocols::check(loaded)?;
    timeline::check(scenario)?;
    chat::check(scenario)
}

fn general(scenario: &Scenario) -> Verdict {
    if scenario.nodes == 0 {
        return Place::of("nodes").problem("there must be at least one node");
    }
    if scenario.duration.is_zero() || scenario.duration > MAX_DURATION {
        return Place::of("duration").problem("the duration must be above zero and at most ten years");
    }
    if scenario.tick.is_zero() {
        return Place::of("tick").problem("a tick must be longer than nothing");
    }
    if scenario.sample_interval.is_zero() || scenario.sample_interval > scenario.duration {
        return Place::of("sample_interval").problem(format!(
            "the time between two samples (`sample_interval`, {:?}) must be above zero and at most the duration",
            scenario.sample_interval
        ));
    }
    // Results lie in a folder of this name.
    let name = &scenario.name;
    if name.is_empty() || name.starts_with('.') || name.len() > 100 || name.contains(|c: char| c.is_control() || "/\\:".contains(c)) {
        return Place::of("name").problem("the name must do as the name of a folder: 1 to 100 bytes, no slash, no dot in front");
    }
    Ok(())
}

/// Counts the selections that one stands for, so that groups within groups within groups are noticed before they are resolved.
fn parts(scenario: &Scenario, selection: &Selection, depth: usize) -> u64 {
    if depth > 64 {
        return MAX_PARTS + 1;
    }
    let mut count = 1_u64;
    let inner: &[Selection] = match selection {
        Selection::Union(inner) => inner,
        Selection::Except(inner) => std::slice::from_ref(inner),
        Selection::Group(name) => scenario.groups.get(name).map_or(&[], std::slice::from_ref),
        _ => &[],
    };
    for part in inner {
        count = count.saturating_add(parts(scenario, part, depth + 1));
        if count > MAX_PARTS {
            break;
        }
    }
    count
}

/// The nodes that a selection names.
fn selection(scenario: &Scenario, selection: &Selection, place: &Place) -> Result<Vec<u32>, Problem> {
    if parts(scenario, selection, 0) > MAX_PARTS {
        return Err(place.as_problem("this selection is too involved"));
    }
    selection.resolve(scenario.nodes, &scenario.groups, scenario.seed).map_err(|error| {
        let suggestion = match &error {
            SelectionError::UnknownGroup { name } => nearest(name, scenario.groups.keys().map(String::as_str)),
            _ => None,
        };
        Problem { needle: Some(error.offender()), suggestion, ..place.as_problem(error.to_string()) }
    })
}

fn probability(value: f64, place: &Place) -> Verdict {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { place.problem(format!("{value} is not a probability: it must lie between 0 and 1")) }
}

fn above_zero(value: Duration, place: &Place) -> Verdict {
    if value.is_zero() { place.problem("this time must be above zero") } else { Ok(()) }
}

/// What is done again and again must leave time for something else.
fn period(value: Duration, place: &Place) -> Verdict {
    if value < Duration::from_millis(1) { place.problem("this time must be at least 1ms") } else { Ok(()) }
}

/// Fine, or what is wrong.
type Verdict = Result<(), Problem>;

/// What is wrong, and where.
struct Problem {
    place: Place,
    message: String,
    suggestion: Option<String>,
    /// The word within the place to point at.
    needle: Option<String>,
}

/// A place in a scenario: the names of fields and variants and the numbers of entries that lead there.
#[derive(Clone)]
struct Place(Vec<String>);

impl Place {
    fn of(field: &str) -> Self {
        Self(vec![field.to_owned()])
    }

    fn field(&self, field: &str) -> Self {
        let mut path = self.0.clone();
        path.push(field.to_owned());
        Self(path)
    }

    fn item(&self, index: usize) -> Self {
        self.field(&index.to_string())
    }

    fn as_problem(&self, message: impl Into<String>) -> Problem {
        Problem { place: self.clone(), message: message.into(), suggestion: None, needle: None }
    }

    fn problem<T>(&self, message: impl Into<String>) -> Result<T, Problem> {
        Err(self.as_problem(message))
    }

    /// Whether the scenario or the command line says something about exactly this.
    fn is_stated(&self, loaded: &Loaded) -> bool {
        loaded.overrides.iter().any(|change| change.path == self.0)
            || text::parse(&loaded.source).is_some_and(|tree| tree.find(&self.0).exact)
    }
}

impl Problem {
    fn locate(self, loaded: &Loaded) -> ScenarioError {
        // Who changed it last is to blame.
        let error = match loaded.overrides.iter().rev().find(|change| self.place.0.starts_with(&change.path)) {
            Some(change) => {
                let span = change.value_at..change.argument.len();
                let span = self.narrow(&change.argument, span);
                ScenarioError::at(&change.option, &change.argument, span, &self.message)
            }
            None => {
                let span = text::parse(&loaded.source).map_or(0..1, |tree| tree.find(&self.place.0).span);
                let span = self.narrow(&loaded.source, span);
                ScenarioError::at(loaded.path.display().to_string(), &loaded.source, span, &self.message)
            }
        };
        error.suggesting(self.suggestion)
    }

    fn narrow(&self, source: &str, span: text::Span) -> text::Span {
        let found = self.needle.as_deref().filter(|needle| !needle.is_empty()).and_then(|needle| {
            let at = span.start + source.get(span.clone())?.find(needle)?;
            Some(at..at + needle.len())
        });
        found.unwrap_or(span)
    }
}

#[cfg(test)]
mod tests;
