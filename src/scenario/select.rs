//! Which nodes.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

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

/// Why a selection names no set of nodes.
#[derive(thiserror::Error, Clone, Debug, PartialEq)]
pub enum SelectionError {
    /// It refers to a group that is not defined.
    #[error("there is no group `{name}`")]
    UnknownGroup {
        /// What it is called.
        name: String,
    },
    /// A group refers to itself, directly or through others.
    #[error("the group `{name}` refers to itself")]
    Cycle {
        /// What it is called.
        name: String,
    },
    /// It names no node.
    #[error("{selection} names no node of {nodes}")]
    Empty {
        /// The selection, as it is written.
        selection: String,
        /// How many nodes there are.
        nodes: u32,
    },
    /// An ordinal is beyond the last node.
    #[error("there is no node {ordinal}: the last of {nodes} is {}", i64::from(*nodes) - 1)]
    OutOfRange {
        /// The ordinal.
        ordinal: u32,
        /// How many nodes there are.
        nodes: u32,
    },
    /// A fraction is not between 0 and 1, or a share ends before it begins.
    #[error("{selection} is not a share: fractions go from 0 to 1, the first not above the second")]
    BadShare {
        /// The selection, as it is written.
        selection: String,
    },
    /// More are to be drawn than there are.
    #[error("{asked} of {nodes} nodes cannot be drawn")]
    TooMany {
        /// How many to draw.
        asked: u32,
        /// How many nodes there are.
        nodes: u32,
    },
}

impl SelectionError {
    /// The word to look for in the scenario: the group's name, the ordinal, or how the selection is written.
    pub fn offender(&self) -> String {
        match self {
            Self::UnknownGroup { name } | Self::Cycle { name } => name.clone(),
            Self::Empty { selection, .. } | Self::BadShare { selection } => selection.clone(),
            Self::OutOfRange { ordinal, .. } => ordinal.to_string(),
            Self::TooMany { asked, .. } => asked.to_string(),
        }
    }
}

impl Selection {
    /// The ordinals it names among `nodes` nodes, ascending, each once.
    ///
    /// What is drawn depends on `seed` and on how the selection is written, and on nothing else: `Random(5)` is the same five
    /// nodes wherever it stands.
    ///
    /// # Errors
    /// What is wrong with it, or with a group or part that it refers to. A part that names no node is an error too.
    pub fn resolve(&self, nodes: u32, groups: &BTreeMap<String, Self>, seed: u64) -> Result<Vec<u32>, SelectionError> {
        self.resolve_within(&Scope { nodes, groups, seed }, &mut Vec::new())
    }

    fn resolve_within<'a>(&'a self, scope: &Scope<'a>, path: &mut Vec<&'a str>) -> Result<Vec<u32>, SelectionError> {
        let nodes = scope.nodes;
        let written = || format!("{self:?}");
        let place = |fraction: f64| (fraction * f64::from(nodes)).round() as u32;
        let in_range = |ordinal: u32| if ordinal < nodes { Ok(()) } else { Err(SelectionError::OutOfRange { ordinal, nodes }) };
        let chosen = match self {
            Self::All => (0..nodes).collect(),
            Self::Nodes(ordinals) => {
                ordinals.iter().try_for_each(|ordinal| in_range(*ordinal))?;
                sorted(ordinals.clone())
            }
            Self::Range(from, to) => {
                if from < to {
                    in_range(to - 1)?;
                }
                (*from..*to).collect()
            }
            Self::Share(from, to) => {
                if !(0.0 <= *from && from <= to && *to <= 1.0) {
                    return Err(SelectionError::BadShare { selection: written() });
                }
                (place(*from)..place(*to)).collect()
            }
            Self::Group(name) => {
                let (name, group) = scope.groups.get_key_value(name).ok_or_else(|| SelectionError::UnknownGroup { name: name.clone() })?;
                if path.contains(&name.as_str()) {
                    return Err(SelectionError::Cycle { name: name.clone() });
                }
                path.push(name);
                let chosen = group.resolve_within(scope, path)?;
                path.pop();
                chosen
            }
            Self::Union(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.append(&mut part.resolve_within(scope, path)?);
                }
                sorted(all)
            }
            Self::Except(these) => {
                let these = these.resolve_within(scope, path)?;
                (0..nodes).filter(|ordinal| these.binary_search(ordinal).is_err()).collect()
            }
            Self::Random(count) => {
                if *count > nodes {
                    return Err(SelectionError::TooMany { asked: *count, nodes });
                }
                draw(*count, nodes, scope.seed, 1, u64::from(*count))
            }
            Self::RandomShare(share) => {
                if !(0.0..=1.0).contains(share) {
                    return Err(SelectionError::BadShare { selection: written() });
                }
                draw(place(*share), nodes, scope.seed, 2, share.to_bits())
            }
        };
        if chosen.is_empty() { Err(SelectionError::Empty { selection: written(), nodes }) } else { Ok(chosen) }
    }
}

