//! Which life of the node begins.

use super::files::{FileError, replace, set_aside};
use super::{DataDir, read_or_set_aside};

const FILE: &str = "incarnation";

/// Numbers that a life may use beyond its first without asking for more: it begins a later one when it finds that others hold more
/// of it than it wrote.
const ROOM: u64 = 1_000;

/// How far ahead of the clock the kept number is before that is said: starts in quick succession put it ahead by some seconds.
const REMARKABLE: u64 = 60_000;

/// No clock gets there. A higher number in the file is damage.
const HIGHEST: u64 = u64::MAX / 2;

impl DataDir {
    /// A number for the life that begins: `now_ms`, the time in milliseconds since 1970, or one more than the number that was kept, if the
    /// clock went back. The number that is kept is ahead of what is returned, and is on the disk before the life begins, so that
    /// whatever ends the process, its next life is known to be newer.
    ///
    /// If what was kept is damaged it is set aside, and the clock alone decides.
    ///
    /// # Errors
    /// The number cannot be kept. A node that began nevertheless might be taken for an earlier one after its next start.
    pub fn next_incarnation(&self, now_ms: u64) -> Result<u64, FileError> {
        let kept = self.kept_incarnation();
        let next = now_ms.min(HIGHEST).max(kept.map_or(0, |kept| kept + 1));
        if kept.is_some_and(|kept| kept > now_ms.saturating_add(REMARKABLE)) {
            tracing::warn!(kept, now_ms, "the clock went back since the node last ran; its lives are counted on from there");
        }
        self.keep_incarnation(next)?;
        Ok(next)
    }

    /// Keeps that the number `used` was reached, if what is kept leaves little room after it: all that [`next_incarnation`](Self::next_incarnation) returns from now on is higher.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_incarnation(&self, used: u64) -> Result<(), FileError> {
        let kept = self.kept_incarnation().unwrap_or(0);
        if kept >= used.saturating_add(ROOM / 2) {
            return Ok(());
        }
        let ahead = used.saturating_add(ROOM);
        replace(&self.path().join(FILE), format!("{ahead}\n").as_bytes())
    }

    fn kept_incarnation(&self) -> Option<u64> {
        let path = self.path().join(FILE);
        let text = read_or_set_aside(&path, 64)?;
        let number = text.trim().parse().ok().filter(|number| *number < HIGHEST);
        if number.is_none() {
            set_aside(&path, &"it is not a number of milliseconds");
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_counted_on_whatever_the_clock_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut last = None;
        for now in [1_000_000, 1_000_001, 5_000_000, 4_000_000, 0, u64::MAX / 4, 7] {
            // Each time another process.
            let next = DataDir::open(folder.path()).unwrap().next_incarnation(now).unwrap();
            assert!(next >= now && last.is_none_or(|last| next > last + 500), "{next} after {last:?}");
            last = Some(next);
        }
    }

    #[test]
    fn a_later_number_is_kept_and_an_earlier_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        dir.keep_incarnation(900_000).unwrap();
        dir.keep_incarnation(3).unwrap();
        assert_eq!(dir.next_incarnation(1).unwrap(), 901_001);
    }

    #[test]
    fn a_damaged_number_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        for damage in ["", "soon", "-1", "18446744073709551615", &"1".repeat(100)] {
            std::fs::write(folder.path().join(FILE), damage).unwrap();
            assert_eq!(dir.next_incarnation(77).unwrap(), 77);
            assert_eq!(std::fs::read_to_string(folder.path().join("incarnation.damaged")).unwrap(), damage);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_life_does_not_begin_on_a_full_disk() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join("incarnation.new")).unwrap();
        let error = dir.next_incarnation(77).unwrap_err().to_string();
        assert!(error.contains("incarnation cannot be written: the disk is full"), "{error}");
    }
}
