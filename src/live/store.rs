//! Where the rows of a node are kept: `chat.redb` in its data directory, encrypted as they leave the world.
//!
//! What leaves in one tick is written in one transaction, and is on the disk before the frames of that tick are sent and its events told: what
//! others or the owner were told of is not lost when the process is killed or the power fails. A database that is damaged is moved aside, and the
//! node goes on with a new one: others have what was said. When it cannot be written the node goes on in memory, says so, and tries again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bevy_ecs::prelude::*;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::data_dir::cannot;
use crate::gate::Output;
use crate::kernel::Instant;

/// The name of the database in the data directory.
pub const STORE_FILE: &str = "chat.redb";

/// Rows: what stands for the name, what it holds.
const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
/// Most memory for pages.
const CACHE: usize = 4 << 20;
/// Bytes that enter the world at once.
const BATCH: usize = 256 << 10;
/// Between two attempts to write what could not be written.
const RETRY: Duration = Duration::from_secs(10);

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
        if let Err(error) = store.connect() {
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
        let mut rows: BTreeMap<Box<[u8]>, Box<[u8]>> = match self.database.as_ref().map(read_all) {
            Some(Ok(rows)) => rows,
            Some(Err(error)) => {
                tracing::error!("what was said before cannot be read: {error}");
                BTreeMap::new()
            }
            None => BTreeMap::new(),
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
        let is_due = self.failed.is_none_or(|failed| now.since(failed) >= RETRY);
        if self.pending.is_empty() || self.path.is_none() || !is_due {
            return;
        }
        match self.connect().and_then(|()| self.write()) {
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

    fn fail(&mut self, error: &Trouble) {
        // After an error of the disk redb wants to be opened anew.
        self.database = None;
        let path = self.path.as_deref().unwrap_or(Path::new(STORE_FILE));
        let reason = match error {
            Trouble::System(error) => cannot("written", path)(io::Error::new(error.kind(), error.to_string())).to_string(),
            Trouble::Damaged(what) => format!("{} is damaged: {what}", path.display()),
        };
        if self.keeping.unsaved.as_ref() != Some(&reason) {
            tracing::error!("{reason}; what is said is kept in memory only until this is repaired");
        }
        self.keeping.unsaved = Some(reason);
    }

    /// Opens the database if it is not open. One that is damaged is moved aside.
    fn connect(&mut self) -> Result<(), Trouble> {
        let (Some(path), None) = (&self.path, &self.database) else { return Ok(()) };
        let opened = match open(path) {
            Err(Trouble::Damaged(what)) => {
                let aside = set_aside(path).map_err(Trouble::System)?;
                tracing::warn!(
                    "{} is damaged ({what}) and was moved to {}; the node goes on with a new one, and others send it what was said",
                    path.display(),
                    aside.display()
                );
                open(path)
            }
            other => other,
        };
        self.database = Some(opened?);
        Ok(())
    }

    fn write(&self) -> Result<(), Trouble> {
        let Some(database) = &self.database else { return Ok(()) };
        let transaction = database.begin_write().map_err(trouble)?;
        {
            let mut table = transaction.open_table(ROWS).map_err(trouble)?;
            for (name, value) in &self.pending {
                match value {
                    Some(value) => drop(table.insert(&**name, &**value).map_err(trouble)?),
                    None => drop(table.remove(&**name).map_err(trouble)?),
                }
            }
        }
        transaction.commit().map_err(trouble)
    }
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// It is no database, or not whole.
    #[error("{0}")]
    Damaged(String),
    /// The system does not let it be read or written.
    #[error("{0}")]
    System(io::Error),
}

/// What an error of the database means.
fn trouble(error: impl Into<redb::Error>) -> Trouble {
    use redb::Error;
    match error.into() {
        Error::Io(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::InvalidInput) => {
            Trouble::Damaged(error.to_string())
        }
        Error::Io(error) => Trouble::System(error),
        error @ (Error::Corrupted(_)
        | Error::UpgradeRequired(_)
        | Error::RepairAborted
        | Error::TableTypeMismatch { .. }
        | Error::TableIsMultimap(_)
        | Error::TypeDefinitionChanged { .. }) => Trouble::Damaged(error.to_string()),
        other => Trouble::System(io::Error::other(other.to_string())),
    }
}

/// Opens a database, and looks whether all of it can be read.
fn open(path: &Path) -> Result<Database, Trouble> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(Trouble::System)?;
    // What is no database makes redb panic in places.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let file = redb::backends::FileBackend::new(file).map_err(trouble)?;
        let database = Database::builder().set_cache_size(CACHE).create_with_backend(file).map_err(trouble)?;
        read_all(&database)?;
        Ok(database)
    }));
    opened.unwrap_or_else(|_| Err(Trouble::Damaged("it is no database".to_owned())))
}

fn read_all(database: &Database) -> Result<BTreeMap<Box<[u8]>, Box<[u8]>>, Trouble> {
    let transaction = database.begin_read().map_err(trouble)?;
    let table = match transaction.open_table(ROWS) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(BTreeMap::new()),
        Err(error) => return Err(trouble(error)),
    };
    let mut rows = BTreeMap::new();
    for row in table.iter().map_err(trouble)? {
        let (name, value) = row.map_err(trouble)?;
        rows.insert(name.value().into(), value.value().into());
    }
    Ok(rows)
}

/// Moves a file to the first free name `FILE.damaged-N`.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = |number: u32| {
        let mut name: OsString = path.as_os_str().to_owned();
        name.push(format!(".damaged-{number}"));
        PathBuf::from(name)
    };
    let free = (1..u32::MAX).map(name).find(|path| path.symlink_metadata().is_err());
    let aside = free.ok_or_else(|| io::Error::other("there are too many damaged files"))?;
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests;
