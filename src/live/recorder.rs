//! The flight recorder: writes down what enters the world. What it writes is read by [`replay`](crate::replay).
//!
//! A part has at most so many bytes. When it is full the node begins anew in another, since a recording can only be replayed from a
//! beginning; older parts are `FILE.1` and so on, and the oldest are deleted. Whatever goes wrong with the file ends the recording, never the
//! node. What is buffered is handed to the system at least once a second, so a process that is killed loses no more of it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bevy_ecs::prelude::*;

use super::config::RecordConfig;
use super::engine::Recorder;
use crate::gate::{Arrival, Command, Input, Output};
use crate::kernel::Instant;
use crate::replay::{Header, Keys, MAGIC, State, WriteError, Writer};

/// Smallest limit of a part.
const MIN_LIMIT: u64 = 64 << 10;
/// What is kept free at the end of a part, so that it is left before something does not fit.
const RESERVE: u64 = 16 << 10;
/// A node does not begin anew more often: what does not fit is not recorded until then.
const MIN_LIFE: Duration = Duration::from_secs(2);
/// Between two states, and two flushes.
const INTERVAL: Duration = Duration::from_secs(1);

/// How recording goes.
#[derive(Resource, Clone, Debug, Default)]
pub struct RecordCounts(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    parts: AtomicU64,
    bytes: AtomicU64,
    failures: AtomicU64,
    missed: AtomicU64,
}

impl RecordCounts {
    /// Parts begun.
    pub fn parts(&self) -> u64 {
        self.0.parts.load(Ordering::Relaxed)
    }

    /// Bytes written.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Times that a recording ended because it could not be written.
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Ticks that are in no recording, since a part was full or could not be written.
    pub fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }

    /// Counts a recording that ended because it could not be written.
    pub(super) fn fail(&self) {
        self.0.failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// A recording cannot be begun.
#[derive(thiserror::Error, Debug)]
pub enum RecordError {
    /// There is something else.
    #[error("{} exists and is no recording, so it is left as it is: record to another file with --record", .0.display())]
    Foreign(PathBuf),
    /// The limit is too small.
    #[error("a recording of at most {0} bytes is too small: give it {MIN_LIMIT} or more")]
    TooSmall(u64),
    /// It cannot be written.
    #[error("the recording {} cannot be written: {source}; make room, or record to another file with --record", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: WriteError,
    },
}

/// Writes down a life of a node.
#[derive(Debug)]
pub struct FlightRecorder {
    path: PathBuf,
    limit: u64,
    writer: Option<Writer<BufWriter<File>>>,
    counts: RecordCounts,
    begun: Instant,
    now: Instant,
    /// When the state was last noted down, and the file flushed.
    noted: Option<Instant>,
    full: bool,
    /// A node that says goodbye does not begin anew.
    leaving: bool,
}

impl FlightRecorder {
    /// Begins a part.
    ///
    /// # Errors
    /// The file cannot be written, or is something else.
    pub fn begin(config: &RecordConfig, header: &Header, keys: &Keys, nonce: [u8; 12], counts: RecordCounts) -> Result<Self, RecordError> {
        if config.limit < MIN_LIMIT {
            return Err(RecordError::TooSmall(config.limit));
        }
        let path = config.path.clone();
        rotate(&path, config.parts)?;
        let unwritable = |source: WriteError| RecordError::Unwritable { path: path.clone(), source };
        let file = create(&path).map_err(|error| unwritable(error.into()))?;
        let secret = config.secret.as_ref().map(|secret| (secret, nonce));
        let mut writer = Writer::new(BufWriter::new(file), header, keys, secret).map_err(unwritable)?;
        writer.flush().map_err(unwritable)?;
        counts.0.parts.fetch_add(1, Ordering::Relaxed);
        counts.0.bytes.fetch_add(writer.written(), Ordering::Relaxed);
        let begun = header.started();
        Ok(Self { path, limit: config.limit, writer: Some(writer), counts, begun, now: begun, noted: None, full: false, leaving: false })
    }

    fn write(&mut self, world: &World, arrivals: &[Arrival], outputs: &[Output]) -> Result<bool, WriteError> {
        let Some(writer) = &mut self.writer else { return Ok(false) };
        let before = writer.written();
        let is_due = self.noted.is_none_or(|noted| self.now.since(noted) >= INTERVAL);
        let state = is_due.then(|| State::of(world, 0));
        let fits = writer.tick(self.now, arrivals, outputs, state, self.limit)?;
        if is_due && fits {
            self.noted = Some(self.now);
            writer.flush()?;
        }
        self.counts.0.bytes.fetch_add(writer.written() - before, Ordering::Relaxed);
        Ok(fits)
    }

    /// Gives the recording up.
    fn fail(&mut self, error: &WriteError) {
        self.counts.fail();
        // What is whole of it can be replayed.
        self.writer = None;
        let path = self.path.display();
        tracing::error!(
            "the recording {path} cannot be written: {error}; the node goes on unrecorded; make room, and start it again to record"
        );
    }
}

impl Recorder for FlightRecorder {
    fn tick(&mut self, world: &World, at: Instant, arrivals: &[Arrival], outputs: &[Output]) {
        self.now = at;
        let shutdown = |arrival: &Arrival| matches!(arrival.input, Input::Command { command: Command::Shutdown, .. });
        self.leaving |= arrivals.iter().any(shutdown);
        if self.writer.is_none() || self.full {
            self.counts.0.missed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match self.write(world, arrivals, outputs) {
            Ok(true) => {}
            Ok(false) if self.noted.is_none() => self.fail(&WriteError::TooLong),
            Ok(false) => {
                // With a gap what comes later could not be replayed.
                self.full = true;
                self.counts.0.missed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("the recording {} is full; a larger limit gives longer parts", self.path.display());
            }
            Err(error) => self.fail(&error),
        }
    }

    fn is_full(&self) -> bool {
        let Some(writer) = &self.writer else { return false };
        let reached = self.full || writer.written() + RESERVE.min(self.limit / 4) > self.limit;
        reached && !self.leaving && self.now.since(self.begun) >= MIN_LIFE
    }

    fn finish(&mut self, world: &World) {
        let Some(mut writer) = self.writer.take() else { return };
        // Of a world that went on unrecorded the state would be another.
        let ended = if self.full { writer.flush() } else { writer.end(&State::of(world, 0)) };
        if let Err(error) = ended {
            self.fail(&error);
        }
    }
}

/// Makes room for a new part.
fn rotate(path: &Path, parts: usize) -> Result<(), RecordError> {
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
fn create(path: &Path) -> io::Result<File> {
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
