//! Which messages of one origin's life have come: all up to a mark, and some stretches beyond.

/// Most stretches beyond the mark. A number that would make one more is refused, and fetched when a gap has closed.
const MAX_STRETCHES: usize = 64;

/// The numbers that have come. None is ever forgotten, so no message is delivered twice.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// All numbers up to this one have come, or are no longer to be had.
    upto: u64,
    /// Stretches beyond, from first to last number, ascending, never adjacent. Hardly ever are there any: all that is held for them
    /// otherwise is one word.
    #[expect(clippy::box_collection, reason = "of three words two would be fetched from memory for nothing, of each origin at each node")]
    ahead: Option<Box<Vec<(u64, u64)>>>,
}

/// What became of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// It is new.
    New,
    /// It had come before.
    Known,
    /// There are too many gaps to remember another.
    Refused,
}

impl Seen {
    /// All numbers up to this one have come, or are no longer to be had.
    pub fn upto(&self) -> u64 {
        self.upto
    }

    /// The highest number that has come.
    pub fn highest(&self) -> u64 {
        self.ahead().last().map_or(self.upto, |(_, last)| *last)
    }

    /// Whether a number is missing below one that has come.
    pub fn has_gap(&self) -> bool {
        self.ahead.is_some()
    }

    /// Whether `number` has come.
    pub fn contains(&self, number: u64) -> bool {
        self.contains_all(number, number)
    }

    /// Whether all numbers from `first` to `last` have come.
    pub fn contains_all(&self, first: u64, last: u64) -> bool {
        let held = |(begin, end): &(u64, u64)| *begin <= first.max(self.upto + 1) && last <= *end;
        last <= self.upto || self.ahead().iter().any(held)
    }

    /// Notes that `number`, at least 1, came.
    pub fn insert(&mut self, number: u64) -> Insert {
        if self.ahead.is_none() && number == self.upto + 1 {
            self.upto = number;
            Insert::New
        } else if self.contains(number) {
            Insert::Known
        } else if self.fill(number, number) {
            Insert::New
        } else {
            Insert::Refused
        }
    }

    /// Counts all numbers from `first` to `last` as come; false if there are too many gaps to remember another.
    pub fn fill(&mut self, first: u64, last: u64) -> bool {
        if first <= self.upto.saturating_add(1) {
            self.upto = self.upto.max(last);
        } else {
            let ahead = self.ahead.get_or_insert_default();
            // The stretches that overlap it or touch it become one with it.
            let begin = ahead.partition_point(|(_, end)| end.saturating_add(1) < first);
            let end = ahead.partition_point(|(begin, _)| *begin <= last.saturating_add(1));
            if begin == end {
                if ahead.len() >= MAX_STRETCHES {
                    return false;
                }
                ahead.insert(begin, (first, last));
            } else {
                let merged = (first.min(ahead[begin].0), last.max(ahead[end - 1].1));
                ahead.splice(begin..end, [merged]);
            }
        }
        if let Some(ahead) = &mut self.ahead {
            let reached = ahead.iter().take_while(|(first, _)| *first <= self.upto.saturating_add(1)).count();
            if let Some((_, last)) = ahead.drain(..reached).next_back() {
                self.upto = self.upto.max(last);
            }
            if ahead.is_empty() {
                self.ahead = None;
            }
        }
        true
    }

    fn ahead(&self) -> &[(u64, u64)] {
        self.ahead.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The stretches that have come, or are no longer to be had, ascending.
    pub fn held(&self) -> impl Iterator<Item = (u64, u64)> {
        std::iter::once((1, self.upto)).filter(|(first, last)| first <= last).chain(self.ahead().iter().copied())
    }

    /// The stretches up to `limit` that have not come, ascending.
    pub fn missing(&self, limit: u64) -> impl Iterator<Item = (u64, u64)> {
        let ends = self.ahead().iter().map(|(first, last)| (first - 1, last + 1)).chain([(limit, u64::MAX)]);
        let gaps = ends.scan(self.upto + 1, |next, (last, after)| Some((std::mem::replace(next, after), last)));
        gaps.map(move |(first, last)| (first, last.min(limit)))
            .take_while(move |(first, _)| *first <= limit)
            .filter(|(first, last)| first <= last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_is_taken_exactly_once_and_what_is_missing_is_known(
            steps in prop::collection::vec((1_u64..80, 0_u64..4), 0..200),
            limit in 0_u64..100,
        ) {
            let (mut seen, mut model) = (Seen::default(), BTreeSet::new());
            for (number, more) in steps {
                if more == 0 {
                    let expected = if model.insert(number) { Insert::New } else { Insert::Known };
                    prop_assert_eq!(seen.insert(number), expected);
                } else {
                    prop_assert!(seen.fill(number, number + more));
                    model.extend(number..=number + more);
                }
                prop_assert!(seen.contains(number));
                prop_assert_eq!(seen.contains_all(number, limit.max(number)), (number..=limit.max(number)).all(|one| model.contains(&one)));
                prop_assert_eq!(seen.highest(), model.last().copied().unwrap_or(0));
                prop_assert!((1..=seen.upto()).all(|number| model.contains(&number)) && !model.contains(&(seen.upto() + 1)));
                let missing: BTreeSet<u64> = seen.missing(limit).flat_map(|(first, last)| first..=last).collect();
                prop_assert_eq!(missing, (1..=limit).filter(|number| !model.contains(number)).collect::<BTreeSet<_>>());
                prop_assert_eq!(seen.has_gap(), seen.highest() > seen.upto());
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_next_is_always_taken() {
        let mut seen = Seen::default();
        for number in 2..10_000 {
            seen.insert(number * 2);
        }
        assert_eq!(seen.ahead().len(), MAX_STRETCHES);
        assert_eq!(seen.insert(30_000), Insert::Refused);
        assert_eq!(seen.insert(1), Insert::New);
        assert_eq!(seen.insert(crate::wire::broadcast::MAX_SEQUENCE), Insert::Refused);
    }
}
