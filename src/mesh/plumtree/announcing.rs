//! Lazy push: what a node has is announced in batches (algorithm 1, and section 3.3 on how announcements are scheduled).

use std::sync::Arc;

use smallvec::SmallVec;

use super::effects::{Effect, Moment, Outlet};
use super::log::{Kept, Log};
use super::tree::Plumtree;
use crate::kernel::Instant;
use crate::wire::{Announcement, BroadcastMessage, MessageId, Stretch};

/// Messages that wait to be announced; with so many the announcement is sent.
const MAX_UNANNOUNCED: usize = 256;

impl Plumtree {
    /// LazyPush (algorithm 1): the message is kept, and announced with the next batch to all lazy peers.
    pub(super) fn lazy_push(&mut self, message: Kept, moment: &Moment, out: &mut dyn Outlet) {
        let (messages, bytes) = (moment.config.log_messages, moment.config.log_bytes);
        // What waits is read off the log, so it is announced before it would go.
        if self.unannounced > 0 && !self.log.has_room_behind(self.unannounced, &message, messages, bytes) {
            self.dispatch(out);
        }
        let waits = self.unannounced > 0 || self.lazy.iter().any(|peer| Some(peer.link) != message.via);
        if !Log::takes(&message, messages, bytes) {
            // Who asks for it will not get it from here, but a branch of the tree.
            return if waits {
                self.announce(announcements([&message].into_iter()), out)
            };
        }
        self.log.push(message, messages, bytes);
        if !waits {
            return;
        }
        if self.unannounced == 0 {
            self.flush_at = moment.after(moment.config.ihave_interval);
        }
        self.unannounced += 1;
        if self.unannounced >= MAX_UNANNOUNCED {
            self.dispatch(out);
        }
    }

    /// Dispatch (algorithm 1): sends the announcements that wait.
    pub(super) fn dispatch(&mut self, out: &mut dyn Outlet) {
        self.announce(self.unannounced(), out);
        self.flush_at = Instant::NEVER;
        self.unannounced = 0;
    }

    /// What waits to be announced.
    pub(super) fn unannounced(&self) -> Arc<[Announcement]> {
        announcements(self.log.latest(self.unannounced))
    }

    fn announce(&self, batch: Arc<[Announcement]>, out: &mut dyn Outlet) {
        for peer in &self.lazy {
            out.push(Effect::Send(peer.link, BroadcastMessage::IHave(batch.clone())));
        }
    }
}

/// The announcement of these messages, in stretches. Those that wait are read off the log: a list of their own would be one more thing to
/// be fetched from memory for each message that comes.
fn announcements<'a>(messages: impl Iterator<Item = &'a Kept>) -> Arc<[Announcement]> {
    let mut batch: SmallVec<[Announcement; 32]> = SmallVec::new();
    // Where in the batch the last stretch of an origin stands, by a byte of its id. Those of two that share a place are shorter.
    let mut places = [0_u8; 256];
    for Kept { round, rumor, .. } in messages {
        let MessageId { origin, life, sequence } = rumor.id;
        let round = round.saturating_add(1);
        let place = &mut places[usize::from(origin.0[0])];
        match batch.get_mut(usize::from(*place)) {
            Some(Announcement { stretch, round: theirs })
                if stretch.last + 1 == sequence && *theirs == round && stretch.life == life && stretch.origin == origin =>
            {
                stretch.last = sequence;
            }
            _ => {
                *place = u8::try_from(batch.len()).unwrap_or(u8::MAX);
                batch.push(Announcement { stretch: Stretch { origin, life, first: sequence, last: sequence }, round });
            }
        }
    }
    batch[..].into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bevy_ecs::entity::Entity;
    use proptest::prelude::*;

    use super::super::BroadcastConfig;
    use super::*;
    use crate::kernel::NodeClock;
    use crate::wire::{NodeId, Payload, Rumor};

    fn link(number: u32) -> Entity {
        Entity::from_raw_u32(number).unwrap()
    }

    proptest! {
        #[test]
        fn each_message_is_announced_once_whatever_the_log_keeps(
            messages in prop::collection::vec((0_u8..4, 0_usize..60, 0_u64..80, 0_u16..3), 1..400),
            log_messages in prop::sample::select(vec![1, 2, 100, 4096]),
            log_bytes in prop::sample::select(vec![10, 100, 1 << 20]),
        ) {
            let config = BroadcastConfig { log_messages, log_bytes, ..BroadcastConfig::default() };
            let (clock, mut tree, mut out, mut now) = (NodeClock::default(), Plumtree::default(), Vec::new(), Instant::ZERO);
            let (branch, lazy) = (link(1), link(2));
            [branch, lazy].into_iter().for_each(|link| tree.neighbor_up(link));
            tree.on_prune(lazy, &Moment { at: now, clock: &clock, config: &config });
            let (mut sequences, mut received) = ([0; 4], Vec::new());
            for (speaker, size, pause, round) in messages {
                now = now + Duration::from_millis(pause);
                let moment = Moment { at: now, clock: &clock, config: &config };
                if tree.next_due() <= now {
                    tree.on_timer(&moment, &mut out);
                }
                sequences[usize::from(speaker)] += 1;
                // The last two share the byte by which stretches are found.
                let mut origin = [speaker.min(2); 32];
                origin[31] = speaker;
                let id = MessageId { origin: NodeId(origin), life: 1, sequence: sequences[usize::from(speaker)] };
                received.push((id, round + 1));
                let rumor = Arc::new(Rumor { id, shapes: false, payload: Payload(vec![0; size].into()) });
                tree.on_gossip(branch, round, rumor, &moment, &mut out);
            }
            now = now + config.ihave_interval;
            tree.on_timer(&Moment { at: now, clock: &clock, config: &config }, &mut out);
            let mut announced = Vec::new();
            for effect in &out {
                let Effect::Send(to, BroadcastMessage::IHave(batch)) = effect else { continue };
                prop_assert!(*to == lazy && !batch.is_empty());
                prop_assert!(batch.iter().map(|one| one.stretch.count()).sum::<u64>() <= MAX_UNANNOUNCED as u64);
                for Announcement { stretch: Stretch { origin, life, first, last }, round } in batch.iter() {
                    announced.extend((*first..=*last).map(|sequence| (MessageId { origin: *origin, life: *life, sequence }, *round)));
                }
            }
            announced.sort_unstable();
            received.sort_unstable();
            prop_assert_eq!(announced, received);
        }
    }
}
