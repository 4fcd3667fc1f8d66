//! The repair of gaps: what was said while there was no path reaches the other side when there is one again.
//!
//! Each origin numbers its messages, so a node sees what it lacks: below a number that came, or in what a neighbour says to have.
//! If the tree does not bring it soon, it is fetched from the logs of the neighbours in turn, and passed on over the tree that this
//! side has, without changing the tree. Neighbours compare notes when they meet, and now and then: so also the last message
//! of an origin, which nothing follows, is not lost. What has left the logs of those who had it is given up, nothing else is.

use std::sync::Arc;
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::effects::{Effect, Moment, Outlet};
use super::log::Kept;
use super::origins::Life;
use super::seen::{Insert, Seen};
use super::tree::{Link, Plumtree};
use crate::kernel::Instant;
use crate::wire::broadcast::{MAX_MARKS, MAX_SEQUENCE, MAX_STRETCHES};
use crate::wire::{BroadcastMessage, Mark, Rumor, Stretch};

/// Most lives of origins for which something is fetched at a time.
const MAX_GAPS: usize = 1024;
/// Most messages, and bytes of payload, sent again for one request.
const MAX_RESENT: u64 = 256;
const MAX_RESENT_BYTES: usize = 256 << 10;
/// Most messages that a node sends again within [`PACE`], whoever asks.
const MAX_PACED: u64 = 1024;
const PACE: Duration = Duration::from_secs(1);
/// Longest time between two requests for the same, in units of the first.
const MAX_BACKOFF: u32 = 16;
/// Requests after which a number that only a neighbour claims to exist is no longer believed in.
const MAX_CLAIM_REQUESTS: u32 = 12;

/// What is lacking, and how much was given.
#[derive(Debug)]
pub(super) struct Repairs {
    gaps: IndexMap<Life, Gap, FxBuildHasher>,
    /// Not later than the earliest request that is due.
    due: Instant,
    /// When the running [`PACE`] began, and how many messages were sent again in it.
    paced: (Instant, u64),
}

impl Default for Repairs {
    fn default() -> Self {
        Self { gaps: IndexMap::default(), due: Instant::NEVER, paced: (Instant::ZERO, 0) }
    }
}

/// Numbers that are lacking of one origin's life.
#[derive(Debug)]
struct Gap {
    /// The highest number that is known, or said, to exist.
    upto: u64,
    /// Who can probably help.
    source: Link,
    /// When it is asked for next.
    due: Instant,
    /// How often it was, without any of it having come.
    requests: u32,
    /// Who was asked last.
    asked: Option<Link>,
}

impl Repairs {
    /// When something is to be asked for.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Notes that `life` has said `upto` messages, and that `source` knows. The tree has time to bring what is lacking.
    pub fn note(&mut self, life: Life, upto: u64, source: Link, moment: &Moment) {
        if self.gaps.len() >= MAX_GAPS && !self.gaps.contains_key(&life) {
            return;
        }
        let due = moment.after(patience(moment));
        let gap = self.gaps.entry(life).or_insert(Gap { upto, source, due, requests: 0, asked: None });
        if gap.requests > 0 || upto > gap.upto {
            (gap.source, gap.requests) = (source, 0);
        }
        gap.upto = gap.upto.max(upto);
        gap.due = gap.due.min(due);
        self.due = self.due.min(gap.due);
    }
}

/// How long a gap may stand before it is asked for: long enough for an announcement and a graft.
fn patience(moment: &Moment) -> Duration {
    moment.config.graft_timeout + moment.config.ihave_interval + moment.config.graft_timeout / 2
}

impl Plumtree {
    /// What this node has, beginning with the `start`-th life; as many as fit.
    pub fn summary(&self, start: usize) -> Arc<[Mark]> {
        let count = self.origins.len();
        (0..count.min(MAX_MARKS))
            .filter_map(|offset| self.origins.at((start + offset) % count))
            .map(|(life, seen)| mark(life, seen))
            .collect()
    }

