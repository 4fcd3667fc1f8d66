//! Keys: made of the system's randomness, and kept in files that only their owner may read.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::files::{FileError, beside, cannot, private, sync_folder, write_synced};
use crate::crypto::Secret;

/// More bytes than any file with a key has.
const LONGEST: usize = 256;

/// Why there is no key.
#[derive(thiserror::Error, Debug)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Others than the owner have permissions on the file.
    #[error(
        "{} holds a key, and others than its owner may read or change it (mode {mode:04o}); run `chmod 600 {}`, and use a new key if somebody may have read this one",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} is not a key: it has {length} bytes, and {expected}; put the right file back, or move this one away to begin with a new key", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// How many bytes it has.
        length: u64,
        /// What it should have.
        expected: &'static str,
    },
    /// There is a file already. It is left as it is.
    #[error("{} exists already and is left as it is; name another file", .0.display())]
    Exists(PathBuf),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes to make a key of: {0}")]
    NoRandomness(getrandom::Error),
}

/// A text is not a key. It is not repeated: it may nearly be one.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
#[error("a key is 64 hex digits, and this is {length} characters{}", if *all_hex { "" } else { " that are not all hex digits" })]
pub struct NotHex {
    /// How many characters the text has.
    pub length: usize,
    /// Whether they are hex digits.
    pub all_hex: bool,
}

/// The key of 64 hex digits.
///
/// # Errors
/// The text is something else.
pub fn key_from_hex(text: &str) -> Result<Secret, NotHex> {
    let mut key = Secret([0; 32]);
    let all_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex::decode_to_slice(text, &mut key.0).map_err(|_| NotHex { length: text.chars().count(), all_hex })?;
    Ok(key)
}

/// A new key.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_key() -> Result<Secret, KeyError> {
    let mut key = Secret([0; 32]);
    getrandom::fill(&mut key.0).map_err(KeyError::NoRandomness)?;
    Ok(key)
}

/// The key in a file: 64 hex digits with or without white space around them, or 32 bytes.
///
/// # Errors
/// The file cannot be read, holds something else, or others have permissions on it.
pub fn read_key(path: &Path) -> Result<Secret, KeyError> {
    let content = Content::read(path)?;
    let text = str::from_utf8(content.bytes()).ok().and_then(|text| key_from_hex(text.trim()).ok());
    match text {
        Some(key) => Ok(key),
        None => content.key(path, "a key has 64 hex digits or 32 bytes"),
    }
}

/// The key of exactly 32 bytes in a file, `None` if there is no file.
///
/// # Errors
/// The file cannot be read, has another length, or others have permissions on it.
pub(super) fn read_raw_key(path: &Path) -> Result<Option<Secret>, KeyError> {
    match Content::read(path) {
        Ok(content) => content.key(path, "a key has 32").map(Some),
        Err(KeyError::File(error)) if error.source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file that only its owner may read, and that did not exist: it is there whole or not at all, also after a loss of power.
///
/// # Errors
/// It exists, which changes nothing, or it cannot be written.
pub fn create_key_file(path: &Path, content: &[u8]) -> Result<(), KeyError> {
    if path.symlink_metadata().is_ok() {
        return Err(KeyError::Exists(path.to_owned()));
    }
    let new = beside(path, "new");
    // What an earlier attempt left behind may be readable by others.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot("written", path)(error).into()),
        _ => {}
    }
    let file = private().create_new(true).open(&new).map_err(cannot("written", path))?;
    // A link never takes the place of a file, as a new name would.
    let written = write_synced(file, content).and_then(|()| match std::fs::hard_link(&new, path) {
        // Some file systems know no links. Then whoever else writes here is kept away by the lock of the folder.
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => std::fs::rename(&new, path),
        linked => linked,
    });
    let _ = std::fs::remove_file(&new);
    match written.and_then(|()| sync_folder(path)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(KeyError::Exists(path.to_owned())),
        Err(error) => Err(cannot("written", path)(error).into()),
    }
}

/// Refuses a file that others than its owner may read or change.
pub(in crate::live) fn check_private(path: &Path, file: &File) -> Result<(), KeyError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = file.metadata().map_err(cannot("read", path))?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_owned(), mode });
        }
    }
    #[cfg(not(unix))]
    let _ = (path, file);
    Ok(())
}

/// The beginning of a file, erased when dropped. A buffer of fixed size leaves no copies behind, as one that grows does.
struct Content {
    buffer: Zeroizing<[u8; LONGEST]>,
    read: usize,
    length: u64,
}

impl Content {
    fn read(path: &Path) -> Result<Self, KeyError> {
        let unreadable = || cannot("read", path);
        let mut file = File::open(path).map_err(unreadable())?;
        check_private(path, &file)?;
        let mut content = Self { buffer: Zeroizing::new([0; LONGEST]), read: 0, length: 0 };
        loop {
            match file.read(&mut content.buffer[content.read..]) {
                Ok(0) => break,
                Ok(count) => content.read += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable()(error).into()),
            }
        }
        content.length = file.metadata().map_err(unreadable())?.len().max(content.read as u64);
        Ok(content)
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.read]
    }

    /// The bytes as they are, if they are as many as a key has.
    fn key(&self, path: &Path, expected: &'static str) -> Result<Secret, KeyError> {
        let mut key = Secret([0; 32]);
        if self.read != key.0.len() {
            return Err(KeyError::NotAKey { path: path.to_owned(), length: self.length, expected });
        }
        key.0.copy_from_slice(self.bytes());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, bytes: &[u8]) {
        let file = private().create(true).truncate(true).open(path).unwrap();
        write_synced(file, bytes).unwrap();
    }

    #[test]
    fn a_key_is_read_as_digits_or_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let key = Secret([0xab; 32]);
        for content in [key.0.to_vec(), "ab".repeat(32).into_bytes(), format!(" {}\r\n", "AB".repeat(32)).into_bytes()] {
            write(&path, &content);
            assert!(read_key(&path).unwrap() == key);
        }
        for length in [0, 31, 33, 63, 5_000] {
            write(&path, &vec![b'a'; length]);
            let error = read_key(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("it has {length} bytes, and a key has 64 hex digits or 32 bytes")), "{error}");
        }
        let error = read_key(&folder.path().join("none")).unwrap_err().to_string();
        assert!(error.ends_with("none cannot be read: there is no such file"), "{error}");
        let error = read_key(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chmod") || error.ends_with("it is a folder"), "{error}");
    }

    #[test]
    fn what_is_not_a_key_is_not_repeated() {
        assert!(key_from_hex(&"7f".repeat(32)).unwrap() == Secret([0x7f; 32]));
        assert_eq!(key_from_hex("abc").unwrap_err().to_string(), "a key is 64 hex digits, and this is 3 characters");
        let error = key_from_hex(&"xy".repeat(32)).unwrap_err().to_string();
        assert_eq!(error, "a key is 64 hex digits, and this is 64 characters that are not all hex digits");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        create_key_file(&path, &[1; 32]).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let error = read_key(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("(mode {mode:04o}); run `chmod 600 {}`", path.display())), "{error}");
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        assert!(read_key(&path).is_ok());
    }

    #[test]
    fn a_key_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        // A crash may have left a part of a file.
        std::fs::write(beside(&path, "new"), "half").unwrap();
        create_key_file(&path, &[1; 32]).unwrap();
        assert!(matches!(create_key_file(&path, &[2; 32]), Err(KeyError::Exists(_))));
        assert_eq!(std::fs::read(&path).unwrap(), [1; 32]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
