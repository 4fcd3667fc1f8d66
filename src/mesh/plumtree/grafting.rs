//! What is announced and does not come: the lazy half of Plumtree (algorithm 2), and the optimisation that lives on announcements
//! (algorithm 3).

use smallvec::SmallVec;

use super::awaited::{Announced, Asked};
use super::effects::{Effect, Moment, Outlet};
use super::log::Kept;
use super::seen::Seen;
use super::tree::{Link, Plumtree};
use crate::kernel::Instant;
use crate::wire::broadcast::MAX_ANNOUNCED;
use crate::wire::{Announcement, BroadcastMessage, MessageId, Stretch};

/// How much more than it has been seen to need the tree is given.
const SLACK_MARGIN: f64 = 1.25;
/// Most time the tree is given beyond the graft time-out, in units of that.
const MAX_SLACK: u32 = 4;

impl Plumtree {
    /// Receive IHAVE (algorithm 2): what has not come is asked for when the timer says so.
    pub fn on_ihave(&mut self, from: Link, announced: &[Announcement], moment: &Moment, out: &mut dyn Outlet) {
        let sound = announced.iter().all(|one| one.stretch.is_sound());
        if !sound || announced.iter().map(|one| one.stretch.count()).fold(0, u64::saturating_add) > MAX_ANNOUNCED {
            return out.push(Effect::Refuse(from));
        }
        for Announcement { stretch, round } in announced.iter().copied() {
            // Almost always all of it has come: the tree is faster.
            if self.origins.find(&(stretch.origin, stretch.life)).is_some_and(|seen| seen.contains_all(stretch.first, stretch.last)) {
                continue;
            }
            let due = moment.after(moment.config.graft_timeout + self.slack);
            if !self.awaited.put(Announced { stretch, round, from, since: moment.at, due }) {
                self.repairs.note((stretch.origin, stretch.life), stretch.last, from, moment);
            }
            self.look_at_wanted();
        }
    }

    /// What of `stretch` has not come.
    pub(super) fn lacking(&mut self, stretch: &Stretch) -> SmallVec<[MessageId; 2]> {
        let Stretch { origin, life, first, last } = *stretch;
        let seen = self.origins.find(&(origin, life));
        let begin = first.max(seen.map_or(0, Seen::upto) + 1);
        let lacking = (begin..=last).filter(|number| seen.is_none_or(|seen| !seen.contains(*number)));
        lacking.map(|sequence| MessageId { origin, life, sequence }).collect()
    }

    /// Timer (algorithm 2): asks the first announcer of each message that is overdue, and the next one after the shorter
    /// time-out that section 3.7 calls the second. When none is left it is a matter of repair.
    pub(super) fn graft_overdue(&mut self, moment: &Moment, out: &mut dyn Outlet) {
        while let Some(Announced { stretch, from, since, .. }) = self.awaited.take_due(moment.at) {
            for id in self.lacking(&stretch) {
                if !self.awaited.is_asked(&id, from) {
                    let link = self.grafted_last(&id, moment).unwrap_or(from);
                    self.ask(id, since, link, SmallVec::new(), moment, out);
                }
            }
        }
        for (id, Asked { since, link, mut others, .. }) in self.awaited.take_unanswered(moment.at) {
            let next = if others.is_empty() { None } else { Some(others.remove(0)) };
            match next.or_else(|| self.awaited.announcers(&id).map(|one| one.from).find(|from| *from != link)) {
                Some(next) => self.ask(id, since, next, others, moment, out),
                None => self.repairs.note((id.origin, id.life), id.sequence, link, moment),
            }
        }
    }

    /// The link grafted last, if that was for the same break in the tree and its other side has `id` too: where many messages are
    /// missing at once, one branch brings them all, and a branch for each first announcer would be too many.
    fn grafted_last(&self, id: &MessageId, moment: &Moment) -> Option<Link> {
        let (_, since, link) = self.grafted?;
        let recent = moment.clock.elapsed(since, moment.at) < moment.config.graft_timeout * 2;
        let has_it = recent && self.is_eager(link) && self.awaited.announcers(id).any(|one| one.from == link);
        has_it.then_some(link)
    }

    fn ask(&mut self, id: MessageId, since: Instant, link: Link, others: SmallVec<[Link; 2]>, moment: &Moment, out: &mut dyn Outlet) {
        let due = moment.after(moment.config.graft_timeout / 2);
        if self.awaited.ask(id, Asked { since, due, link, others }) {
            self.grafted = Some((id, since, link));
            self.make_eager(link, out);
            out.push(Effect::Send(link, BroadcastMessage::Graft(Some(Box::new(id)))));
        } else {
            self.repairs.note((id.origin, id.life), id.sequence, link, moment);
        }
    }

    /// Receive GRAFT (algorithm 2).
    pub fn on_graft(&mut self, from: Link, id: Option<&MessageId>, out: &mut dyn Outlet) {
        self.make_eager(from, out);
        if let Some(Kept { round, rumor, .. }) = id.and_then(|id| self.log.get(id)) {
            let (round, rumor) = (round.saturating_add(1), rumor.clone());
            out.push(Effect::Send(from, BroadcastMessage::Gossip { round, rumor }));
        }
    }

    /// A message that was asked for comes over another branch after all: the tree is whole, but longer than the time-out. Asking
    /// sooner next time would only add branches that are one too many.
    pub(super) fn allow_for_slowness(&mut self, from: Link, id: &MessageId, moment: &Moment) {
        if let Some((grafted, since, asked)) = &self.grafted
            && grafted == id
            && *asked != from
        {
            let config = moment.config;
            let late = moment.clock.elapsed(*since, moment.at).saturating_sub(config.graft_timeout);
            self.slack = self.slack.max(late.mul_f64(SLACK_MARGIN)).min(config.graft_timeout * MAX_SLACK);
        }
    }

    /// Optimization (algorithm 3, section 3.8): who announced the message on a path that is shorter by the threshold replaces
    /// who sent it.
    pub(super) fn optimize(&mut self, from: Link, round: u16, id: MessageId, moment: &Moment, out: &mut dyn Outlet) {
        let Some(threshold) = moment.config.optimization_threshold else { return };
        let nearest = self.awaited.announcers(&id).map(|one| (one.from, one.round)).min_by_key(|(_, round)| *round);
        let Some((better, hops)) = nearest else { return };
        if better != from && hops < round && round - hops >= threshold {
            self.make_eager(better, out);
            out.push(Effect::Send(better, BroadcastMessage::Graft(None)));
            self.make_lazy(from, moment.at);
            out.push(Effect::Send(from, BroadcastMessage::Prune));
        }
    }
}
