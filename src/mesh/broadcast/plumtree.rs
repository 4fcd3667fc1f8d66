//! Plumtree (Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", SRDS 2007), as a state machine without ECS.
//!
//! The names are those of the paper's algorithms 1 to 3. Where it says `ReceivedMsgs`, numbers per origin stand in [`Seen`]; what the
//! paper leaves to the membership protocol below, the repair of what was said while there was no path at all, is in
//! [`repair`](super::repair).

use bevy_ecs::entity::Entity;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::BroadcastConfig;
use super::log::{Kept, Log};
use super::seen::Seen;
use crate::kernel::Instant;
use crate::wire::{Announcement, BroadcastMessage, MessageId, NodeId, Payload};

/// The session that reaches a peer; nothing more than a name here.
pub type Link = Entity;

/// Most lives of origins that are remembered; the one that was quiet for longest makes room.
const MAX_ORIGINS: usize = 16_384;
/// Most messages known to be missing.
const MAX_MISSING: usize = 4096;
/// Most announcers remembered of a missing message.
const MAX_ANNOUNCERS: usize = 8;
/// Most announcements in one frame.
pub(super) const MAX_ANNOUNCEMENTS: usize = 1024;

/// What a node knows of broadcasts.
#[derive(Debug, Default)]
pub struct Plumtree {
    pub(super) peers: SmallVec<[Peer; 5]>,
    pub(super) origins: IndexMap<(NodeId, u64), Origin, FxBuildHasher>,
    pub(super) log: Log,
    missing: Vec<Missing>,
    lazy_queue: Vec<Announcement>,
    /// When the announcements that wait are sent.
    flush_at: Option<Instant>,
    /// The life under which the node numbers its own broadcasts, and the number of the last.
    said: (u64, u64),
    /// When the next look for gaps is due, if there may be one.
    pub(super) gap_check_at: Option<Instant>,
}

/// A neighbour in the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub link: Link,
    eager: bool,
}

/// What is known of one origin's life.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub seen: Seen,
    /// Since when there has been the gap that is there now.
    pub gap_since: Option<Instant>,
}

/// A message that was announced and has not come.
#[derive(Debug)]
struct Missing {
    id: MessageId,
    /// When it is asked for.
    due: Instant,
    announcers: SmallVec<[(Link, u16); 2]>,
}

/// What comes of an input.
#[derive(Debug)]
pub enum Effect {
    /// Send this.
    Send(Link, BroadcastMessage),
    /// A message is new.
    Deliver(MessageId, u16, Payload),
    /// A payload came that had come before.
    Redundant(MessageId),
    /// The peer breaks the rules.
    Refuse(Link),
}

/// Where effects go. One for all nodes: it is emptied after each input.
pub type Effects = Vec<Effect>;

impl Plumtree {
    /// Broadcast (algorithm 1): numbers, delivers nothing, pushes. `life` counts for the first; a node that restarts with what it
    /// knew goes on with its numbers.
    pub fn broadcast(
        &mut self,
        me: NodeId,
        life: u64,
        payload: Payload,
        now: Instant,
        config: &BroadcastConfig,
        out: &mut Effects,
    ) -> MessageId {
        if self.said.1 == 0 {
            self.said.0 = life;
        }
        self.said.1 += 1;
        let id = MessageId { origin: me, life: self.said.0, sequence: self.said.1 };
        self.origin(&id).seen.insert(id.sequence);
        self.push(id, 0, payload, None, now, config, out);
        id
    }

