//! The repair of gaps: what was said while there was no path reaches the other side when there is one again.
//!
//! Each origin numbers its messages, so a node sees what it lacks: below a number that came, or in a neighbour's summary. It fetches
//! that from the neighbour's log. What is fetched is pushed on like any new message, over the tree that its side still has.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use indexmap::map::Entry;
use rustc_hash::FxBuildHasher;

use super::BroadcastConfig;
use super::plumtree::{Effect, Effects, Link, Plumtree};
use crate::kernel::Instant;
use crate::wire::{BroadcastMessage, Mark, MessageId, Payload};

/// How long a gap may stand before it is fetched: messages overtake one another all the time.
pub(super) const GAP_PATIENCE: Duration = Duration::from_secs(1);
/// Most marks in a summary; with more origins, other ones each time.
const MAX_MARKS: usize = 512;
/// Most messages, and bytes, sent again for one request.
const MAX_REPAIRS: usize = 256;
const MAX_REPAIR_BYTES: usize = 256 << 10;

impl Plumtree {
    /// What this node has, beginning with the `start`-th origin.
    pub fn summary(&self, start: usize, answer: bool) -> BroadcastMessage {
        let count = self.origins.len().min(MAX_MARKS);
        let marks = (0..count).filter_map(|offset| self.origins.get_index((start + offset) % self.origins.len()));
        let marks = marks.map(|((origin, life), known)| Mark { origin: *origin, life: *life, upto: known.seen.upto() });
        BroadcastMessage::Summary { marks: marks.collect(), answer }
    }

    /// A hash of all marks, whatever their order.
    pub fn summary_hash(&self) -> u64 {
        self.origins.iter().fold(0, |sum, ((origin, life), known)| {
            let mut hasher = FxBuildHasher.build_hasher();
            hasher.write(&origin.0);
            hasher.write_u64(*life);
            hasher.write_u64(known.seen.upto());
            sum.wrapping_add(hasher.finish())
        })
    }

    /// A neighbour says what it has: fetch what is lacking here, tell what is lacking there.
    pub fn on_summary(&mut self, from: Link, marks: &[Mark], answer: bool, now: Instant, out: &mut Effects) {
        if marks.len() > MAX_MARKS {
            out.push(Effect::Refuse(from));
            return;
        }
        let mut they_lack = marks.len() < self.origins.len();
        for Mark { origin, life, upto } in marks {
            let first = MessageId { origin: *origin, life: *life, sequence: 1 };
            let known = self.origin(&first);
            let mine = known.seen.upto();
            they_lack |= mine > *upto;
            if mine < *upto {
                // What overtakes now is already asked for.
                known.gap_since = Some(now);
                out.push(Effect::Send(from, BroadcastMessage::Fetch { from: MessageId { sequence: mine + 1, ..first }, upto: *upto }));
            }
        }
        if they_lack && !answer {
            out.push(Effect::Send(from, self.summary(0, true)));
        }
    }

    /// A neighbour asks for messages: send those that are kept, say which are not.
    pub fn on_fetch(&self, to: Link, from: MessageId, upto: u64, out: &mut Effects) {
        let wanted = |sequence: u64| (from.sequence..=upto).contains(&sequence);
        let mut kept: Vec<_> = self.log.of_life(&from).filter(|kept| wanted(kept.id.sequence)).collect();
        kept.sort_unstable_by_key(|kept| kept.id.sequence);
        // What has come here and is no longer kept will not be kept elsewhere much longer.
        let first = kept.first().map_or(u64::MAX, |kept| kept.id.sequence);
        let mine = self.origins.get(&(from.origin, from.life)).map_or(0, |origin| origin.seen.upto());
        let gone = first.saturating_sub(1).min(mine).min(upto);
        if gone >= from.sequence {
            out.push(Effect::Send(to, BroadcastMessage::Gone(MessageId { sequence: gone, ..from })));
        }
        let mut bytes = 0;
        for kept in kept.into_iter().take(MAX_REPAIRS) {
            bytes += kept.payload.0.len();
            if bytes > MAX_REPAIR_BYTES {
                break;
            }
            let (id, round, payload) = (kept.id, kept.round.saturating_add(1), kept.payload.clone());
            out.push(Effect::Send(to, BroadcastMessage::Repair { id, round, payload }));
        }
    }

    /// A message that was fetched: new ones are pushed on, old ones prune nothing.
    pub fn on_repair(
        &mut self,
        from: Link,
        id: MessageId,
        round: u16,
        payload: Payload,
        now: Instant,
        config: &BroadcastConfig,
        out: &mut Effects,
    ) {
        if self.accept(&id, now) {
            out.push(Effect::Deliver(id, round, payload.clone()));
            self.push(id, round, payload, Some(from), now, config, out);
        } else {
            out.push(Effect::Redundant(id));
        }
    }

    /// A neighbour no longer keeps what it was asked for.
    pub fn on_gone(&mut self, id: MessageId) {
        if let Entry::Occupied(mut origin) = self.origins.entry((id.origin, id.life)) {
            // Only a gap below something that came can be given up: a lie cannot silence an origin.
            let origin = origin.get_mut();
            if let Some((_, upto)) = origin.seen.gap() {
                origin.seen.give_up(id.sequence.min(upto));
            } else if origin.seen.upto() == 0 {
                origin.seen.give_up(id.sequence);
            }
        }
    }

    /// Asks the neighbours in turn for what has been lacking for too long.
    pub(super) fn fetch_gaps(&mut self, now: Instant, _config: &BroadcastConfig, out: &mut Effects) {
        self.gap_check_at = None;
        let mut gaps = false;
        for (index, ((origin, life), known)) in self.origins.iter_mut().enumerate() {
            let Some((first, upto)) = known.seen.gap() else {
                known.gap_since = None;
                continue;
            };
            gaps = true;
            let since = *known.gap_since.get_or_insert(now);
            if now.since(since) >= GAP_PATIENCE && !self.peers.is_empty() {
                let turn = (now.as_nanos() / GAP_PATIENCE.as_nanos() as u64) as usize + index;
                let peer = self.peers[turn % self.peers.len()];
                let from = MessageId { origin: *origin, life: *life, sequence: first };
                out.push(Effect::Send(peer.link, BroadcastMessage::Fetch { from, upto }));
                known.gap_since = Some(now);
            }
        }
        if gaps {
            self.gap_check_at = Some(now + GAP_PATIENCE);
        }
    }
}
