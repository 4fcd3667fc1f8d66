//! A calendar queue: one bucket a tick, sorted when it is opened.
//!
//! Pushing is O(1) for the near future; a bucket is sorted once, when its tick comes. With 10,000 nodes this moves two to
//! three times as many events as a binary heap, with 1,000,000 nodes sixteen times. What is sorted are numbers: the items stay where
//! they were pushed, and are taken from there one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use super::time::Instant;

/// Buckets held as a ring; what lies further ahead waits in an ordered map.
const RING: usize = 2048;
/// Emptied buckets kept for reuse. More would hold the memory of the busiest moment for ever.
const SPARE: usize = 64;
/// From so many items on they are sorted by the upper halves of their ranks digit by digit, and only within a half by comparing.
const MANY: usize = 512;

/// Something that happens at an instant, in a total order among what happens in the same tick.
pub trait Scheduled {
    /// Orders the items of one tick. For one node it must follow time, and depend on nothing but what happens in the run. Between
    /// nodes any order will do, since what happens to them in one tick is causally independent: grouping by node lets each one's state
    /// be fetched from memory once.
    type Key: Ord;

    /// When it is due.
    fn at(&self) -> Instant;
    /// Its place among the items of the same tick.
    fn key(&self) -> Self::Key;
    /// The beginning of its key as a number that is quickly compared: what is equal in it is ordered by key. `start` is the beginning of
    /// the tick. Whatever `start` is, also one after the instant, ranks must not contradict keys. Where there are many nodes the node is the
    /// upper half.
    fn rank(&self, start: Instant) -> u64 {
        self.at().nanos_since(start)
    }
}

/// Items of one tick.
#[derive(Debug)]
struct Bucket<T> {
    /// Where they were pushed; `None` once they have been taken.
    items: Vec<Option<T>>,
    /// The rank and the index of each. They are sorted without a look at the items, which are many and long.
    order: Vec<(u64, u32)>,
}

impl<T> Default for Bucket<T> {
    fn default() -> Self {
        Self { items: Vec::new(), order: Vec::new() }
    }
}

impl<T: Scheduled> Bucket<T> {
    #[inline]
    fn push(&mut self, item: T, start: Instant) {
        self.order.push((item.rank(start), self.items.len() as u32));
        self.items.push(Some(item));
    }

    /// Appends what is in `other`, and counts the ranks of all from `start`.
    fn append(&mut self, other: &mut Self, start: Instant) {
        other.order.clear();
        self.items.append(&mut other.items);
        self.order.clear();
        let items = self.items.iter().zip(0..);
        self.order.extend(items.filter_map(|(item, index)| Some((item.as_ref()?.rank(start), index))));
    }

    fn sort(&mut self) {
        let Self { items, order } = self;
        // Ranks alone first; hardly any are equal.
        if order.len() < MANY {
            order.sort_unstable_by_key(|(rank, _)| *rank);
        } else {
            let group = |rank: u64| (rank >> 32) as u32;
            radsort::sort_by_key(order, |(rank, _)| group(*rank));
            for one in order.chunk_by_mut(|a, b| group(a.0) == group(b.0)) {
                one.sort_unstable_by_key(|(rank, _)| *rank);
            }
        }
        let key = |index: u32| items[index as usize].as_ref().map(Scheduled::key);
        for equal in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|equal| equal.len() > 1) {
            equal.sort_unstable_by_key(|(_, index)| key(*index));
        }
    }

    fn clear(&mut self) {
        self.items.clear();
        self.order.clear();
    }
}

/// The queue. Items come out by tick, within a tick by key.
#[derive(Debug)]
pub struct CalendarQueue<T> {
    quantum: u64,
    /// Tick number of the earliest bucket in the ring.
    base: u64,
    /// Empty until something is pushed: there are many queues, and most never hold anything.
    ring: Vec<Bucket<T>>,
    /// One bit for each ring bucket that holds something.
    occupied: [u64; RING / 64],
    far: BTreeMap<u64, Bucket<T>>,
    spare: Vec<Bucket<T>>,
    /// What is due, in order.
    due: Bucket<T>,
    /// How many of those have been taken.
    taken: usize,
    len: usize,
}

impl<T: Scheduled> CalendarQueue<T> {
    /// An empty queue for ticks of `quantum` (at least 1 ns).
    pub fn new(quantum: Duration) -> Self {
        Self {
            quantum: (quantum.as_nanos() as u64).max(1),
            base: 0,
            ring: Vec::new(),
            occupied: [0; RING / 64],
            far: BTreeMap::new(),
            spare: Vec::new(),
            due: Bucket::default(),
            taken: 0,
            len: 0,
        }
    }