/// Reads named selections. A name given twice is a mistake; serde's own map would keep the last.
pub(super) fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Selection>, D::Error> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = BTreeMap<String, Selection>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
            formatter.write_str("a map from names to selections")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = BTreeMap::new();
            while let Some(name) = map.next_key::<String>()? {
                if all.contains_key(&name) {
                    return Err(A::Error::custom(format!("the group `{name}` is defined twice")));
                }
                all.insert(name, map.next_value()?);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(Names)
}

/// What a selection is resolved against.
struct Scope<'a> {
    nodes: u32,
    groups: &'a BTreeMap<String, Selection>,
    seed: u64,
}

fn sorted(mut ordinals: Vec<u32>) -> Vec<u32> {
    ordinals.sort_unstable();
    ordinals.dedup();
    ordinals
}

/// Draws `count` of `nodes` without repetition. The stream is named by the seed and by what is written: its kind and its number.
fn draw(count: u32, nodes: u32, seed: u64, kind: u64, number: u64) -> Vec<u32> {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, u64::from_le_bytes(*b"selected"), kind, number]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    let mut rng = ChaCha8Rng::from_seed(key);
    let mut all: Vec<u32> = (0..nodes).collect();
    let count = count as usize;
    // The first steps of a Fisher-Yates shuffle.
    for index in 0..count {
        let other = rng.random_range(index..all.len());
        all.swap(index, other);
    }
    all.truncate(count);
    sorted(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(selection: Selection) -> Result<Vec<u32>, SelectionError> {
        let groups = BTreeMap::from([
            ("west".into(), Selection::Share(0.0, 0.3)),
            ("east".into(), Selection::Except(Box::new(Selection::Group("west".into())))),
            ("loop".into(), Selection::Union(vec![Selection::All, Selection::Group("pool".into())])),
            ("pool".into(), Selection::Group("loop".into())),
        ]);
        selection.resolve(10, &groups, 7)
    }

    #[test]
    fn sets_are_sorted_and_without_repetition() {
        assert_eq!(resolve(Selection::Nodes(vec![5, 1, 5])), Ok(vec![1, 5]));
        assert_eq!(resolve(Selection::Group("east".into())), Ok(vec![3, 4, 5, 6, 7, 8, 9]));
        let both = Selection::Union(vec![Selection::Group("east".into()), Selection::Group("west".into())]);
        assert_eq!(resolve(both), resolve(Selection::All));
    }

    #[test]
    fn shares_that_meet_leave_nobody_out() {
        for nodes in 3..50 {
            let mut all = Selection::Share(0.0, 0.37).resolve(nodes, &BTreeMap::new(), 0).unwrap();
            all.append(&mut Selection::Share(0.37, 1.0).resolve(nodes, &BTreeMap::new(), 0).unwrap());
            assert_eq!(all, (0..nodes).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_drawn_depends_on_the_seed_and_on_how_it_is_written() {
        let draw = |selection: Selection, seed| selection.resolve(1000, &BTreeMap::new(), seed).unwrap();
        assert_eq!(draw(Selection::Random(20), 1), draw(Selection::Random(20), 1));
        assert_ne!(draw(Selection::Random(20), 1), draw(Selection::Random(20), 2));
        assert_ne!(draw(Selection::RandomShare(0.02), 1), draw(Selection::Random(20), 1));
        assert_eq!(draw(Selection::Random(20), 3).len(), 20);
        assert_eq!(draw(Selection::RandomShare(1.0), 3).len(), 1000);
    }

    #[test]
    fn mistakes_are_named() {
        let offender = |selection| resolve(selection).unwrap_err().offender();
        assert_eq!(offender(Selection::Group("wets".into())), "wets");
        assert_eq!(resolve(Selection::Group("loop".into())), Err(SelectionError::Cycle { name: "loop".into() }));
        assert_eq!(offender(Selection::Nodes(vec![3, 10])), "10");
        assert_eq!(offender(Selection::Range(4, 12)), "11");
        assert_eq!(offender(Selection::Share(0.0, 1.5)), "Share(0.0, 1.5)");
        assert_eq!(offender(Selection::Share(f64::NAN, 1.0)), "Share(NaN, 1.0)");
        assert_eq!(offender(Selection::Range(4, 4)), "Range(4, 4)");
        assert_eq!(offender(Selection::Random(11)), "11");
        assert_eq!(offender(Selection::Except(Box::new(Selection::All))), "Except(All)");
    }
}
