//! What was announced and has not come: the timers of algorithm 2.
//!
//! Most of what is announced comes over the tree soon after. So an announcement is only put down, and when it is due, what of it has
//! not come is asked for: nothing has to be taken out again for each message that comes.

use std::collections::VecDeque;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::tree::Link;
use crate::kernel::Instant;
use crate::wire::{MessageId, Stretch};

/// Most announcements that are put down; what further ones announce is found by repair.
const MAX_ANNOUNCED: usize = 2048;
/// Most messages that are asked for by name at a time; further ones are fetched by repair.
const MAX_ASKED: usize = 256;
/// Most others that may be asked for a message.
const MAX_OTHERS: usize = 8;

/// What a node waits for.
#[derive(Debug)]
pub(super) struct Awaited {
    /// By the instant at which they are due: each waits for as long as those before, or longer.
    announced: VecDeque<Announced>,
    /// When the first of them is due.
    announced_due: Instant,
    asked: IndexMap<MessageId, Asked, FxBuildHasher>,
    /// Not later than the earliest of `asked` is due.
    asked_due: Instant,
}

/// An announcement of which something had not come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announced {
    pub stretch: Stretch,
    /// Hops from the origin.
    pub round: u16,
    /// Who announces.
    pub from: Link,
    /// When it came.
    pub since: Instant,
    /// When what has not come until then is asked for.
    pub due: Instant,
}

/// A message that was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// When it was announced.
    pub since: Instant,
    /// When somebody else is asked.
    pub due: Instant,
    /// Who was asked.
    pub link: Link,
    /// Who announced it too.
    pub others: SmallVec<[Link; 2]>,
}

impl Default for Awaited {
    fn default() -> Self {
        Self { announced: VecDeque::new(), announced_due: Instant::NEVER, asked: IndexMap::default(), asked_due: Instant::NEVER }
    }
}

impl Awaited {
    /// Puts an announcement down; false if there are too many.
    pub fn put(&mut self, announced: Announced) -> bool {
        let room = self.announced.len() < MAX_ANNOUNCED;
        if room {
            self.announced.push_back(announced);
            self.look_at_first();
        }
        room
    }

    /// When something is to be asked for.
    pub fn due(&self) -> Instant {
        self.announced_due.min(self.asked_due)
    }

    /// A glance at what is due first.
    pub fn glance(&self) -> u64 {
        self.announced.front().map_or(0, |first| first.due.as_nanos())
    }

    /// Takes an announcement that is due.
    pub fn take_due(&mut self, now: Instant) -> Option<Announced> {
        let due = self.announced.pop_front_if(|first| first.due <= now);
        self.look_at_first();
        due
    }

    fn look_at_first(&mut self) {
        self.announced_due = self.announced.front().map_or(Instant::NEVER, |first| first.due);
    }

    /// Takes the messages that were asked for in vain.
    pub fn take_unanswered(&mut self, now: Instant) -> Vec<(MessageId, Asked)> {
        if self.asked_due > now {
            return Vec::new();
        }
        let unanswered: Vec<_> = self.asked.extract_if(.., |_, asked| asked.due <= now).collect();
        self.asked_due = self.asked.values().map(|asked| asked.due).min().unwrap_or(Instant::NEVER);
        unanswered
    }

    /// Notes that `id` was asked for; false if too many are.
    pub fn ask(&mut self, id: MessageId, asked: Asked) -> bool {
        let room = self.asked.len() < MAX_ASKED;
        if room {
            self.asked_due = self.asked_due.min(asked.due);
            self.asked.insert(id, asked);
        }
        room
    }

    /// Whether `id` has been asked for; then `from` is somebody else who may be.
    pub fn is_asked(&mut self, id: &MessageId, from: Link) -> bool {
        let Some(asked) = self.asked.get_mut(id) else { return false };
        if asked.link != from && !asked.others.contains(&from) && asked.others.len() < MAX_OTHERS {
            asked.others.push(from);
        }
        true
    }

    /// A message came.
    #[inline]
    pub fn came(&mut self, id: &MessageId) {
        if !self.asked.is_empty() {
            self.asked.swap_remove(id);
        }
    }

    /// Who announced `id` and has not been asked.
    pub fn announcers(&self, id: &MessageId) -> impl Iterator<Item = &Announced> {
        self.announced.iter().filter(|one| one.stretch.holds(id))
    }

    /// Nothing more comes from `link`.
    pub fn forget(&mut self, link: Link) {
        self.announced.retain(|one| one.from != link);
        self.look_at_first();
        for asked in self.asked.values_mut() {
            asked.others.retain(|other| *other != link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::NodeId;

    fn link(number: u32) -> Link {
        Link::from_raw_u32(number).unwrap()
    }

    fn announced(first: u64, last: u64, from: u32, due: u64) -> Announced {
        let stretch = Stretch { origin: NodeId([1; 32]), life: 1, first, last };
        Announced { stretch, round: 1, from: link(from), since: Instant::ZERO, due: Instant::from_nanos(due) }
    }

    fn id(sequence: u64) -> MessageId {
        MessageId { origin: NodeId([1; 32]), life: 1, sequence }
    }

    #[test]
    fn announcements_come_due_in_their_order_and_name_who_has_a_message() {
        let mut awaited = Awaited::default();
        assert!(awaited.put(announced(1, 3, 5, 100)) && awaited.put(announced(2, 2, 6, 110)));
        assert_eq!(awaited.due(), Instant::from_nanos(100));
        assert_eq!(awaited.announcers(&id(2)).map(|one| one.from).collect::<Vec<_>>(), [link(5), link(6)]);
        assert!(awaited.take_due(Instant::from_nanos(99)).is_none());
        assert!(awaited.take_due(Instant::from_nanos(100)).is_some_and(|one| one.from == link(5)));
        awaited.forget(link(6));
        assert_eq!(awaited.due(), Instant::NEVER);
    }

    #[test]
    fn what_is_put_down_and_asked_for_is_bounded() {
        let mut awaited = Awaited::default();
        assert!((0..MAX_ANNOUNCED as u64).all(|number| awaited.put(announced(number, number, 1, number))));
        assert!(!awaited.put(announced(1, 1, 1, 1)));
        let asked = || Asked { since: Instant::ZERO, due: Instant::from_nanos(7), link: link(1), others: SmallVec::new() };
        assert!((0..MAX_ASKED as u64).all(|number| awaited.ask(id(number), asked())));
        assert!(!awaited.ask(id(9999), asked()));
        assert!((2..100).all(|other| awaited.is_asked(&id(0), link(other))));
        assert_eq!(awaited.asked[&id(0)].others.len(), MAX_OTHERS);
        assert_eq!(awaited.take_unanswered(Instant::from_nanos(7)).len(), MAX_ASKED);
        assert!(awaited.asked.is_empty() && awaited.asked_due == Instant::NEVER);
    }
}
