//! What a node keeps beyond its life: rows, each with a name, that the world writes and that come back when it starts again.
//!
//! The world knows no disk. What it writes here leaves it encrypted, and before anything that it sends in the same tick; in a simulation
//! it is dropped.

use std::fmt;

use bevy_ecs::prelude::*;
use zeroize::Zeroizing;

use super::time::Instant;

/// A row is written; with `None` it is deleted. What it holds may be a key: it is erased when dropped, and never printed.
#[derive(Message, Clone)]
pub struct Persist {
    /// Whose.
    pub node: Entity,
    /// Its name: a word for its kind, a slash, and what the kind says.
    pub row: Vec<u8>,
    /// What it holds.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

impl Persist {
    /// Keeps a row.
    pub fn keep(node: Entity, row: Vec<u8>, value: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        Self { node, row, value: Some(value.into()) }
    }

    /// Deletes a row.
    pub const fn forget(node: Entity, row: Vec<u8>) -> Self {
        Self { node, row, value: None }
    }
}

impl fmt::Debug for Persist {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { node, row, value } = self;
        write!(f, "Persist {{ {node}, {}, {:?} bytes }}", row.escape_ascii(), value.as_ref().map(|value| value.len()))
    }
}

/// A row of an earlier life. All come in the tick in which the node starts. Erased and not printed, as [`Persist`].
#[derive(Message, Clone)]
pub struct Restored {
    /// Whose.
    pub node: Entity,
    /// Its name.
    pub row: Vec<u8>,
    /// What it holds.
    pub value: Zeroizing<Vec<u8>>,
    /// When.
    pub at: Instant,
}

impl Restored {
    /// What follows the kind in its name, if it is of that kind.
    pub fn of_kind(&self, kind: &str) -> Option<&[u8]> {
        self.row.strip_prefix(kind.as_bytes())?.strip_prefix(b"/")
    }
}

impl fmt::Debug for Restored {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Restored {{ {}, {}, {} bytes }}", self.node, self.row.escape_ascii(), self.value.len())
    }
}

/// The name of a row.
pub fn row(kind: &str, rest: &[u8]) -> Vec<u8> {
    [kind.as_bytes(), b"/", rest].concat()
}
