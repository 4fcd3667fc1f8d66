//! Two results side by side: which figures differ, by how much, and whether by more than is allowed.
//!
//! ```
//! use murmuration::report::{Meta, RunRecord, compare, summary};
//!
//! let record = RunRecord { meta: Meta { detection: true, ..Meta::default() }, false_suspicions: 4, ..RunRecord::default() };
//! let more = RunRecord { false_suspicions: 5, ..record.clone() };
//! let comparison = compare(&summary(&record, &[]), &summary(&more, &[]));
//!
//! assert!(comparison.within(&["false_suspicions=25%".parse()?]).is_empty());
//! let beyond = comparison.within(&["false_suspicions=0".parse()?, "rmr=0".parse()?]);
//! assert_eq!(beyond.len(), 1);
//! assert_eq!(beyond[0].to_string(), "false_suspicions is 4 in A and 5 in B: they differ by 1 (25.0 %), and may by 0");
//! # Ok::<(), murmuration::report::ToleranceError>(())
//! ```

mod figures;
mod settings;
mod terminal;
mod tolerance;

#[cfg(test)]
mod tests;

use serde::Serialize;

use super::judge::Verdict;
use super::summary::Summary;
use crate::scenario::Scenario;

pub use figures::{Unit, figure_names};
pub use terminal::terminal_comparison;
pub use tolerance::{Bound, Excess, Tolerance, ToleranceError};

/// Two results side by side.
///
/// The first, A, is what the second, B, is measured against: differences are B - A, and relative ones are parts of A.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What A is.
    pub a: Run,
    /// What B is.
    pub b: Run,
    /// In what the two were not run alike.
    pub settings: Vec<Setting>,
    /// All figures, also those that neither has.
    pub figures: Vec<Figure>,
    /// The expectations: those of A in its order, then those that only B has.
    pub expectations: Vec<Expected>,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// How many nodes.
    pub nodes: u32,
    /// Simulated time.
    pub simulated_seconds: f64,
    /// Time it took.
    pub wall_seconds: f64,
    /// Version of the program.
    pub version: String,
    /// Digest of the trace, hexadecimal.
    pub digest: String,
}

/// Something in which two runs were not run alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// What: `seed`, or a path in the scenario.
    pub name: String,
    /// What it was in A.
    pub a: String,
    /// What it was in B.
    pub b: String,
}

/// A figure of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its name: `latency_p99`.
    pub name: String,
    /// What it is counted in.
    pub unit: Unit,
    /// Its value in A; `None` if it was not measured there.
    pub a: Option<f64>,
    /// Its value in B; `None` if it was not measured there.
    pub b: Option<f64>,
    /// B - A, if both were measured.
    pub difference: Option<f64>,
    /// The difference as a part of A; `None` also if A is 0 and B is not.
    pub relative: Option<f64>,
}

/// An expectation, and what came of it in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The expectation, in words.
    pub name: String,
    /// What came of it in A; `None` if A did not expect it.
    pub a: Option<Outcome>,
    /// What came of it in B; `None` if B did not expect it.
    pub b: Option<Outcome>,
}

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Whether it held.
    pub held: bool,
    /// What was measured, and what it was measured against.
    pub detail: String,
}

/// Puts two results side by side.
pub fn compare(a: &Summary, b: &Summary) -> Comparison {
    let (run_a, run_b) = (Run::of(a), Run::of(b));
    Comparison {
        settings: settings::of_runs(&run_a, &run_b),
        figures: figures::all().map(|known| Figure::new(known.name(), known.unit, known.value(a), known.value(b))).collect(),
        expectations: expectations(&a.expectations, &b.expectations),
        a: run_a,
        b: run_b,
    }
}

impl Comparison {
    /// Adds in what else the two were not run alike: summaries tell no more of a scenario than its name, size and length. Scenarios of
    /// different names differ as a whole, and nothing is added.
    #[must_use]
    pub fn with_scenarios(mut self, a: &Scenario, b: &Scenario) -> Self {
        if self.a.scenario == self.b.scenario {
            self.settings.extend(settings::of_scenarios(a, b));
        }
        self
    }

    /// The figure of this name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }

    /// What is beyond these tolerances, in their order. Figures that no tolerance names may differ as they like.
    ///
    /// A figure that only one of the two has is beyond every tolerance; one that neither has is within. (A test that would be fooled by the
    /// latter looks at [`Comparison::figure`] too.)
    pub fn within(&self, tolerances: &[Tolerance]) -> Vec<Excess> {
        let excess = |tolerance: &Tolerance| {
            let figure = self.figure(tolerance.figure()).filter(|figure| !tolerance.allows(figure))?;
            Some(Excess { figure: figure.clone(), bound: tolerance.bound() })
        };
        tolerances.iter().filter_map(excess).collect()
    }
}

impl Figure {
    fn new(name: String, unit: Unit, a: Option<f64>, b: Option<f64>) -> Self {
        let difference = a.zip(b).map(|(a, b)| b - a);
        let relative = a.zip(difference).and_then(|(a, difference)| match a {
            _ if difference == 0.0 => Some(0.0),
            0.0 => None,
            _ => Some(difference / a.abs()),
        });
        Self { name, unit, a, b, difference, relative }
    }

    /// Whether A and B are not the same.
    pub fn differs(&self) -> bool {
        self.a != self.b
    }
}

impl Expected {
    /// Whether it held in one and not in the other, or was expected of one only.
    pub fn differs(&self) -> bool {
        self.a.as_ref().map(|outcome| outcome.held) != self.b.as_ref().map(|outcome| outcome.held)
    }
}

impl Run {
    fn of(summary: &Summary) -> Self {
        Self {
            scenario: summary.scenario.clone(),
            seed: summary.seed,
            nodes: summary.nodes,
            simulated_seconds: summary.simulated_seconds,
            wall_seconds: summary.wall_seconds,
            version: summary.version.clone(),
            digest: summary.digest.clone(),
        }
    }
}

fn expectations(a: &[Verdict], b: &[Verdict]) -> Vec<Expected> {
    let outcome = |verdict: &Verdict| Outcome { held: verdict.held, detail: verdict.detail.clone() };
    let mut left: Vec<&Verdict> = b.iter().collect();
    let mut rows: Vec<Expected> = Vec::new();
    for verdict in a {
        // Taken out, so that an expectation that stands there twice is paired twice.
        let other = left.iter().position(|other| other.name == verdict.name).map(|at| left.remove(at));
        rows.push(Expected { name: verdict.name.clone(), a: Some(outcome(verdict)), b: other.map(outcome) });
    }
    rows.extend(left.into_iter().map(|verdict| Expected { name: verdict.name.clone(), a: None, b: Some(outcome(verdict)) }));
    rows
}