    /// Number of items waiting.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an item. One whose tick has already been opened comes out with the next tick that is.
    #[inline]
    pub fn push(&mut self, item: T) {
        // Counted from `base`, so that the numbers are small: the processor divides those in a third of the time.
        let ahead = item.at().as_nanos().saturating_sub(self.base * self.quantum) / self.quantum;
        self.len += 1;
        let start = Instant::from_nanos((self.base + ahead).saturating_mul(self.quantum));
        if ahead < RING as u64 {
            if self.ring.is_empty() {
                self.ring.resize_with(RING, Bucket::default);
            }
            let slot = (self.base + ahead) as usize % RING;
            let bucket = &mut self.ring[slot];
            if bucket.items.is_empty() {
                self.occupied[slot / 64] |= 1 << (slot % 64);
                Self::make_room(bucket, &mut self.spare);
            }
            bucket.push(item, start);
        } else {
            self.far.entry(self.base + ahead).or_default().push(item, start);
        }
    }

    /// A bucket that has been emptied is room for the next.
    #[cold]
    fn make_room(bucket: &mut Bucket<T>, spare: &mut Vec<Bucket<T>>) {
        if bucket.items.capacity() == 0
            && let Some(spare) = spare.pop()
        {
            *bucket = spare;
        }
    }

    /// Start of the earliest tick that holds something; it may be over already.
    pub fn next_due(&self) -> Option<Instant> {
        Some(Instant::from_nanos(self.earliest()?.saturating_mul(self.quantum)))
    }

    /// When the earliest item is due.
    pub fn next_at(&self) -> Option<Instant> {
        let tick = self.earliest()?;
        let near = self.next_in_ring().filter(|near| *near == tick).map(|tick| &self.ring[tick as usize % RING]);
        let buckets = near.into_iter().chain(self.far.get(&tick));
        buckets.flat_map(|bucket| &bucket.items).flatten().map(Scheduled::at).min()
    }

    /// Number of the earliest tick that holds something.
    fn earliest(&self) -> Option<u64> {
        let far = self.far.first_key_value().map(|(tick, _)| *tick);
        self.next_in_ring().into_iter().chain(far).min()
    }

    /// Passes over the ticks before `end` if nothing in them is due; says whether something is, which [`open`](Self::open)
    /// then brings out. What is pushed for a tick that is over comes with the next for which one of the two is called.
    pub fn pass(&mut self, end: Instant) -> bool {
        let due = self.next_due().is_some_and(|due| due < end);
        if !due {
            self.base = self.base.max(end.as_nanos().div_ceil(self.quantum));
        }
        due
    }

    /// Brings out everything due before `end`, the end of a tick, for [`take`](Self::take). What had been brought out before and was not
    /// taken is dropped.
    pub fn open(&mut self, end: Instant) {
        self.due.clear();
        self.taken = 0;
        let end = end.as_nanos().div_ceil(self.quantum);
        while let Some(tick) = self.earliest().filter(|tick| *tick < end) {
            if let Some(mut bucket) = self.far.remove(&tick) {
                self.bring_out(&mut bucket, tick);
            }
            let slot = tick as usize % RING;
            let bit = 1 << (slot % 64);
            if self.occupied[slot / 64] & bit != 0 {
                self.occupied[slot / 64] &= !bit;
                let mut bucket = std::mem::take(&mut self.ring[slot]);
                self.bring_out(&mut bucket, tick);
                if self.spare.len() < SPARE && bucket.items.capacity() > 0 {
                    self.spare.push(bucket);
                }
            }
        }
        self.len -= self.due.items.len();
        self.base = self.base.max(end);
        self.due.sort();
    }

    /// Moves what is in `bucket` to what is due, and leaves room in its place.
    fn bring_out(&mut self, bucket: &mut Bucket<T>, tick: u64) {
        if self.due.items.is_empty() {
            std::mem::swap(&mut self.due, bucket);
        } else {
            // From whichever tick ranks are counted: what is before it is equal, and ordered by key.
            self.due.append(bucket, Instant::from_nanos(tick.saturating_mul(self.quantum)));
        }
    }

    /// The next `count` that [`take`](Self::take) gives.
    #[inline]
    pub fn upcoming(&self, count: usize) -> impl Iterator<Item = &T> {
        let order = self.due.order.get(self.taken..).unwrap_or_default();
        order.iter().take(count).filter_map(|(_, index)| self.due.items[*index as usize].as_ref())
    }

    /// The next of what was brought out; forgets it when all has been taken. What is pushed meanwhile does not belong to it.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        let Some((_, index)) = self.due.order.get(self.taken).copied() else {
            // While it is still in the cache: every place is looked at once more.
            self.due.clear();
            self.taken = 0;
            return None;
        };
        self.taken += 1;
        self.due.items[index as usize].take()
    }

    /// Tick number of the first occupied ring bucket, found by scanning the bitmap from `base`.
    fn next_in_ring(&self) -> Option<u64> {
        let start = self.base as usize % RING;
        let words = self.occupied.len();
        // The word that holds `start` is looked at twice: first its upper bits, at the very end its lower ones.
        for step in 0..=words {
            let word = (start / 64 + step) % words;
            let mask = match step {
                0 => u64::MAX << (start % 64),
                _ if step == words => !(u64::MAX << (start % 64)),
                _ => u64::MAX,
            };
            let bits = self.occupied[word] & mask;
            if bits != 0 {
                let slot = word * 64 + bits.trailing_zeros() as usize;
                return Some(self.base + ((slot + RING - start) % RING) as u64);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
