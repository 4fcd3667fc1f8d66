//! Which nodes.

use serde::{Deserialize, Serialize};

/// A set of nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Selection {
    /// All nodes.
    #[default]
    All,
    /// These, by ordinal from 0.
    Nodes(Vec<u32>),
    /// Ordinals from the first (included) to the second (excluded).
    Range(u32, u32),
    /// The nodes from one fraction of all to another: `Share(0.0, 0.5)` is the first half, however many there are.
    Share(f64, f64),
    /// A named group.
    Group(String),
    /// All of several.
    Union(Vec<Selection>),
    /// All but these.
    Except(Box<Selection>),
    /// So many of all, drawn from the seed.
    Random(u32),
    /// Such a fraction of all, drawn from the seed.
    RandomShare(f64),
}
