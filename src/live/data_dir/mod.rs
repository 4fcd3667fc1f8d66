//! The folder in which a node keeps what must outlive the process.
//!
//! | File | Holds | If it is damaged |
//! |---|---|---|
//! | `identity.key` | the 32 bytes of the Ed25519 seed, mode 0600 | refused, never overwritten |
//! | `config.toml` | the [settings](super::settings) | refused |
//! | `peers.json` | peers known last time, tried at the next start | set aside, the node begins without |
//! | `incarnation` | a number that no life of the node reached | set aside, the clock decides |
//! | `chat.redb` | what was said, who belongs to the network, and keys, encrypted: the [store](super::store) | moved aside, others send what was said |
//! | `lock` | the number of the process that uses the folder | overwritten |
//!
//! Guarantees: a file is replaced as a whole, so that after `kill -9` or a loss of power it holds the old content or the new; two
//! processes never use one folder; a new life has a higher number than those before it, whatever the clock does.
//!
//! Not guaranteed: that the folder of a node may be copied. Two nodes with one identity disturb each other.
//!
//! ```
//! use murmuration::live::data_dir::DataDir;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("alice");
//! let dir = DataDir::open(&path)?;
//! let first = dir.next_incarnation(5_000_000)?;
//! // The clock went back by an hour.
//! assert!(dir.next_incarnation(1_400_000)? > first);
//! assert!(DataDir::open(&path).unwrap_err().to_string().contains("another mesh-live runs"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod files;
mod incarnation;
mod keys;
mod peers;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

pub use files::FileError;
pub(in crate::live) use files::{cannot, reason, sync_folder};
pub(in crate::live) use keys::check_private;
pub use keys::{KeyError, NotHex, create_key_file, key_from_hex, new_key, read_key};
pub use peers::{KnownPeer, MAX_PEERS};

use etcetera::BaseStrategy;

use crate::crypto::Secret;

/// The name of the configuration in the folder.
pub const CONFIG_FILE: &str = "config.toml";

const IDENTITY: &str = "identity.key";
const LOCK: &str = "lock";

/// A folder that this process uses, and no other. Dropping it lets others in.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(thiserror::Error, Debug)]
pub enum DataDirError {
    /// It is not known where the folder is by default.
    #[error("there is no home folder to keep the node's data in; name a folder with --data-dir")]
    NoHome,
    /// Another process uses it.
    #[error(
        "another mesh-live runs with this data directory, {} (pid {}); use --data-dir for a second one",
        path.display(),
        pid.map_or("unknown".to_owned(), |pid| pid.to_string())
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process, as far as it said.
        pid: Option<u32>,
    },
    /// The identity cannot be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl DataDir {
    /// Where it is if nobody says: `mesh-live` in the user's folder for configurations: `~/.config`, on Windows the roaming one.
    ///
    /// # Errors
    /// The user has no home.
    pub fn default_path() -> Result<PathBuf, DataDirError> {
        let folders = etcetera::choose_base_strategy().map_err(|_| DataDirError::NoHome)?;
        Ok(folders.config_dir().join("mesh-live"))
    }

    /// Takes a folder for this process, and makes it if there is none. Only its owner may look into a folder that is made here.
    ///
    /// # Errors
    /// Another process has it, or it cannot be made.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(cannot("made", path))?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The seed of the node's identity, from `identity.key`; a new one if there is no such file.
    ///
    /// # Errors
    /// The file cannot be read or made, has another length than 32 bytes, or others have permissions on it.
    pub fn identity(&self) -> Result<Secret, DataDirError> {
        if let Some(seed) = Self::peek_identity(&self.path)? {
            return Ok(seed);
        }
        let seed = new_key()?;
        create_key_file(&self.path.join(IDENTITY), &seed.0)?;
        Ok(seed)
    }

    /// The seed in the `identity.key` of a folder, if there is one. Takes no lock: it may be asked for while the node runs.
    ///
    /// # Errors
    /// As for [`identity`](Self::identity).
    pub fn peek_identity(path: &Path) -> Result<Option<Secret>, DataDirError> {
        Ok(keys::read_raw_key(&path.join(IDENTITY))?)
    }
}

/// Takes the lock of a folder. The system gives it back when the process ends, however it ends.
fn lock(folder: &Path) -> Result<File, DataDirError> {
    let path = folder.join(LOCK);
    let unusable = || cannot("locked", &path);
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(unusable())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(DataDirError::Locked { path: folder.to_owned(), pid: read_pid(&mut file) }),
        Err(TryLockError::Error(error)) => return Err(unusable()(error).into()),
    }
    // The number is only for the message that another process shows: a full disk shall not keep the node from running.
    let _ = write_pid(&mut file);
    Ok(file)
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// The content of a small text file; `None` if there is none, or what is there is of no use, which is said.
fn read_or_set_aside(path: &Path, longest: u64) -> Option<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(longest + 1).read_to_string(&mut text));
    match read {
        Ok(length) if length as u64 > longest => files::set_aside(path, &"it is too long"),
        Ok(_) => return Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::InvalidData => files::set_aside(path, &"it is not text"),
        Err(error) => tracing::warn!("{}; going on without it", cannot("read", path)(error)),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/below");
        assert!(DataDir::peek_identity(&path).unwrap().is_none());
        let first = DataDir::open(&path).unwrap().identity().unwrap();
        let dir = DataDir::open(&path).unwrap();
        assert!(dir.identity().unwrap() == first && DataDir::peek_identity(&path).unwrap() == Some(first.clone()));
        assert!(std::fs::read(path.join(IDENTITY)).unwrap() == first.0);
        let other = DataDir::open(&folder.path().join("other")).unwrap();
        assert!(other.identity().unwrap() != first);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look_into_a_new_folder() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&folder.path().join("new")).unwrap();
        dir.identity().unwrap();
        assert_eq!(dir.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(dir.path().join(IDENTITY).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_identity_of_another_length_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        dir.identity().unwrap();
        let path = folder.path().join(IDENTITY);
        for length in [0, 31, 33, 64] {
            std::fs::write(&path, vec![b'a'; length]).unwrap();
            let error = dir.identity().unwrap_err().to_string();
            assert!(error.contains(&format!("it has {length} bytes, and a key has 32")), "{error}");
            assert_eq!(path.metadata().unwrap().len(), length as u64);
        }
    }

    #[test]
    fn a_folder_has_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let error = DataDir::open(folder.path()).unwrap_err().to_string();
        let expected = format!("{} (pid {}); use --data-dir", folder.path().display(), std::process::id());
        assert!(error.contains(&expected), "{error}");
        drop(dir);
        DataDir::open(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let error = DataDir::open(&path.join("below")).unwrap_err().to_string();
        assert!(error.contains("below cannot be made"), "{error}");
    }
}
