//! Plumtree (Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", SRDS 2007), as a state machine without ECS.
//!
//! The names are those of the paper's algorithms 1 to 3. Where it says `receivedMsgs`, numbers by origin stand in [`Origins`]. What is
//! announced and does not come is in [`grafting`](super::grafting). The repair of what was said while there was no path at all, which the paper leaves open, is in [`repair`](super::repair).
//!
//! What neighbours relay is believed: that the origin said it is for the payload to prove. All that they can make a node remember
//! is bounded.

use std::ops::BitXor;
use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::entity::Entity;
use smallvec::SmallVec;

use super::awaited::Awaited;
use super::effects::{Effect, Moment, Outlet};
use super::log::{Kept, Log};
use super::origins::{Life, Origins};
use super::repair::Repairs;
use super::seen::Insert;
use super::shaper::Shaper;
use crate::kernel::Instant;
use crate::wire::{BroadcastMessage, Mark, MessageId, NodeId, Payload, Rumor};

/// The session that reaches a peer; nothing more than a name here.
pub type Link = Entity;

/// What a node knows of broadcasts. What nearly every message touches stands first and together: with many nodes it comes from memory line by
/// line.
#[derive(Debug)]
#[repr(C)]
pub struct Plumtree {
    /// The paper's `eagerPushPeers`.
    pub(super) eager: SmallVec<[Link; 5]>,
    pub(super) log: Log,
    /// How many of those that the log kept last wait to be announced.
    pub(super) unannounced: usize,
    /// When they are.
    pub(super) flush_at: Instant,
    /// When something of `awaited` or `repairs` is due: most messages need not look at them.
    wanted_at: Instant,
    pub(super) origins: Origins,
    pub(super) awaited: Awaited,
    pub(super) repairs: Repairs,
    /// The paper's `lazyPushPeers`.
    pub(super) lazy: SmallVec<[LazyPeer; 4]>,
    shaper: Shaper,
    /// Time that the tree has been seen to need beyond the graft time-out.
    pub(super) slack: Duration,
    /// The message that was asked for last, when it had been announced, and who was asked.
    pub(super) grafted: Option<(MessageId, Instant, Link)>,
    /// The life under which the node numbers its own broadcasts, and the number of the last.
    said: (u64, u64),
    /// Where the next summary begins, when there are more lives than fit.
    summary_start: usize,
}

impl Default for Plumtree {
    fn default() -> Self {
        Self {
            eager: SmallVec::new(),
            lazy: SmallVec::new(),
            origins: Origins::default(),
            log: Log::default(),
            repairs: Repairs::default(),
            shaper: Shaper::default(),
            awaited: Awaited::default(),
            unannounced: 0,
            flush_at: Instant::NEVER,
            wanted_at: Instant::NEVER,
            slack: Duration::ZERO,
            grafted: None,
            said: (0, 0),
            summary_start: 0,
        }
    }
}

/// A neighbour off the tree: what has come is only announced to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct LazyPeer {
    pub link: Link,
    /// When it was pruned last, by either side.
    pruned_at: Instant,
}

impl Plumtree {
    /// Broadcast (algorithm 1): numbers from 1 in each life, delivers nothing, pushes. `life` counts for the first; a node that
    /// restarts with what it knew goes on with its numbers.
    pub fn broadcast(&mut self, me: NodeId, life: u64, payload: Payload, moment: &Moment, out: &mut dyn Outlet) -> MessageId {
        if self.said.1 == 0 {
            self.said.0 = life;
        }
        self.said.1 += 1;
        let id = MessageId { origin: me, life: self.said.0, sequence: self.said.1 };
        self.origins.get_or_make((id.origin, id.life)).insert(id.sequence);
        let shapes = self.shaper.may(&me, moment);
        if shapes {
            self.shaper.heard(me, moment);
        }
        let message = Kept { round: 0, via: None, rumor: Arc::new(Rumor { id, shapes, payload }) };
        self.eager_push(&message, out, |round, rumor| BroadcastMessage::Gossip { round, rumor });
        self.lazy_push(message, moment, out);
        id
    }

    /// A glance at what everything that comes needs, for [`ahead`](crate::kernel::ahead): one number of each of its lines of the cache.
    #[inline]
    pub fn glance_first(&self) -> [u64; 2] {
        [self.flush_at.as_nanos(), self.origins.len() as u64]
    }

    /// A glance at what `message` needs besides. Announcements are mostly of no more than so many origins.
    #[inline]
    pub fn glance(&self, message: &BroadcastMessage) -> [u64; 2] {
        match message {
            BroadcastMessage::Gossip { rumor, .. } => [self.origins.glance(&rumor.id.origin), self.log.glance()],
            BroadcastMessage::IHave(announced) => {
                let looks = announced.iter().take(16).map(|one| self.origins.glance(&one.stretch.origin));
                [looks.fold(0, BitXor::bitxor), 0]
            }
            _ => [0; 2],
        }
    }

