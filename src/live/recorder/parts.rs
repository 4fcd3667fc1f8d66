//! The files of a recording: the present part, and the older ones beside it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::RecordError;
use crate::replay::MAGIC;

/// Makes room for a new part.
pub(super) fn rotate(path: &Path, parts: usize) -> Result<(), RecordError> {
    let unwritable = |path: &Path, error: io::Error| RecordError::Unwritable { path: path.to_owned(), source: error.into() };
    let last = parts.max(1) - 1;
    let first_free = (0..).find(|number| part(path, *number).symlink_metadata().is_err()).unwrap_or(0);
    // What others have put there is not ours to move.
    for number in 0..first_free {
        let part = part(path, number);
        if !is_recording(&part) {
            return Err(RecordError::Foreign(part));
        }
    }
    for number in last..first_free {
        let part = part(path, number);
        std::fs::remove_file(&part).map_err(|error| unwritable(&part, error))?;
    }
    for number in (0..first_free.min(last)).rev() {
        let (from, to) = (part(path, number), part(path, number + 1));
        std::fs::rename(&from, &to).map_err(|error| unwritable(&from, error))?;
    }
    Ok(())
}

/// The file of a part; the present one has number 0.
fn part(path: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Whether a file is a recording, or the little that is left of one.
fn is_recording(path: &Path) -> bool {
    let mut start = Vec::new();
    let file = File::open(path).map(|file| file.take(MAGIC.len() as u64));
    file.and_then(|mut file| file.read_to_end(&mut start)).is_ok() && MAGIC.starts_with(&start)
}

/// A file that only its owner may read: whoever has it and the node's key can open what the node was told.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut all: Vec<_> =
            entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect();
        all.sort();
        all
    }

    #[test]
    fn parts_move_on_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flight");
        for life in 0..5_u8 {
            rotate(&path, 3).unwrap();
            std::fs::write(&path, [MAGIC.as_slice(), &[life]].concat()).unwrap();
        }
        let lives: Vec<_> = content(folder.path()).into_iter().map(|(name, bytes)| (name, bytes[MAGIC.len()])).collect();
        assert_eq!(lives, [("flight".into(), 4), ("flight.1".into(), 3), ("flight.2".into(), 2)]);
        // Fewer parts than there were, and a gap.
        std::fs::remove_file(part(&path, 1)).unwrap();
        rotate(&path, 2).unwrap();
        assert_eq!(content(folder.path()).len(), 2);
        rotate(&path, 1).unwrap();
    }

    #[test]
    fn what_is_no_recording_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flight");
        std::fs::write(&path, "my only diary").unwrap();
        assert!(matches!(rotate(&path, 1), Err(RecordError::Foreign(it)) if it == path));
        assert_eq!(content(folder.path()), [("flight".to_owned(), b"my only diary".to_vec())]);
    }
}
