//! The flight recorder: writes down what enters the world. What it writes is read by [`replay`](crate::replay).
//!
//! A part has at most so many bytes. When it is full the node begins anew in another, since a recording can only be replayed from a
//! beginning; older parts are `FILE.1` and so on, and the oldest are deleted. Whatever goes wrong with the file ends the recording, never the
//! node. What is buffered is handed to the system at least once a second, so a process that is killed loses no more of it.

mod parts;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bevy_ecs::prelude::*;

use super::config::RecordConfig;
use super::data_dir::reason;
use super::engine::Recorder;
use crate::gate::{Arrival, Command, Input, Output};
use crate::kernel::Instant;
use crate::replay::{Header, Keys, State, WriteError, Writer};
use parts::{create, rotate};

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

    /// Each by the name of its metric, with what it says.
    pub fn list(&self) -> [(&'static str, &'static str, u64); 4] {
        [
            ("murmuration_recording_parts_total", "Parts of the recording that were begun.", self.parts()),
            ("murmuration_recorded_bytes_total", "Bytes of the recording.", self.bytes()),
            ("murmuration_recording_failures_total", "Times that a recording ended because it could not be written.", self.failures()),
            ("murmuration_unrecorded_ticks_total", "Ticks that are in no recording, since a part was full or failed.", self.missed()),
        ]
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
    #[error("the recording {}, or record to another file with --record", unwritten(path, source))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: WriteError,
    },
}

/// What is wrong with a file, and what to do.
fn unwritten(path: &Path, error: &WriteError) -> String {
    let path = path.display();
    match error {
        WriteError::Io(error) => format!("{path} cannot be written: {}", reason(error, "written")),
        other => format!("{path} cannot be written: {other}"),
    }
}

/// Where a recording goes.
type Sink = Box<dyn Write + Send + Sync>;

/// Writes down a life of a node.
pub struct FlightRecorder {
    path: PathBuf,
    limit: u64,
    writer: Option<Writer<BufWriter<Sink>>>,
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
        let file = create(&path).map_err(|error| RecordError::Unwritable { path: path.clone(), source: error.into() })?;
        Self::write_to(Box::new(file), config, header, keys, nonce, counts)
    }

    /// Begins a part in `sink`, which stands for the file.
    fn write_to(
        sink: Sink,
        config: &RecordConfig,
        header: &Header,
        keys: &Keys,
        nonce: [u8; 12],
        counts: RecordCounts,
    ) -> Result<Self, RecordError> {
        let path = config.path.clone();
        let unwritable = |source: WriteError| RecordError::Unwritable { path: path.clone(), source };
        let secret = config.secret.as_ref().map(|secret| (secret, nonce));
        let mut writer = Writer::new(BufWriter::new(sink), header, keys, secret).map_err(unwritable)?;
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
        let what = unwritten(&self.path, error);
        tracing::error!("the recording {what}; the node goes on unrecorded, start it again to record");
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

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use bevy_app::App;

    use super::*;
    use crate::crypto::{NodeId, Secret};
    use crate::gate::GatePlugin;
    use crate::kernel::KernelPlugin;
    use crate::wire::Address;

    /// A disk with room for so many bytes.
    struct FullDisk(usize);

    impl Write for FullDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn begun(room: usize, counts: &RecordCounts) -> Result<FlightRecorder, RecordError> {
        let header = Header {
            program: String::new(),
            protocols: String::new(),
            network: String::new(),
            tag: [0; 8],
            ordinal: 0,
            id: NodeId([1; 32]),
            address: Address::Memory(0),
            seeds: Vec::new(),
            known: Vec::new(),
            incarnation: 0,
            random: 0,
            start: 0,
            dialled: 0,
            salt: [0; 32],
        };
        let config = RecordConfig { path: "flight.rec".into(), limit: 1 << 20, parts: 1, secret: None };
        let keys = Keys { identity: Secret([1; 32]), network: None };
        FlightRecorder::write_to(Box::new(FullDisk(room)), &config, &header, &keys, [0; 12], counts.clone())
    }

    #[test]
    fn a_full_disk_ends_the_recording_and_not_the_node() {
        let mut app = App::empty();
        app.add_plugins((KernelPlugin::default(), GatePlugin));
        let counts = RecordCounts::default();
        let mut recorder = begun(4096, &counts).unwrap();
        let command = Command::SetKey { key: "nick".into(), value: Some(vec![b'x'; 100]) };
        for second in 0..100 {
            let at = Instant::ZERO + Duration::from_secs(second);
            let arrival = Arrival::new(at, Input::Command { node: 0, command: command.clone() });
            recorder.tick(app.world(), at, &[arrival], &[]);
        }
        let bytes = counts.bytes();
        assert!((1_000..4_096).contains(&bytes), "{bytes}");
        assert!(counts.failures() == 1 && counts.missed() > 50, "{counts:?}");
        assert!(!recorder.is_full(), "it does not begin anew on a disk that is full");
        recorder.finish(app.world());
        assert_eq!((counts.failures(), counts.bytes()), (1, bytes));
    }

    #[test]
    fn what_cannot_be_written_says_why_and_what_to_do() {
        let refused = |kind: ErrorKind| RecordError::Unwritable { path: "a/b".into(), source: io::Error::from(kind).into() }.to_string();
        let full = begun(10, &RecordCounts::default()).err().map(|error| error.to_string());
        assert!(full.is_some_and(|it| it.starts_with("the recording flight.rec cannot be written: the disk is full; make room")));
        let lost = refused(ErrorKind::NotFound);
        assert!(lost.contains("there is no such folder") && !lost.contains("make room") && lost.ends_with("with --record"), "{lost}");
        assert!(refused(ErrorKind::PermissionDenied).contains("run as the owner"));
    }
}
