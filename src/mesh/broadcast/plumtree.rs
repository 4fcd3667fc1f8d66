//! Plumtree (Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", SRDS 2007), as a state machine without ECS.
//!
//! The names are those of the paper's algorithms 1 to 3. Where it says `receivedMsgs`, numbers by origin stand in [`Origins`]. The
//! repair of what was said while there was no path at all, which the paper leaves open, is in [`repair`](super::repair).
//!
//! What neighbours relay is believed: that the origin said it is for the payload to prove. All that they can make a node remember
//! is bounded.

use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::entity::Entity;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::effects::{Effect, Effects, Moment};
use super::log::{Kept, Log};
use super::origins::Origins;
use super::repair::Repairs;
use super::seen::Insert;
use super::shaper::Shaper;
use crate::kernel::Instant;
use crate::wire::broadcast::MAX_ANNOUNCEMENTS;
use crate::wire::{Announcement, BroadcastMessage, MessageId, NodeId, Payload, Rumor};

/// The session that reaches a peer; nothing more than a name here.
pub type Link = Entity;

/// Most messages that are announced and awaited; further ones are found by repair.
pub(super) const MAX_MISSING: usize = 4096;
/// Most announcers remembered of an awaited message.
const MAX_ANNOUNCERS: usize = 8;
/// Most announcements that wait to be sent; one more sends them.
const MAX_QUEUED: usize = 256;

/// How much more than it has been seen to need the tree is given.
const SLACK_MARGIN: f64 = 1.25;
/// Most time the tree is given beyond the graft time-out, in units of that.
const MAX_SLACK: u32 = 4;

/// What a node knows of broadcasts.
#[derive(Debug)]
pub struct Plumtree {
    pub(super) peers: SmallVec<[Peer; 5]>,
    pub(super) origins: Origins,
    pub(super) log: Log,
    pub(super) repairs: Repairs,
    shaper: Shaper,
    missing: IndexMap<MessageId, Missing, FxBuildHasher>,
    lazy_queue: Vec<Kept>,
    /// When the announcements that wait are sent.
    flush_at: Instant,
    /// Not later than the earliest graft that is due.
    graft_at: Instant,
    /// Time that the tree has been seen to need beyond the graft time-out.
    slack: Duration,
    /// The message that was asked for last, when it had been announced, and who was asked.
    grafted: Option<(MessageId, Instant, Link)>,
    /// The life under which the node numbers its own broadcasts, and the number of the last.
    said: (u64, u64),
}

impl Default for Plumtree {
    fn default() -> Self {
        Self {
            peers: SmallVec::new(),
            origins: Origins::default(),
            log: Log::default(),
            repairs: Repairs::default(),
            shaper: Shaper::default(),
            missing: IndexMap::default(),
            lazy_queue: Vec::new(),
            flush_at: Instant::NEVER,
            graft_at: Instant::NEVER,
            slack: Duration::ZERO,
            grafted: None,
            said: (0, 0),
        }
    }
}

/// A neighbour in the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub link: Link,
    eager: bool,
    /// When it was pruned last, by either side.
    pruned_at: Instant,
}

/// A message that was announced and has not come.
#[derive(Debug)]
struct Missing {
    /// When it was announced first.
    since: Instant,
    /// When it is asked for.
    due: Instant,
    /// Who announced it, for how many hops, and has not been asked yet; in the order of announcing.
    announcers: SmallVec<[(Link, u16); 2]>,
    /// Who was asked last.
    asked: Option<Link>,
}

