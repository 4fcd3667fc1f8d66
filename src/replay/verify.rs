//! Does a recording come out the same?

use std::io::Read;
use std::time::Duration;

use super::digest::State;
use super::keys::Keys;
use super::machine::{Counts, Machine};
use super::reader::{Reader, Record, RecordingError, TickRecord};
use crate::gate::Input;
use crate::kernel::Instant;

/// How far a recording is replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Until {
    /// To its end.
    #[default]
    End,
    /// So long after its beginning.
    Time(Duration),
    /// So many ticks.
    Tick(u64),
}

impl Until {
    /// Whether the tick of this number, counted from 1, at `at` is still replayed.
    pub(super) fn includes(self, tick: u64, at: Instant, start: Instant) -> bool {
        match self {
            Self::End => true,
            Self::Time(time) => at.since(start) <= time,
            Self::Tick(last) => tick <= last,
        }
    }
}

/// What was replayed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Ticks.
    pub ticks: u64,
    /// What entered in them.
    pub arrivals: u64,
    /// Of that, frames.
    pub frames: u64,
    /// From the start to the last tick.
    pub time: Duration,
    /// States compared.
    pub states: u64,
    /// How much left the world.
    pub counts: Counts,
    /// The digest of all that left the world.
    pub digest: String,
    /// The life ended in order.
    pub ended: bool,
    /// The recording ends in the middle of a record.
    pub cut: bool,
}

/// The first tick that does not come out as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// Its number, from 1.
    pub tick: u64,
    /// When it ran.
    pub at: Instant,
    /// What differs.
    pub what: String,
}

impl Summary {
    pub(super) fn count(&mut self, record: &TickRecord, start: Instant) {
        self.ticks += 1;
        self.arrivals += record.arrivals.len() as u64;
        self.frames += record.arrivals.iter().filter(|arrival| matches!(arrival.input, Input::Frame { .. })).count() as u64;
        self.time = record.at.since(start);
    }

    pub(super) fn close<R>(&mut self, machine: &Machine, reader: &Reader<R>)
    where
        R: Read,
    {
        self.counts = machine.counts();
        self.digest = machine.chain().hex();
        self.cut = reader.is_cut();
    }
}

/// Runs the recorded world again, and compares it with the recording tick by tick.
///
/// # Errors
/// The recording cannot be read to the end, or its protocols make no sense.
pub fn verify<R: Read>(reader: &mut Reader<R>, keys: &Keys, until: Until) -> Result<(Summary, Option<Mismatch>), RecordingError> {
    let header = reader.header().clone();
    let start = header.started();
    let mut machine = Machine::new(&header, &header.setup(&[])?, keys);
    let mut summary = Summary::default();
    let mut found = None;
    let mut last = start;
    while found.is_none() && !matches!(until, Until::Tick(last) if summary.ticks >= last) {
        let (state, at) = match reader.next_record()? {
            Some(Record::Tick(record)) => {
                if !until.includes(summary.ticks + 1, record.at, start) {
                    break;
                }
                summary.count(&record, start);
                machine.tick(record.at, record.arrivals);
                if machine.chain().short() != record.left {
                    found = Some((record.at, "what leaves the node".to_owned()));
                }
                (record.state, record.at)
            }
            Some(Record::End(state)) => {
                summary.ended = true;
                (Some(state), last)
            }
            None => break,
        };
        last = at;
        if let (Some(state), None) = (state, &found) {
            summary.states += 1;
            found = differing(&state, &machine).map(|part| (at, part));
        }
    }
    summary.close(&machine, reader);
    let mismatch = found.map(|(at, what)| Mismatch { tick: summary.ticks, at, what });
    Ok((summary, mismatch))
}

fn differing(recorded: &State, machine: &Machine) -> Option<String> {
    recorded.difference(&machine.state()).map(|part| format!("what the node knows: {part}"))
}
