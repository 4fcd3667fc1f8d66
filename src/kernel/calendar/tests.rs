//! What comes out, and in what order.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item(u64, u32);

impl Scheduled for Item {
    type Key = Self;
    fn at(&self) -> Instant {
        Instant::from_nanos(self.0)
    }
    fn key(&self) -> Self {
        *self
    }
}

proptest! {
    #[test]
    fn items_come_out_by_instant_and_key_whatever_the_order_of_pushes(
        items in prop::collection::vec((0_u64..5_000_000, any::<u32>()), 0..2000),
        quantum in prop::sample::select(vec![1_u64, 10_000]),
    ) {
        // In the longer ticks there are many items.
        let quantum = Duration::from_micros(quantum);
        let mut queue = CalendarQueue::new(quantum);
        for (at, key) in &items {
            queue.push(Item(*at, *key));
        }
        let mut out = Vec::new();
        while let Some(tick) = queue.next_due() {
            let earliest = queue.next_at();
            queue.open(tick + quantum);
            let before = out.len();
            out.extend(std::iter::from_fn(|| queue.take()));
            prop_assert_eq!(earliest, out[before..].iter().map(|item: &Item| item.at()).min());
            prop_assert!(out.len() > before, "a tick that was announced holds something");
        }
        prop_assert!(queue.is_empty());
        let mut expected: Vec<_> = items.into_iter().map(|(at, key)| Item(at, key)).collect();
        expected.sort_unstable();
        prop_assert_eq!(out, expected);
    }
}

/// Due at an instant, at one of several nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct AtNode(u32, u64, u32);

impl Scheduled for AtNode {
    type Key = Self;
    fn at(&self) -> Instant {
        Instant::from_nanos(self.1)
    }
    fn key(&self) -> Self {
        *self
    }
    fn rank(&self, start: Instant) -> u64 {
        u64::from(self.0) << 32 | self.at().nanos_since(start).min(u64::from(u32::MAX))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_one_opening_brings_out_comes_by_node_whatever_ticks_it_was_pushed_for_and_when(
        rounds in prop::collection::vec(
            // Up to four times as far ahead as the ring reaches.
            (prop::collection::vec((0_u32..300, 0_u64..8_192_000, any::<u32>()), 0..1500), 0_u64..4_000_000), 1..6,
        ),
    ) {
        let quantum = Duration::from_micros(1);
        let mut queue = CalendarQueue::new(quantum);
        let (mut waiting, mut now) = (Vec::new(), 0);
        for (items, step) in rounds.into_iter().chain([(Vec::new(), u64::MAX / 2)]) {
            for (node, ahead, key) in items {
                // Some are late.
                let item = AtNode(node, (now + ahead).saturating_sub(10_000), key);
                queue.push(item);
                waiting.push(item);
            }
            now += step / 1000 * 1000;
            queue.open(Instant::from_nanos(now));
            prop_assert!(queue.upcoming(7).copied().eq(queue.upcoming(usize::MAX).copied().take(7)));
            let announced: Vec<_> = queue.upcoming(usize::MAX).copied().collect();
            let out: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
            prop_assert_eq!(&announced, &out);
            // What is late comes with the next tick that is opened, at the latest with the one after this.
            let (mut due, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|item| out.contains(item));
            due.sort_unstable();
            prop_assert_eq!(&out, &due);
            prop_assert!(rest.iter().all(|item| item.1 >= now || step < 1000));
            prop_assert_eq!(queue.len(), rest.len());
            waiting = rest;
        }
        prop_assert!(waiting.is_empty());
    }
}

#[test]
fn a_late_item_comes_out_with_the_next_tick() {
    let mut queue = CalendarQueue::new(Duration::from_millis(1));
    queue.open(Instant::from_nanos(5_000_000));
    queue.push(Item(1_000_000, 0));
    assert_eq!(queue.next_due(), Some(Instant::from_nanos(5_000_000)));
    queue.open(Instant::from_nanos(6_000_000));
    assert_eq!(queue.take(), Some(Item(1_000_000, 0)));
    assert_eq!(queue.take(), None);
}