impl Plumtree {
    /// Broadcast (algorithm 1): numbers from 1 in each life, delivers nothing, pushes. `life` counts for the first; a node that
    /// restarts with what it knew goes on with its numbers.
    pub fn broadcast(&mut self, me: NodeId, life: u64, payload: Payload, moment: &Moment, out: &mut Effects) -> MessageId {
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

    /// Receive GOSSIP (algorithm 1).
    pub fn on_gossip(&mut self, from: Link, round: u16, rumor: Arc<Rumor>, moment: &Moment, out: &mut Effects) {
        let (id, shapes) = (rumor.id, rumor.shapes);
        match self.accept(from, &id, moment, out) {
            Some(Insert::New) => {
                let message = Kept { round, rumor, via: Some(from) };
                out.push(Effect::Deliver(message.clone()));
                if shapes {
                    self.shaper.heard(id.origin, moment);
                }
                if !self.was_just_pruned(from, moment) {
                    self.make_eager(from, out);
                }
                self.eager_push(&message, out, |round, rumor| BroadcastMessage::Gossip { round, rumor });
                self.optimize(from, round, id, shapes, moment, out);
                self.lazy_push(message, moment, out);
            }
            Some(Insert::Known) => {
                out.push(Effect::Redundant(id));
                self.allow_for_slowness(from, &id, moment);
                // Nor does it prune when the branch that brought the message first has itself been cut since.
                let replaceable = || self.log.via(&id).is_none_or(|via| via != from && self.is_eager(via));
                if shapes && self.shaper.is(&id.origin) && replaceable() {
                    self.make_lazy(from, moment.at);
                    out.push(Effect::Send(from, BroadcastMessage::Prune));
                }
            }
            Some(Insert::Refused) => out.push(Effect::Redundant(id)),
            None => {}
        }
    }

    /// A message that was asked for comes over another branch after all: the tree is whole, but longer than the time-out. Asking
    /// sooner next time would only add branches that are one too many.
    fn allow_for_slowness(&mut self, from: Link, id: &MessageId, moment: &Moment) {
        if let Some((grafted, since, asked)) = &self.grafted
            && grafted == id
            && *asked != from
        {
            let config = moment.config;
            let late = moment.clock.elapsed(*since, moment.at).saturating_sub(config.graft_timeout);
            self.slack = self.slack.max(late.mul_f64(SLACK_MARGIN)).min(config.graft_timeout * MAX_SLACK);
        }
    }

    /// Whether what comes over a lazy link is likely to have been sent before the other side heard that it is lazy. Then it does
    /// not make the link eager: the other side no longer holds it so.
    fn was_just_pruned(&self, link: Link, moment: &Moment) -> bool {
        let recent = |peer: &Peer| moment.clock.elapsed(peer.pruned_at, moment.at) < moment.config.graft_timeout;
        self.peers.iter().any(|peer| peer.link == link && !peer.eager && recent(peer))
    }

    /// EagerPush (algorithm 1), to all eager peers but the one it came from.
    pub(super) fn eager_push(&self, message: &Kept, out: &mut Effects, push: impl Fn(u16, Arc<Rumor>) -> BroadcastMessage) {
        let round = message.round.saturating_add(1);
        for peer in self.peers.iter().filter(|peer| peer.eager && Some(peer.link) != message.via) {
            out.push(Effect::Send(peer.link, push(round, message.rumor.clone())));
        }
    }

    /// LazyPush (algorithm 1): the message is kept, and announced with the next batch to all lazy peers.
    pub(super) fn lazy_push(&mut self, message: Kept, moment: &Moment, out: &mut Effects) {
        if self.peers.iter().any(|peer| !peer.eager && Some(peer.link) != message.via) {
            self.flush_at = self.flush_at.min(moment.after(moment.config.ihave_interval));
            self.lazy_queue.push(message.clone());
            if self.lazy_queue.len() >= MAX_QUEUED {
                self.dispatch(out);
            }
        }
        self.log.push(message, moment.config.log_messages, moment.config.log_bytes);
    }

    /// Dispatch (algorithm 1): sends the announcements that wait.
    fn dispatch(&mut self, out: &mut Effects) {
        self.flush_at = Instant::NEVER;
        let batch = announcements(&self.lazy_queue);
        self.lazy_queue.clear();
        for peer in self.peers.iter().filter(|peer| !peer.eager) {
            out.push(Effect::Send(peer.link, BroadcastMessage::IHave(batch.clone())));
        }
    }

    /// Receive IHAVE (algorithm 2): what has not come is asked for when the timer says so.
    pub fn on_ihave(&mut self, from: Link, announced: &[Announcement], moment: &Moment, out: &mut Effects) {
        if announced.len() > MAX_ANNOUNCEMENTS || announced.iter().any(|one| !one.id.is_sound()) {
            return out.push(Effect::Refuse(from));
        }
        for Announcement { id, round } in announced.iter().filter(|one| !self.origins.has(&one.id)) {
            if let Some(missing) = self.missing.get_mut(id) {
                let again = missing.announcers.iter().any(|(link, _)| *link == from);
                if !again && missing.announcers.len() < MAX_ANNOUNCERS {
                    missing.announcers.push((from, *round));
                }
            } else if self.missing.len() < MAX_MISSING {
                let due = moment.after(moment.config.graft_timeout + self.slack);
                self.graft_at = self.graft_at.min(due);
                self.missing
                    .insert(*id, Missing { since: moment.at, due, announcers: SmallVec::from_slice(&[(from, *round)]), asked: None });
            } else {
                self.repairs.note((id.origin, id.life), id.sequence, from, moment);
            }
        }
    }

    /// Timer (algorithm 2): asks the first announcer of each message that is overdue, and the next one after the shorter
    /// time-out that section 3.7 calls the second. When none is left it is a matter of repair.
    fn graft_overdue(&mut self, moment: &Moment, out: &mut Effects) {
        let mut all = std::mem::take(&mut self.missing);
        self.graft_at = Instant::NEVER;
        all.retain(|id, missing| {
            if missing.due <= moment.at {
                missing.announcers.retain(|(link, _)| self.is_peer(*link));
                let Some((link, _)) = missing.announcers.first().copied() else {
                    let from = missing.asked.or_else(|| self.peers.first().map(|peer| peer.link));
                    from.into_iter().for_each(|from| self.repairs.note((id.origin, id.life), id.sequence, from, moment));
                    return false;
                };
                missing.announcers.remove(0);
                missing.asked = Some(link);
                self.grafted = Some((*id, missing.since, link));
                missing.due = moment.after(moment.config.graft_timeout / 2);
                self.make_eager(link, out);
                out.push(Effect::Send(link, BroadcastMessage::Graft(Some(Box::new(*id)))));
            }
            self.graft_at = self.graft_at.min(missing.due);
            true
        });
        self.missing = all;
    }

    /// Receive GRAFT (algorithm 2).
    pub fn on_graft(&mut self, from: Link, id: Option<&MessageId>, out: &mut Effects) {
        self.make_eager(from, out);
        if let Some(Kept { round, rumor, .. }) = id.and_then(|id| self.log.get(id)) {
            let (round, rumor) = (round.saturating_add(1), rumor.clone());
            out.push(Effect::Send(from, BroadcastMessage::Gossip { round, rumor }));
        }
    }

    /// Receive PRUNE (algorithm 1).
    pub fn on_prune(&mut self, from: Link, moment: &Moment) {
        self.make_lazy(from, moment.at);
    }

    /// Optimization (algorithm 3, section 3.8): who announced the message on a path that is shorter by the threshold replaces
    /// who sent it. In any case the message is no longer awaited.
    fn optimize(&mut self, from: Link, round: u16, id: MessageId, shapes: bool, moment: &Moment, out: &mut Effects) {
        if self.missing.is_empty() {
            return;
        }
        let (Some(missing), Some(threshold)) = (self.missing.swap_remove(&id), moment.config.optimization_threshold) else { return };
        let Some((better, hops)) = missing.announcers.iter().copied().min_by_key(|(_, round)| *round) else { return };
        if shapes && better != from && hops < round && round - hops >= threshold && self.is_peer(better) {
            self.make_eager(better, out);
            out.push(Effect::Send(better, BroadcastMessage::Graft(None)));
            self.make_lazy(from, moment.at);
            out.push(Effect::Send(from, BroadcastMessage::Prune));
        }
    }

    /// NeighborUp (algorithm 3): a new neighbour is eager.
    pub fn neighbor_up(&mut self, link: Link) {
        if !self.is_peer(link) {
            self.peers.push(Peer { link, eager: true, pruned_at: Instant::ZERO });
        }
    }

    /// NeighborDown (algorithm 3): what it announced must come from others.
    pub fn neighbor_down(&mut self, link: Link) {
        self.peers.retain(|peer| peer.link != link);
        for missing in self.missing.values_mut() {
            missing.announcers.retain(|(announcer, _)| *announcer != link);
        }
    }

    /// Drops what belongs to links, as after a crash; what came and what is kept stays.
    pub fn forget_links(&mut self) {
        let Self { origins, log, said, .. } = std::mem::take(self);
        *self = Self { origins, log, said, ..Self::default() };
    }

    /// Does what is due.
    pub fn on_timer(&mut self, moment: &Moment, out: &mut Effects) {
        if self.flush_at <= moment.at {
            self.dispatch(out);
        }
        if self.graft_at <= moment.at {
            self.graft_overdue(moment, out);
        }
        if self.repairs.due() <= moment.at {
            self.fetch_overdue(moment, out);
        }
    }

    /// When [`on_timer`](Self::on_timer) wants to be called next; [`Instant::NEVER`] if nothing is awaited.
    pub fn next_due(&self) -> Instant {
        self.flush_at.min(self.graft_at).min(self.repairs.due())
    }

    /// Whether `link` is a neighbour.
    pub fn is_peer(&self, link: Link) -> bool {
        self.peers.iter().any(|peer| peer.link == link)
    }

    /// Whether `link` is pushed to eagerly.
    fn is_eager(&self, link: Link) -> bool {
        self.peers.iter().any(|peer| peer.link == link && peer.eager)
    }

    /// The neighbours that messages are pushed to eagerly.
    pub fn eager_peers(&self) -> impl Iterator<Item = Link> {
        self.peers.iter().filter(|peer| peer.eager).map(|peer| peer.link)
    }

    /// A peer that was lazy when a message was pushed has been promised its announcement.
    fn make_eager(&mut self, link: Link, out: &mut Effects) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.link == link && !peer.eager) {
            peer.eager = true;
            if !self.lazy_queue.is_empty() {
                out.push(Effect::Send(link, BroadcastMessage::IHave(announcements(&self.lazy_queue))));
            }
        }
    }

    fn make_lazy(&mut self, link: Link, at: Instant) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.link == link) {
            (peer.eager, peer.pruned_at) = (false, at);
        }
    }

    /// Notes that `id` came. One that leaves a gap below it lets the repair begin. `None`: it is none that could come.
    pub(super) fn accept(&mut self, from: Link, id: &MessageId, moment: &Moment, out: &mut Effects) -> Option<Insert> {
        if !id.is_sound() {
            out.push(Effect::Refuse(from));
            return None;
        }
        let life = (id.origin, id.life);
        let seen = self.origins.get_or_make(life);
        let insert = seen.insert(id.sequence);
        if (insert == Insert::New && seen.has_gap()) || insert == Insert::Refused {
            self.repairs.note(life, id.sequence, from, moment);
        }
        Some(insert)
    }

    /// A message came by repair: it is no longer awaited.
    pub(super) fn no_longer_missing(&mut self, id: &MessageId) {
        if !self.missing.is_empty() {
            self.missing.swap_remove(id);
        }
    }
}

fn announcements(queue: &[Kept]) -> Arc<[Announcement]> {
    queue.iter().map(|Kept { round, rumor, .. }| Announcement { id: rumor.id, round: round.saturating_add(1) }).collect()
}