    /// A glance at what [`on_timer`](Self::on_timer) needs besides.
    pub fn glance_due(&self) -> [u64; 2] {
        [self.log.glance(), self.awaited.glance()]
    }

    /// Does what a message of a neighbour asks for.
    pub fn on_message(&mut self, from: Link, message: BroadcastMessage, moment: &Moment, out: &mut dyn Outlet) {
        match message {
            BroadcastMessage::Gossip { round, rumor } => self.on_gossip(from, round, rumor, moment, out),
            BroadcastMessage::IHave(announced) => self.on_ihave(from, &announced, moment, out),
            BroadcastMessage::Graft(id) => self.on_graft(from, id.as_deref(), out),
            BroadcastMessage::Prune => self.on_prune(from, moment),
            BroadcastMessage::Summary(marks) => self.on_summary(from, &marks, moment, out),
            BroadcastMessage::Supplement(marks) => {
                self.on_supplement(from, &marks, moment, out);
            }
            BroadcastMessage::SummaryHash(hash) => {
                if hash != self.summary_hash() {
                    out.push(Effect::Send(from, BroadcastMessage::Summary(self.next_summary())));
                }
            }
            BroadcastMessage::Fetch(wanted) => self.on_fetch(from, &wanted, moment, out),
            BroadcastMessage::Repair { round, rumor } => self.on_repair(from, round, rumor, moment, out),
            BroadcastMessage::Gone(gone) => self.on_gone(from, &gone, out),
        }
    }

    /// A summary, which begins where the last one ended.
    pub fn next_summary(&mut self) -> Arc<[Mark]> {
        let marks = self.summary(self.summary_start);
        self.summary_start = (self.summary_start + marks.len()).checked_rem(self.origins.len()).unwrap_or(0);
        marks
    }

    /// Greets a new neighbour at once, so that what was said on either side of a partition crosses as soon as there is a bridge.
    pub fn greet(&mut self, link: Link, out: &mut dyn Outlet) {
        self.neighbor_up(link);
        if !self.origins.is_empty() {
            out.push(Effect::Send(link, BroadcastMessage::Summary(self.next_summary())));
        }
    }

    /// How many neighbours there are to compare notes with; none if nothing has been said.
    pub fn partners(&self) -> usize {
        if self.origins.is_empty() { 0 } else { self.eager.len() + self.lazy.len() }
    }

    /// Compares notes with the neighbour of number `index`, for what nothing that follows would reveal: the last message of an origin.
    pub fn compare_notes(&self, index: usize, out: &mut dyn Outlet) {
        if let Some(link) = self.links().nth(index) {
            out.push(Effect::Send(link, BroadcastMessage::SummaryHash(self.summary_hash())));
        }
    }

    /// Receive GOSSIP (algorithm 1).
    pub fn on_gossip(&mut self, from: Link, round: u16, rumor: Arc<Rumor>, moment: &Moment, out: &mut dyn Outlet) {
        let (id, shapes) = (rumor.id, rumor.shapes);
        match self.accept(from, &id, moment, out) {
            Some(Insert::New) => {
                let message = Kept { round, rumor, via: Some(from) };
                out.push(Effect::Deliver { round, rumor: message.rumor.clone() });
                if shapes {
                    self.shaper.heard(id.origin, moment);
                }
                if !self.is_eager(from) && !self.was_just_pruned(from, moment) {
                    self.make_eager(from, out);
                }
                self.eager_push(&message, out, |round, rumor| BroadcastMessage::Gossip { round, rumor });
                if shapes {
                    self.optimize(from, round, id, moment, out);
                }
                self.lazy_push(message, moment, out);
            }
            Some(Insert::Known) => {
                out.push(Effect::Redundant(id));
                self.allow_for_slowness(from, &id, moment);
                // Nor does it prune when the branch that brought the message first has itself been cut since.
                let replaceable = || self.log.via(&id).is_none_or(|via| via != from && self.is_eager(via));
                if shapes && self.shaper.is(&id.origin, moment) && replaceable() {
                    self.make_lazy(from, moment.at);
                    out.push(Effect::Send(from, BroadcastMessage::Prune));
                }
            }
            Some(Insert::Refused) => out.push(Effect::Redundant(id)),
            None => {}
        }
    }

    /// Whether what comes over a lazy link is likely to have been sent before the other side heard that it is lazy. Then it does
    /// not make the link eager: the other side no longer holds it so.
    fn was_just_pruned(&self, link: Link, moment: &Moment) -> bool {
        let recent = |peer: &LazyPeer| moment.clock.elapsed(peer.pruned_at, moment.at) < moment.config.graft_timeout;
        self.lazy.iter().any(|peer| peer.link == link && recent(peer))
    }