    /// Receive GOSSIP (algorithm 1).
    pub fn on_gossip(
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
            self.set_eager(from, true);
            self.optimize(from, &id, round, config, out);
            self.missing.retain(|missing| missing.id != id);
            out.push(Effect::Deliver(id, round, payload.clone()));
            self.push(id, round, payload, Some(from), now, config, out);
        } else {
            out.push(Effect::Redundant(id));
            self.set_eager(from, false);
            out.push(Effect::Send(from, BroadcastMessage::Prune));
        }
    }

    /// Eager push and lazy push (algorithm 1), to all but whom it came from; and the message is kept.
    pub(super) fn push(
        &mut self,
        id: MessageId,
        round: u16,
        payload: Payload,
        from: Option<Link>,
        now: Instant,
        config: &BroadcastConfig,
        out: &mut Effects,
    ) {
        let next = round.saturating_add(1);
        let mut lazy = false;
        for peer in &self.peers {
            if Some(peer.link) == from {
                continue;
            }
            if peer.eager {
                out.push(Effect::Send(peer.link, BroadcastMessage::Gossip { id, round: next, payload: payload.clone() }));
            } else {
                lazy = true;
            }
        }
        if lazy {
            self.lazy_queue.push(Announcement { id, round: next });
            self.flush_at.get_or_insert(now + config.ihave_interval);
        }
        self.log.push(Kept { id, round, payload }, config.log_messages, config.log_bytes);
    }

    /// Sends the announcements that wait (the paper's `Dispatch` with its policy of batching, section 3.8).
    fn flush(&mut self, out: &mut Effects) {
        self.flush_at = None;
        for batch in self.lazy_queue.chunks(MAX_ANNOUNCEMENTS) {
            let batch: std::sync::Arc<[Announcement]> = batch.into();
            for peer in self.peers.iter().filter(|peer| !peer.eager) {
                out.push(Effect::Send(peer.link, BroadcastMessage::IHave(batch.clone())));
            }
        }
        self.lazy_queue.clear();
    }

    /// Receive IHAVE (algorithm 2): what has not come is asked for when the timer says so.
    pub fn on_ihave(&mut self, from: Link, announced: &[Announcement], now: Instant, config: &BroadcastConfig, out: &mut Effects) {
        if announced.len() > MAX_ANNOUNCEMENTS {
            out.push(Effect::Refuse(from));
            return;
        }
        for Announcement { id, round } in announced {
            if self.has(id) {
                continue;
            }
            if let Some(missing) = self.missing.iter_mut().find(|missing| missing.id == *id) {
                if missing.announcers.len() < MAX_ANNOUNCERS {
                    missing.announcers.push((from, *round));
                }
            } else if self.missing.len() < MAX_MISSING {
                let announcers = SmallVec::from_slice(&[(from, *round)]);
                self.missing.push(Missing { id: *id, due: now + config.graft_timeout, announcers });
            }
        }
    }

    /// Timer (algorithm 2): asks the first announcer of each message that is overdue, and the next one after half the time.
    fn ask_for_overdue(&mut self, now: Instant, config: &BroadcastConfig, out: &mut Effects) {
        let Self { missing, peers, .. } = self;
        missing.retain_mut(|missing| {
            if missing.due > now {
                return true;
            }
            while !missing.announcers.is_empty() {
                let (link, _) = missing.announcers.remove(0);
                let Some(peer) = peers.iter_mut().find(|peer| peer.link == link) else { continue };
                peer.eager = true;
                out.push(Effect::Send(link, BroadcastMessage::Graft(Some(missing.id))));
                missing.due = now + config.graft_timeout / 2;
                return true;
            }
            // Nobody is left to ask: the next announcement or summary brings it back.
            false
        });
    }

    /// Receive GRAFT (algorithm 2).
    pub fn on_graft(&mut self, from: Link, id: Option<MessageId>, out: &mut Effects) {
        self.set_eager(from, true);
        if let Some(kept) = id.and_then(|id| self.log.get(&id)) {
            let round = kept.round.saturating_add(1);
            out.push(Effect::Send(from, BroadcastMessage::Gossip { id: kept.id, round, payload: kept.payload.clone() }));
        }
    }

    /// Receive PRUNE (algorithm 1).
    pub fn on_prune(&mut self, from: Link) {
        self.set_eager(from, false);
    }

    /// Optimization (algorithm 3): who announced the message on a path that is shorter by the threshold replaces who sent it.
    fn optimize(&mut self, from: Link, id: &MessageId, round: u16, config: &BroadcastConfig, out: &mut Effects) {
        let Some(threshold) = config.optimization_threshold else { return };
        let Some(missing) = self.missing.iter().find(|missing| missing.id == *id) else { return };
        let Some((better, their_round)) = missing.announcers.iter().copied().min_by_key(|(_, round)| *round) else { return };
        if better != from && their_round.saturating_add(threshold) <= round && self.is_peer(better) {
            out.push(Effect::Send(better, BroadcastMessage::Graft(None)));
            out.push(Effect::Send(from, BroadcastMessage::Prune));
            self.set_eager(better, true);
            self.set_eager(from, false);
        }
    }

    /// NeighborUp (algorithm 3): a new neighbour is eager.
    pub fn neighbor_up(&mut self, link: Link) {
        if !self.is_peer(link) {
            self.peers.push(Peer { link, eager: true });
        }
    }

    /// NeighborDown (algorithm 3): it announces nothing any more.
    pub fn neighbor_down(&mut self, link: Link) {
        self.peers.retain(|peer| peer.link != link);
        for missing in &mut self.missing {
            missing.announcers.retain(|(announcer, _)| *announcer != link);
        }
    }

    /// Drops what belongs to links, as after a crash; what came and what is kept stays.
    pub fn forget_links(&mut self) {
        self.peers.clear();
        self.missing.clear();
        self.lazy_queue.clear();
        (self.flush_at, self.gap_check_at) = (None, None);
    }

    /// Does what is due at `now`.
    pub fn on_timer(&mut self, now: Instant, config: &BroadcastConfig, out: &mut Effects) {
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush(out);
        }
        self.ask_for_overdue(now, config, out);
        if self.gap_check_at.is_some_and(|at| at <= now) {
            self.fetch_gaps(now, config, out);
        }
    }

    /// When [`on_timer`](Self::on_timer) wants to be called next.
    pub fn next_due(&self) -> Option<Instant> {
        let graft = self.missing.iter().map(|missing| missing.due).min();
        [graft, self.flush_at, self.gap_check_at].into_iter().flatten().min()
    }

    /// Whether `link` is a neighbour.
    pub fn is_peer(&self, link: Link) -> bool {
        self.peers.iter().any(|peer| peer.link == link)
    }

    /// Whether `link` is pushed to eagerly.
    pub fn is_eager(&self, link: Link) -> bool {
        self.peers.iter().any(|peer| peer.link == link && peer.eager)
    }

    fn set_eager(&mut self, link: Link, eager: bool) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.link == link) {
            peer.eager = eager;
        }
    }

    fn has(&self, id: &MessageId) -> bool {
        self.origins.get(&(id.origin, id.life)).is_some_and(|origin| origin.seen.contains(id.sequence))
    }

    /// Notes that `id` came; false if it had come before. A message that leaves a gap below it sets the look for gaps.
    pub(super) fn accept(&mut self, id: &MessageId, now: Instant) -> bool {
        let origin = self.origin(id);
        let new = origin.seen.insert(id.sequence);
        let gap = new && origin.seen.gap().is_some();
        if gap {
            origin.gap_since.get_or_insert(now);
            self.gap_check_at.get_or_insert(now + super::repair::GAP_PATIENCE);
        } else if new {
            origin.gap_since = None;
        }
        new
    }

    pub(super) fn origin(&mut self, id: &MessageId) -> &mut Origin {
        let key = (id.origin, id.life);
        if self.origins.len() >= MAX_ORIGINS && !self.origins.contains_key(&key) {
            self.origins.shift_remove_index(0);
        }
        self.origins.entry(key).or_default()
    }
}
