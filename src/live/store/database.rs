//! The file of a store.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{ReadableDatabase, ReadableTable, TableDefinition};

use crate::live::data_dir::{cannot, sync_folder};

/// Rows: what stands for the name, what it holds.
const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
/// Most memory for pages.
const CACHE: usize = 4 << 20;

/// Rows by what stands for their names.
pub type Rows = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// A database that is open.
#[derive(Debug)]
pub struct Database {
    redb: redb::Database,
    file: FileMark,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It is no database, or not whole.
    #[error("{0}")]
    Damaged(String),
    /// It is not where it was.
    #[error("it was removed or replaced")]
    Removed,
    /// The system does not let it be read or written.
    #[error("{0}")]
    System(io::Error),
}

impl Trouble {
    /// What is wrong with the database at `path`, and what to do.
    pub fn advice(&self, path: &Path) -> String {
        let file = path.display();
        match self {
            Self::Damaged(what) => format!("{file} is damaged: {what}"),
            Self::Removed => {
                format!("{file} was removed or replaced while the node runs; it is written anew, to begin without it end the node first")
            }
            Self::System(error) if error.kind() == ErrorKind::NotFound => format!(
                "there is no data directory {}: make it, and if it was removed while the node runs, put a copy of identity.key into it, \
                 or the next start is that of somebody else",
                path.parent().unwrap_or(path).display()
            ),
            Self::System(error) => cannot("written", path)(io::Error::new(error.kind(), error.to_string())).to_string(),
        }
    }
}

impl Database {
    /// Opens the one at `path`, and looks whether all of it can be read; makes one if there is none.
    ///
    /// # Errors
    /// It is damaged, or the system does not let it be used.
    pub fn open(path: &Path) -> Result<Self, Trouble> {
        let is_new = path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        if is_new {
            create(path)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(Trouble::System)?;
        if !is_new && file.metadata().is_ok_and(|file| file.len() == 0) {
            return Err(Trouble::Damaged("it is empty".to_owned()));
        }
        let redb = database_in(file)?;
        Ok(Self { redb, file: FileMark::of(path).ok_or(Trouble::Removed)? })
    }

    /// Whether it is what others find at `path`.
    pub fn is_at(&self, path: &Path) -> bool {
        FileMark::of(path).as_ref() == Some(&self.file)
    }

    /// All rows.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn rows(&self) -> Result<Rows, Trouble> {
        read_all(&self.redb)
    }

    /// Writes rows, and deletes those without a value: all of them or none. When it returns they are on the disk.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&self, rows: &BTreeMap<Box<[u8]>, Option<Box<[u8]>>>) -> Result<(), Trouble> {
        let transaction = self.redb.begin_write().map_err(trouble)?;
        {
            let mut table = transaction.open_table(ROWS).map_err(trouble)?;
            for (name, value) in rows {
                match value {
                    Some(value) => drop(table.insert(&**name, &**value).map_err(trouble)?),
                    None => drop(table.remove(&**name).map_err(trouble)?),
                }
            }
        }
        transaction.commit().map_err(trouble)
    }
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

/// Makes an empty database. It gets its name when it is whole: if the process is killed before that there is none, not half of one.
fn create(path: &Path) -> Result<(), Trouble> {
    let new = with_suffix(path, ".new");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(database_in(options.open(&new).map_err(Trouble::System)?)?);
    std::fs::rename(&new, path).and_then(|()| sync_folder(path)).map_err(Trouble::System)
}

fn database_in(file: File) -> Result<redb::Database, Trouble> {
    // What is no database makes redb panic in places.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let file = redb::backends::FileBackend::new(file).map_err(trouble)?;
        let database = redb::Database::builder().set_cache_size(CACHE).create_with_backend(file).map_err(trouble)?;
        read_all(&database)?;
        Ok(database)
    }));
    opened.unwrap_or_else(|_| Err(Trouble::Damaged("it is no database".to_owned())))
}

fn read_all(database: &redb::Database) -> Result<Rows, Trouble> {
    let transaction = database.begin_read().map_err(trouble)?;
    let table = match transaction.open_table(ROWS) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Rows::new()),
        Err(error) => return Err(trouble(error)),
    };
    let mut rows = Rows::new();
    for row in table.iter().map_err(trouble)? {
        let (name, value) = row.map_err(trouble)?;
        rows.insert(name.value().into(), value.value().into());
    }
    Ok(rows)
}

/// Tells a file from another that has taken its place.
#[derive(Debug, PartialEq, Eq)]
struct FileMark(u64, u64);

impl FileMark {
    /// Of the file that is at `path` now.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        path.metadata().ok().map(|file| Self(file.dev(), file.ino()))
    }

    /// Elsewhere a file that is open stays where it is.
    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        path.exists().then_some(Self(0, 0))
    }
}

/// Moves a file to the first free name `FILE.damaged-N`.
///
/// # Errors
/// It cannot be moved.
pub fn set_aside(path: &Path) -> Result<PathBuf, Trouble> {
    let name = |number: u32| with_suffix(path, &format!(".damaged-{number}"));
    let free = (1..u32::MAX).map(name).find(|path| path.symlink_metadata().is_err());
    let aside = free.ok_or_else(|| Trouble::System(io::Error::other("there are too many damaged files")))?;
    std::fs::rename(path, &aside).map_err(Trouble::System)?;
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
