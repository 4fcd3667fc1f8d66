//! What would have been different with another parameter?

use std::io::Read;

use super::keys::Keys;
use super::machine::{Counts, Machine};
use super::reader::{Reader, Record, RecordingError};
use super::verify::{Summary, Until};
use super::words::Links;
use crate::gate::{Arrival, Output};
use crate::kernel::Instant;

/// The original beside a world in which something is changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comparison {
    /// What was replayed, of the original.
    pub summary: Summary,
    /// Where they part.
    pub first: Option<Difference>,
    /// Ticks in which what leaves differs.
    pub ticks_that_differ: u64,
    /// Ticks that only the changed world ran, since a timer was due earlier.
    pub ticks_of_its_own: u64,
    /// How much left the changed world.
    pub changed: Counts,
    /// The first part of what the node knows that is different in the end.
    pub in_the_end: Option<&'static str>,
    /// The first tick in which the original itself did not come out as recorded.
    pub unfaithful: Option<u64>,
}

/// The first difference in what leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The number of the recorded tick, from 1.
    pub tick: u64,
    /// When.
    pub at: Instant,
    /// What the original does.
    pub original: String,
    /// What the changed one does.
    pub changed: String,
}

/// Two worlds and where their links lead.
struct Pair {
    original: Machine,
    changed: Machine,
    links: [Links; 2],
    comparison: Comparison,
}

/// Runs the recorded world and one with `changes` side by side on what entered the first.
///
/// Where the changed one has a timer that is due earlier than anything in the original, it is given a tick of its own.
///
/// # Errors
/// The recording cannot be read to the end, or a change cannot be made.
pub fn compare<R: Read>(reader: &mut Reader<R>, keys: &Keys, changes: &[String], until: Until) -> Result<Comparison, RecordingError> {
    let header = reader.header().clone();
    let start = header.started();
    let (was, is) = (header.setup(&[])?, header.setup(changes)?);
    let mut pair = Pair {
        original: Machine::new(&header, &was, keys),
        changed: Machine::new(&header, &is, keys),
        links: Default::default(),
        comparison: Comparison::default(),
    };
    while let Some(record) = reader.next_record()? {
        let Record::Tick(record) = record else {
            pair.comparison.summary.ended = true;
            break;
        };
        let tick = pair.comparison.summary.ticks + 1;
        if !until.includes(tick, record.at, start) {
            break;
        }
        pair.catch_up(tick, record.at);
        pair.comparison.summary.count(&record, start);
        pair.step(tick, record.at, record.arrivals);
        if pair.original.chain().short() != record.left {
            pair.comparison.unfaithful.get_or_insert(tick);
        }
        if until == Until::Tick(tick) {
            break;
        }
    }
    let Pair { original, changed, mut comparison, .. } = pair;
    comparison.summary.close(&original, reader);
    comparison.changed = changed.counts();
    comparison.in_the_end = original.state().difference(&changed.state());
    Ok(comparison)
}

/// Most ticks of its own that the changed world is given between two of the recording.
const MAX_OWN: usize = 10_000;

impl Pair {
    /// Lets the changed world do what is due before the original does anything.
    fn catch_up(&mut self, tick: u64, at: Instant) {
        let quantum = self.changed.quantum();
        let begins = |at: Instant| at.as_nanos() / quantum;
        for _ in 0..MAX_OWN {
            let due = self.changed.next_due();
            if due >= self.original.next_due() || begins(due) >= begins(at) {
                return;
            }
            self.changed.tick(due, Vec::new());
            self.comparison.ticks_of_its_own += 1;
            let [_, links] = &mut self.links;
            links.note_outputs(self.changed.outputs());
            if !self.changed.outputs().is_empty() {
                self.comparison.ticks_that_differ += 1;
                let changed = links.describe(&self.changed, Some(0));
                let original = "does nothing".to_owned();
                self.comparison.first.get_or_insert(Difference { tick, at: due, original, changed });
            }
        }
    }

    fn step(&mut self, tick: u64, at: Instant, arrivals: Vec<Arrival>) {
        self.links.iter_mut().for_each(|links| links.note_arrivals(&arrivals));
        self.original.tick(at, arrivals.clone());
        self.changed.tick(at, arrivals);
        let [was, is] = &mut self.links;
        was.note_outputs(self.original.outputs());
        is.note_outputs(self.changed.outputs());
        if let Some((left, right)) = first_difference(self.original.outputs(), self.changed.outputs()) {
            self.comparison.ticks_that_differ += 1;
            if self.comparison.first.is_none() {
                let (original, changed) = (was.describe(&self.original, left), is.describe(&self.changed, right));
                self.comparison.first = Some(Difference { tick, at, original, changed });
            }
        }
    }
}

/// Which of the one and which of the other is the first that differs; `None` stands for nothing.
fn first_difference(was: &[Output], is: &[Output]) -> Option<(Option<usize>, Option<usize>)> {
    let index = (0..was.len().max(is.len())).find(|index| was.get(*index) != is.get(*index))?;
    let (Some(left), Some(right)) = (was.get(index), is.get(index)) else {
        return Some(((index < was.len()).then_some(index), (index < is.len()).then_some(index)));
    };
    // What comes later on the other side is not replaced, but preceded by something.
    match (is[index..].contains(left), was[index..].contains(right)) {
        (true, false) => Some((None, Some(index))),
        (false, true) => Some((Some(index), None)),
        _ => Some((Some(index), Some(index))),
    }
}