    /// EagerPush (algorithm 1), to all eager peers but the one it came from.
    pub(super) fn eager_push(&self, message: &Kept, out: &mut dyn Outlet, push: impl Fn(u16, Arc<Rumor>) -> BroadcastMessage) {
        let round = message.round.saturating_add(1);
        for link in self.eager_peers().filter(|link| Some(*link) != message.via) {
            out.push(Effect::Send(link, push(round, message.rumor.clone())));
        }
    }

    /// Receive PRUNE (algorithm 1).
    pub fn on_prune(&mut self, from: Link, moment: &Moment) {
        self.make_lazy(from, moment.at);
    }

    /// NeighborUp (algorithm 3): a new neighbour is eager.
    pub fn neighbor_up(&mut self, link: Link) {
        if !self.is_peer(link) {
            self.eager.push(link);
        }
    }

    /// NeighborDown (algorithm 3): what it announced must come from others.
    pub fn neighbor_down(&mut self, link: Link) {
        self.eager.retain(|eager| *eager != link);
        self.lazy.retain(|lazy| lazy.link != link);
        self.awaited.forget(link);
        self.look_at_wanted();
    }

    /// Drops what belongs to links, as after a crash; what came and what is kept stays.
    pub fn forget_links(&mut self) {
        let Self { origins, log, said, .. } = std::mem::take(self);
        *self = Self { origins, log, said, ..Self::default() };
    }

    /// Does what is due.
    pub fn on_timer(&mut self, moment: &Moment, out: &mut dyn Outlet) {
        if self.flush_at <= moment.at {
            self.dispatch(out);
        }
        if self.wanted_at > moment.at {
            return;
        }
        if self.awaited.due() <= moment.at {
            self.graft_overdue(moment, out);
        }
        if self.repairs.due() <= moment.at {
            self.fetch_overdue(moment, out);
        }
        self.look_at_wanted();
    }

    /// To be called when something of `awaited` or `repairs` may be due at another instant than before.
    pub(super) fn look_at_wanted(&mut self) {
        self.wanted_at = self.awaited.due().min(self.repairs.due());
    }

    /// Notes that `life` has said `upto` messages, which `source` has.
    pub(super) fn note_gap(&mut self, life: Life, upto: u64, source: Link, moment: &Moment) {
        self.repairs.note(life, upto, source, moment);
        self.look_at_wanted();
    }

    /// When [`on_timer`](Self::on_timer) wants to be called next; [`Instant::NEVER`] if nothing is awaited.
    pub fn next_due(&self) -> Instant {
        debug_assert_eq!(self.wanted_at, self.awaited.due().min(self.repairs.due()));
        self.flush_at.min(self.wanted_at)
    }

    /// Whether `link` is a neighbour.
    pub fn is_peer(&self, link: Link) -> bool {
        self.links().any(|peer| peer == link)
    }

    /// All neighbours.
    pub(super) fn links(&self) -> impl Iterator<Item = Link> {
        self.eager_peers().chain(self.lazy.iter().map(|peer| peer.link))
    }

    /// Whether `link` is pushed to eagerly.
    pub(super) fn is_eager(&self, link: Link) -> bool {
        self.eager.contains(&link)
    }

    /// The neighbours that messages are pushed to eagerly.
    pub fn eager_peers(&self) -> impl Iterator<Item = Link> {
        self.eager.iter().copied()
    }

    /// A peer that was lazy when a message was pushed has been promised its announcement.
    pub(super) fn make_eager(&mut self, link: Link, out: &mut dyn Outlet) {
        if let Some(place) = self.lazy.iter().position(|peer| peer.link == link) {
            self.lazy.remove(place);
            self.eager.push(link);
            if self.unannounced > 0 {
                out.push(Effect::Send(link, BroadcastMessage::IHave(self.unannounced())));
            }
        }
    }

    pub(super) fn make_lazy(&mut self, link: Link, at: Instant) {
        if let Some(place) = self.eager.iter().position(|eager| *eager == link) {
            self.eager.remove(place);
            self.lazy.push(LazyPeer { link, pruned_at: at });
        } else if let Some(peer) = self.lazy.iter_mut().find(|peer| peer.link == link) {
            peer.pruned_at = at;
        }
    }

    /// Notes that `id` came. One that leaves a gap below it lets the repair begin. `None`: it is none that could come.
    pub(super) fn accept(&mut self, from: Link, id: &MessageId, moment: &Moment, out: &mut dyn Outlet) -> Option<Insert> {
        if !id.is_sound() {
            out.push(Effect::Refuse(from));
            return None;
        }
        let life = (id.origin, id.life);
        let seen = self.origins.get_or_make(life);
        let insert = seen.insert(id.sequence);
        if (insert == Insert::New && seen.has_gap()) || insert == Insert::Refused {
            self.note_gap(life, id.sequence, from, moment);
        }
        // What was asked for is due some time.
        if insert == Insert::New && self.wanted_at != Instant::NEVER {
            self.awaited.came(id);
        }
        Some(insert)
    }
}
