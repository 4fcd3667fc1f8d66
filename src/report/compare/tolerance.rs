//! By how much a figure may differ.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use super::super::format::number;
use super::Figure;
use super::figures::{self, Unit, figure_names, part};
use crate::scenario::nearest;

/// By how much one figure may differ. As text: `reliability=0`, `latency_p99=50%`, `convergence=2s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerance {
    figure: String,
    bound: Bound,
}

/// A most that a figure may differ by; this very difference is still allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// So many of the figure's unit.
    Absolute(f64),
    /// Such a part of the value in A: 0.5 for 50 %.
    Relative(f64),
}

/// A figure that differs by more than it may.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Excess {
    /// The figure.
    #[serde(flatten)]
    pub figure: Figure,
    /// What was allowed.
    pub bound: Bound,
}

/// Why something is no tolerance.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ToleranceError {
    /// It is no name and bound.
    #[error("a figure and a bound are expected, as in `latency_p99=50%`, not `{text}`")]
    NoAssignment {
        /// What was written.
        text: String,
    },
    /// No figure has this name.
    #[error("there is no figure `{name}`{}\n known are {}", did_you_mean(suggestion.as_deref()), figure_names().collect::<Vec<_>>().join(", "))]
    UnknownFigure {
        /// The name.
        name: String,
        /// The nearest right spelling.
        suggestion: Option<String>,
    },
    /// The bound is no bound, or none for this figure.
    #[error("`{text}` is no bound for `{name}`: {expected}")]
    BadBound {
        /// The figure.
        name: String,
        /// What was written.
        text: String,
        /// What could have been.
        expected: &'static str,
    },
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

impl Tolerance {
    /// The figure may differ by this much.
    ///
    /// # Errors
    /// There is no such figure, or the bound is below zero or no number.
    pub fn new(figure: &str, bound: Bound) -> Result<Self, ToleranceError> {
        let known = unit(figure)?;
        let (Bound::Absolute(most) | Bound::Relative(most)) = bound;
        if !most.is_finite() || most < 0.0 {
            return Err(bad_bound(figure, &most.to_string(), known));
        }
        Ok(Self { figure: figure.to_owned(), bound })
    }

    /// The name of the figure.
    pub fn figure(&self) -> &str {
        &self.figure
    }

    /// By how much it may differ.
    pub const fn bound(&self) -> Bound {
        self.bound
    }

    pub(super) fn allows(&self, figure: &Figure) -> bool {
        let (Some(a), Some(b), Some(difference)) = (figure.a, figure.b, figure.difference) else {
            return figure.a.is_none() && figure.b.is_none();
        };
        // 1.3 - 1.0 is a little more than 0.3, which is not meant.
        let rounding = 4.0 * f64::EPSILON * a.abs().max(b.abs());
        let most = match self.bound {
            Bound::Absolute(most) => most,
            Bound::Relative(most) => most * a.abs(),
        };
        difference.abs() <= most + rounding
    }
}

impl FromStr for Tolerance {
    type Err = ToleranceError;

    fn from_str(text: &str) -> Result<Self, ToleranceError> {
        let (name, bound) = text.split_once('=').ok_or_else(|| ToleranceError::NoAssignment { text: text.to_owned() })?;
        let (name, bound) = (name.trim(), bound.trim());
        let unit = unit(name)?;
        let bad = || bad_bound(name, bound, unit);
        let most = |text: &str| text.trim().parse::<f64>().ok().filter(|most| most.is_finite() && *most >= 0.0);
        let parsed = if let Some(percent) = bound.strip_suffix('%') {
            most(percent).map(|percent| Bound::Relative(percent / 100.0))
        } else if let Some(plain) = most(bound) {
            Some(Bound::Absolute(plain))
        } else {
            let duration = humantime::parse_duration(bound).ok();
            duration.zip(unit.per_second()).map(|(duration, per_second)| Bound::Absolute(duration.as_secs_f64() * per_second))
        };
        Self::new(name, parsed.ok_or_else(bad)?)
    }
}

fn unit(name: &str) -> Result<Unit, ToleranceError> {
    figures::all().find(|known| known.name() == name).map(|known| known.unit).ok_or_else(|| {
        let names: Vec<String> = figure_names().collect();
        ToleranceError::UnknownFigure { name: name.to_owned(), suggestion: nearest(name, names.iter().map(String::as_str)) }
    })
}

fn bad_bound(name: &str, text: &str, unit: Unit) -> ToleranceError {
    let expected = match unit {
        Unit::Seconds => "seconds (`2`), a time (`500ms`) or percent (`50%`) are expected, not below zero",
        Unit::Milliseconds => "milliseconds (`20`), a time (`2s`) or percent (`50%`) are expected, not below zero",
        Unit::Share => "a share (`0.01`) or percent of A (`1%`) are expected, not below zero",
        _ => "a number (`3`) or percent (`50%`) are expected, not below zero",
    };
    ToleranceError::BadBound { name: name.to_owned(), text: text.to_owned(), expected }
}

impl Bound {
    /// The bound, for people.
    pub(super) fn shown(self, unit: Unit) -> String {
        match self {
            Self::Absolute(0.0) => "0".to_owned(),
            Self::Absolute(most) => unit.size(most),
            Self::Relative(most) => format!("{} %", number(most * 100.0)),
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figure { name, unit, a, b, difference, relative } = &self.figure;
        let value = |value: &Option<f64>| value.map_or_else(|| "not measured".to_owned(), |value| unit.value(value));
        write!(f, "{name} is {} in A and {} in B", value(a), value(b))?;
        if let Some(difference) = difference {
            write!(f, ": they differ by {}", unit.size(*difference))?;
            if let Some(relative) = relative {
                write!(f, " ({})", part(*relative))?;
            }
            write!(f, ", and may by {}", self.bound.shown(*unit))?;
        }
        Ok(())
    }
}
