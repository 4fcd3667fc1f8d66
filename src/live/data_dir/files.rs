//! Writing files so that a crash leaves the old one or the new one.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What could not be done with a file, why, and what helps.
#[derive(thiserror::Error, Debug)]
#[error("{} cannot be {action}: {}", path.display(), reason(source, action))]
pub struct FileError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was tried, as in "cannot be written".
    pub action: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

/// What the system said of a file that cannot be `action`, in words that say what to do where that is known.
pub(in crate::live) fn reason(error: &io::Error, action: &str) -> String {
    let known = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full; make room and try again, what was written before is unharmed"
        }
        ErrorKind::PermissionDenied => "permission denied; run as the owner, or give the file to the user who runs this",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; name a place on another, as with --data-dir",
        // A file that is written needs not be there, but its folder must.
        ErrorKind::NotFound if action == "read" => "there is no such file",
        ErrorKind::NotFound => "there is no such folder; make it first",
        ErrorKind::IsADirectory => "it is a folder",
        _ => return error.to_string(),
    };
    known.to_owned()
}

/// Makes a [`FileError`] of what the system says.
pub(in crate::live) fn cannot(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { path, action, source }
}

/// Puts `bytes` in the place of the file at `path`: after a crash it holds the old bytes or these, nothing between.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let new = beside(path, "new");
    let file = private().create(true).truncate(true).open(&new).map_err(cannot("written", path))?;
    let written = write_synced(file, bytes).and_then(|()| std::fs::rename(&new, path)).and_then(|()| sync_folder(path));
    written.map_err(|error| {
        // Half a file takes room on a disk that may have none.
        let _ = std::fs::remove_file(&new);
        cannot("written", path)(error)
    })
}

/// Writes a file to the disk, not only to the system's memory.
pub(super) fn write_synced(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a new name in a folder outlive a loss of power.
pub(in crate::live) fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    // The parent of a bare name is the empty path.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Sets a file aside that cannot be understood, so that somebody may look at it, and says so.
pub(super) fn set_aside(path: &Path, why: &dyn fmt::Display) {
    let aside = beside(path, "damaged");
    match std::fs::rename(path, &aside) {
        Ok(()) => tracing::warn!(file = %path.display(), aside = %aside.display(), %why, "a damaged file was set aside"),
        Err(error) => tracing::warn!(file = %path.display(), %why, %error, "a damaged file is ignored, and cannot be set aside"),
    }
}

/// How files are opened that only their owner may read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// `path` with a further extension.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(extension);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// Writing to `/dev/full` fails as on a full disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named_and_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"one").unwrap();
        std::os::unix::fs::symlink("/dev/full", beside(&path, "new")).unwrap();
        let error = replace(&path, b"two").unwrap_err();
        assert_eq!(error.source.kind(), ErrorKind::StorageFull);
        assert!(error.to_string().starts_with(&format!("{} cannot be written: the disk is full; make room", path.display())), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
    }

    #[test]
    fn reasons_say_what_to_do() {
        let say = |kind: ErrorKind| cannot("read", Path::new("k"))(kind.into()).to_string();
        assert!(say(ErrorKind::PermissionDenied).contains("run as the owner"));
        assert!(say(ErrorKind::ReadOnlyFilesystem).contains("--data-dir"));
        assert_eq!(say(ErrorKind::NotFound), "k cannot be read: there is no such file");
    }
}
