//! Where the rows of a node are kept: `chat.redb` in its data directory, encrypted as they leave the world.
//!
//! What leaves in one tick is written in one transaction, and is on the disk before the frames of that tick are sent and its events told: what
//! others or the owner were told of is not lost when the process is killed or the power fails. A database that is damaged is moved aside, and the
//! node goes on with a new one: others have what was said. An empty file is damaged too: a new database gets its name when it is whole. When
//! it cannot be written the node goes on in memory, says so, and tries again. When it is removed under a node that runs, all that it held is
//! written anew, for the node still has it.

mod database;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bevy_ecs::prelude::*;

use self::database::{Database, Rows, Trouble, set_aside};
use crate::gate::Output;
use crate::kernel::Instant;

/// The name of the database in the data directory.
pub const STORE_FILE: &str = "chat.redb";

/// Bytes that enter the world at once.
const BATCH: usize = 256 << 10;
/// Between two attempts to write what could not be written.
const RETRY: Duration = Duration::from_secs(10);
/// Between two looks whether the database is still where it was.
const LOOK: Duration = Duration::from_secs(1);

/// A row: what stands for its name, and what it holds.
pub type Row = (Box<[u8]>, Box<[u8]>);

/// Whether what a node says and hears is kept.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Why it is lost when the node ends, if it is.
    pub unsaved: Option<String>,
}

impl Keeping {
    /// Of a node that has no place to keep anything.
    pub(super) fn nowhere() -> Self {
        Self { unsaved: Some("the node has no data directory".to_owned()) }
    }
}

/// Keeps the rows of a node.
#[derive(Debug, Default)]
pub struct Store {
    path: Option<PathBuf>,
    database: Option<Database>,
    /// What is not on the disk.
    pending: BTreeMap<Box<[u8]>, Option<Box<[u8]>>>,
    failed: Option<Instant>,
    looked: Option<Instant>,
    keeping: Keeping,
}

impl Store {
    /// In memory only, for as long as the process lives.
    pub fn in_memory() -> Self {
        Self { keeping: Keeping::nowhere(), ..Self::default() }
    }

    /// In the data directory `folder`. It never fails: if there is no way to keep anything there, it is in memory, and says so.
    pub fn open(folder: &Path) -> Self {
        let mut store = Self { path: Some(folder.join(STORE_FILE)), ..Self::default() };
        if let Err(error) = store.connect(&folder.join(STORE_FILE)) {
            store.fail(&error);
        }
        store
    }

    /// Whether rows are kept, and if not, why.
    pub fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    /// All rows.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = match self.database.as_ref().map(Database::rows) {
            Some(Ok(rows)) => rows,
            Some(Err(error)) => {
                tracing::error!("what was said before cannot be read: {error}");
                Rows::new()
            }
            None => Rows::new(),
        };
        for (name, value) in &self.pending {
            match value {
                Some(value) => rows.insert(name.clone(), value.clone()),
                None => rows.remove(name),
            };
        }
        rows.into_iter().collect()
    }

    /// All rows, in parts that fit into a recording each.
    pub fn batches(&self) -> Vec<Vec<Row>> {
        let mut batches: Vec<Vec<Row>> = Vec::new();
        let mut room = 0;
        for (name, value) in self.rows() {
            let size = name.len() + value.len() + 16;
            match batches.last_mut().filter(|_| size <= room) {
                Some(batch) => batch.push((name, value)),
                None => {
                    room = BATCH.max(size);
                    batches.push(vec![(name, value)]);
                }
            }
            room -= size;
        }
        batches
    }

    /// Keeps the rows among `outputs`, and takes them out. When it returns they are on the disk, or [`keeping`](Self::keeping) says why not.
    pub fn keep(&mut self, outputs: &mut Vec<Output>, now: Instant) {
        outputs.retain_mut(|output| {
            let Output::Persist { row, value, .. } = output else { return true };
            self.pending.insert(std::mem::take(row), value.take());
            false
        });
        if self.is_lost(now) {
            self.rescue();
            return;
        }
        let is_due = self.failed.is_none_or(|failed| now.since(failed) >= RETRY);
        let is_whole = self.pending.is_empty() && self.keeping.unsaved.is_none();
        let Some(path) = self.path.clone().filter(|_| is_due && !is_whole) else { return };
        let pending = std::mem::take(&mut self.pending);
        let written = self.connect(&path).and_then(|database| database.write(&pending));
        self.pending = pending;
        match written {
            Ok(()) => {
                self.pending.clear();
                if self.failed.take().is_some() {
                    tracing::info!("what is said is kept again");
                }
                self.keeping.unsaved = None;
            }
            Err(error) => {
                self.failed = Some(now);
                self.fail(&error);
            }
        }
    }

    /// Whether the database is open, and not in its place any more.
    fn is_lost(&mut self, now: Instant) -> bool {
        let (Some(path), Some(database)) = (&self.path, &self.database) else { return false };
        // What is to be written now must not go into a file that nobody finds again.
        if self.pending.is_empty() && self.looked.is_some_and(|looked| now.since(looked) < LOOK) {
            return false;
        }
        self.looked = Some(now);
        !database.is_at(path)
    }

    /// Takes all rows out of the database that is lost. With the next tick they are written into a new one.
    fn rescue(&mut self) {
        self.pending = self.rows().into_iter().map(|(name, value)| (name, Some(value))).collect();
        self.failed = None;
        self.fail(&Trouble::Removed);
    }

    fn fail(&mut self, error: &Trouble) {
        // After an error of the disk redb wants to be opened anew.
        self.database = None;
        let reason = error.advice(self.path.as_deref().unwrap_or(Path::new(STORE_FILE)));
        if self.keeping.unsaved.as_ref() != Some(&reason) {
            tracing::error!("{reason}; what is said is kept in memory only until this is repaired");
        }
        self.keeping.unsaved = Some(reason);
    }

    /// The database, which is opened if it is not open. One that is damaged is moved aside.
    fn connect(&mut self, path: &Path) -> Result<&Database, Trouble> {
        let open = match self.database.take() {
            Some(open) => open,
            None => open_or_set_aside(path)?,
        };
        Ok(self.database.insert(open))
    }
}

fn open_or_set_aside(path: &Path) -> Result<Database, Trouble> {
    match Database::open(path) {
        Err(Trouble::Damaged(what)) => {
            let aside = set_aside(path)?;
            tracing::warn!(
                "{} is damaged ({what}) and was moved to {}; the node goes on with a new one, and others send it what was said; \
                 what had not been said yet is lost",
                path.display(),
                aside.display()
            );
            Database::open(path)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
