//! How much a node does for those who ask something of it, in each protocol that answers at length: whoever asks again and again must neither make it work without end nor take what is for others.

use std::collections::BTreeMap;
use std::time::Duration;

use super::time::Instant;
use crate::wire::NodeId;

/// Most questions and answers in a [`SPAN`], whoever asks: some 24 MiB.
const MOST: u32 = 512;
/// Most for one member.
const MOST_EACH: u32 = 256;
/// What a member gets also when others have taken all.
const LEAST_EACH: u32 = 8;
const SPAN: Duration = Duration::from_secs(1);

/// What was done within a second, and for whom.
#[derive(Default, Debug)]
pub struct Pace {
    since: Instant,
    all: u32,
    each: BTreeMap<NodeId, u32>,
}

impl Pace {
    /// Whether `member` may ask, or be sent, one more; if so it is counted.
    pub fn grants(&mut self, member: NodeId, at: Instant) -> bool {
        if at.since(self.since) >= SPAN {
            *self = Self { since: at, ..Self::default() };
        }
        let its = self.each.entry(member).or_default();
        let granted = *its < LEAST_EACH || *its < MOST_EACH && self.all < MOST;
        if granted {
            *its += 1;
            self.all += 1;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(pace: &mut Pace, member: u8, at: Instant) -> usize {
        (0..10_000).filter(|_| pace.grants(NodeId([member; 32]), at)).count()
    }

    #[test]
    fn nobody_takes_what_is_for_others_and_all_together_get_no_more_than_a_node_can_do() {
        let mut pace = Pace::default();
        let now = Instant::ZERO + Duration::from_secs(5);
        assert_eq!(granted(&mut pace, 1, now), 256);
        assert_eq!(granted(&mut pace, 2, now), 256);
        assert_eq!(granted(&mut pace, 3, now), 8, "the others have taken all, but not its share");
        assert_eq!(granted(&mut pace, 1, now + Duration::from_millis(999)), 0);
        assert_eq!(granted(&mut pace, 1, now + SPAN), 256);
    }
}
