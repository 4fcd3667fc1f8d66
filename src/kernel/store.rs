//! What a node keeps beyond its life: rows, each with a name, that the world writes and that come back when it starts again.
//!
//! The world knows no disk. What it writes here leaves it encrypted, and before anything that it sends in the same tick; in a simulation
//! it is dropped.

use bevy_ecs::prelude::*;

use super::time::Instant;

/// A row is written; with `None` it is deleted.
#[derive(Message, Clone, Debug)]
pub struct Persist {
    /// Whose.
    pub node: Entity,
    /// Its name: a word for its kind, a slash, and what the kind says.
    pub row: Vec<u8>,
    /// What it holds.
    pub value: Option<Vec<u8>>,
}

/// A row of an earlier life. All come in the tick in which the node starts.
#[derive(Message, Clone, Debug)]
pub struct Restored {
    /// Whose.
    pub node: Entity,
    /// Its name.
    pub row: Vec<u8>,
    /// What it holds.
    pub value: Vec<u8>,
    /// When.
    pub at: Instant,
}

impl Restored {
    /// What follows the kind in its name, if it is of that kind.
    pub fn of_kind(&self, kind: &str) -> Option<&[u8]> {
        self.row.strip_prefix(kind.as_bytes())?.strip_prefix(b"/")
    }
}

/// The name of a row.
pub fn row(kind: &str, rest: &[u8]) -> Vec<u8> {
    [kind.as_bytes(), b"/", rest].concat()
}