    /// A hash of all marks, whatever their order, and the same on every machine.
    pub fn summary_hash(&self) -> u64 {
        let known = self.origins.iter().filter(|(_, seen)| seen.highest() > 0);
        known.fold(0, |sum, ((origin, life), seen)| {
            let numbers = [*life, seen.upto(), seen.highest()];
            let words = origin.0.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).chain(numbers);
            sum.wrapping_add(words.fold(0, |hash, word| mix(hash ^ word)))
        })
    }

    /// A neighbour says what it has: note what is lacking here, tell what is lacking there.
    pub fn on_summary(&mut self, from: Link, marks: &[Mark], moment: &Moment, out: &mut dyn Outlet) {
        if !self.on_supplement(from, marks, moment, out) {
            return;
        }
        let behind = marks.iter().filter_map(|theirs| {
            let life = (theirs.origin, theirs.life);
            let mine = mark(&life, self.origins.get(&life)?);
            (mine.upto > theirs.upto || mine.highest > theirs.highest).then_some(mine)
        });
        let mut supplement: Vec<Mark> = behind.collect();
        if marks.len() < MAX_MARKS {
            // It is all they know: what is not in it they do not.
            let listed: IndexSet<Life, FxBuildHasher> = marks.iter().map(|mark| (mark.origin, mark.life)).collect();
            let unknown = self.origins.iter().filter(|(life, seen)| seen.highest() > 0 && !listed.contains(*life));
            supplement.extend(unknown.map(|(life, seen)| mark(life, seen)).take(MAX_MARKS - supplement.len()));
        }
        if !supplement.is_empty() {
            out.push(Effect::Send(from, BroadcastMessage::Supplement(supplement.into())));
        }
    }

    /// A neighbour says what it has more of; false if it breaks the rules.
    pub fn on_supplement(&mut self, from: Link, marks: &[Mark], moment: &Moment, out: &mut dyn Outlet) -> bool {
        if marks.len() > MAX_MARKS || marks.iter().any(|mark| mark.highest > MAX_SEQUENCE || mark.upto > mark.highest) {
            out.push(Effect::Refuse(from));
            return false;
        }
        for Mark { origin, life, upto, highest } in marks {
            let life = (*origin, *life);
            let (mine, most) = self.origins.get(&life).map_or((0, 0), |seen| (seen.upto(), seen.highest()));
            if mine < *upto || most < *highest {
                self.note_gap(life, *highest, from, moment);
            }
        }
        true
    }

    /// Asks for what has been lacking for too long: first who knows of it, then the neighbours in turn, ever more rarely.
    pub(super) fn fetch_overdue(&mut self, moment: &Moment, out: &mut dyn Outlet) {
        let peers: SmallVec<[Link; 8]> = self.links().collect();
        let Self { origins, repairs, .. } = self;
        repairs.due = Instant::NEVER;
        repairs.gaps.retain(|life, gap| {
            if gap.due <= moment.at {
                let seen = origins.get(life);
                if gap.requests >= MAX_CLAIM_REQUESTS {
                    gap.upto = gap.upto.min(seen.map_or(0, |seen| seen.highest()));
                }
                let unknown = [(1, gap.upto)];
                let mut left = MAX_RESENT;
                let missing =
                    seen.into_iter().flat_map(|seen| seen.missing(gap.upto)).chain(unknown.into_iter().filter(|_| seen.is_none()));
                let mut missing: SmallVec<[(u64, u64); 8]> = missing.collect();
                // What nobody has must not hide what comes after: each neighbour is asked from below, then from above.
                let rounds = gap.requests / peers.len().max(1) as u32;
                let above = (gap.requests + if peers.len().is_multiple_of(2) { rounds } else { 0 }) % 2 == 1;
                if above {
                    missing.reverse();
                }
                let wanted: Arc<[Stretch]> = missing
                    .into_iter()
                    .take(MAX_STRETCHES)
                    .map_while(|(first, last)| {
                        let most = left.checked_sub(1)?;
                        let (first, last) = if above {
                            (first.max(last.saturating_sub(most)), last)
                        } else {
                            (first, last.min(first.saturating_add(most)))
                        };
                        left -= last - first + 1;
                        Some(Stretch { origin: life.0, life: life.1, first, last })
                    })
                    .collect();
                if wanted.is_empty() || gap.upto == 0 {
                    return false;
                }
                let source = peers.iter().position(|link| *link == gap.source).unwrap_or(0);
                let turn = source + gap.requests as usize;
                let at = |turn: usize| peers.get(turn % peers.len().max(1)).copied();
                // Links that become eager or lazy change places: nobody is asked twice running.
                let again = gap.asked.is_some() && at(turn) == gap.asked;
                gap.asked = at(turn + usize::from(again));
                if let Some(asked) = gap.asked {
                    out.push(Effect::Send(asked, BroadcastMessage::Fetch(wanted)));
                }
                gap.due = moment.after(patience(moment) * (1 << rounds.min(8)).min(MAX_BACKOFF));
                gap.requests = gap.requests.saturating_add(1);
            }
            repairs.due = repairs.due.min(gap.due);
            true
        });
    }

    /// A neighbour asks for messages: send those that are kept, say which are kept no longer.
    pub fn on_fetch(&mut self, to: Link, wanted: &[Stretch], moment: &Moment, out: &mut dyn Outlet) {
        if wanted.len() > MAX_STRETCHES || !wanted.iter().all(Stretch::is_sound) {
            return out.push(Effect::Refuse(to));
        }
        if moment.at.since(self.repairs.paced.0) >= PACE {
            self.repairs.paced = (moment.at, 0);
        }
        let mut left = MAX_RESENT.min(MAX_PACED - self.repairs.paced.1);
        let allowed = left;
        let mut bytes = 0;
        let mut gone = Vec::new();
        for stretch in wanted {
            let mut first_kept = u64::MAX;
            for Kept { round, rumor, .. } in self.log.of_life(stretch.origin, stretch.life) {
                let number = rumor.id.sequence;
                if !(stretch.first..=stretch.last).contains(&number) {
                    continue;
                }
                first_kept = first_kept.min(number);
                bytes += rumor.payload.0.len();
                if left > 0 && bytes <= MAX_RESENT_BYTES {
                    left -= 1;
                    let (round, rumor) = (round.saturating_add(1), rumor.clone());
                    out.push(Effect::Send(to, BroadcastMessage::Repair { round, rumor }));
                }
            }
            // All of these had come. They have left the other logs too, or soon will.
            let had = self.origins.get(&(stretch.origin, stretch.life)).into_iter().flat_map(Seen::held);
            let moved_on = had.map(|(first, last)| (first.max(stretch.first), last.min(stretch.last).min(first_kept - 1)));
            gone.extend(moved_on.filter(|(first, last)| first <= last).map(|(first, last)| Stretch { first, last, ..*stretch }));
        }
        self.repairs.paced.1 += allowed - left;
        gone.truncate(MAX_STRETCHES);
        if !gone.is_empty() {
            out.push(Effect::Send(to, BroadcastMessage::Gone(gone.into())));
        }
    }

    /// A message that was fetched, here or by who sends it: passed on if new, and whatever it is, the tree stays as it is.
    pub fn on_repair(&mut self, from: Link, round: u16, rumor: Arc<Rumor>, moment: &Moment, out: &mut dyn Outlet) {
        let id = rumor.id;
        match self.accept(from, &id, moment, out) {
            Some(Insert::New) => {
                if let Some(gap) = self.repairs.gaps.get_mut(&(id.origin, id.life)) {
                    gap.requests = 0;
                }
                let message = Kept { round, rumor, via: Some(from) };
                out.push(Effect::Deliver { round, rumor: message.rumor.clone() });
                self.eager_push(&message, out, |round, rumor| BroadcastMessage::Repair { round, rumor });
                self.lazy_push(message, moment, out);
            }
            Some(_) => out.push(Effect::Redundant(id)),
            None => {}
        }
    }

    /// A neighbour no longer keeps what it was asked for. Only who was asked is heard, and only about what is lacking.
    pub fn on_gone(&mut self, from: Link, gone: &[Stretch], out: &mut dyn Outlet) {
        if gone.len() > MAX_STRETCHES || !gone.iter().all(Stretch::is_sound) {
            return out.push(Effect::Refuse(from));
        }
        for Stretch { origin, life, first, last } in gone {
            let life = (*origin, *life);
            if let Some(gap) = self.repairs.gaps.get(&life)
                && gap.asked == Some(from)
                && *last <= gap.upto
            {
                self.origins.get_or_make(life).fill(*first, *last);
            }
        }
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014). A hash that were linear in its last word would not tell one message more
/// of one origin from one more of another, once summed.
const fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn mark(life: &Life, seen: &Seen) -> Mark {
    Mark { origin: life.0, life: life.1, upto: seen.upto(), highest: seen.highest() }
}
