//! Which messages of one origin's life have come: all up to a mark, and some beyond.

use std::collections::VecDeque;

/// Most numbers beyond the mark that are remembered. What is further ahead is refused, and fetched when the gap has closed.
const MAX_AHEAD: usize = 4096;

/// The numbers that have come. A number is never forgotten, so a message is never delivered twice.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// All numbers up to this one have come, or are no longer to be had.
    upto: u64,
    /// Numbers beyond, ascending.
    ahead: VecDeque<u64>,
}

impl Seen {
    /// All numbers up to this one have come, or are no longer to be had.
    pub fn upto(&self) -> u64 {
        self.upto
    }

    /// Whether `sequence` has come.
    pub fn contains(&self, sequence: u64) -> bool {
        sequence <= self.upto || self.ahead.binary_search(&sequence).is_ok()
    }

    /// Notes that `sequence` came; false if it had come before or is too far ahead to be remembered.
    pub fn insert(&mut self, sequence: u64) -> bool {
        if sequence == self.upto + 1 {
            self.upto = sequence;
            self.absorb();
            return true;
        }
        if sequence <= self.upto || self.ahead.len() >= MAX_AHEAD {
            return false;
        }
        match self.ahead.binary_search(&sequence) {
            Ok(_) => false,
            Err(place) => {
                self.ahead.insert(place, sequence);
                true
            }
        }
    }

    /// The first gap: numbers that have not come though a later one has.
    pub fn gap(&self) -> Option<(u64, u64)> {
        self.ahead.front().map(|first| (self.upto + 1, first - 1))
    }

    /// Gives up what is missing up to `sequence`.
    pub fn give_up(&mut self, sequence: u64) {
        if sequence > self.upto {
            self.upto = sequence;
            self.ahead.retain(|ahead| *ahead > sequence);
            self.absorb();
        }
    }

    fn absorb(&mut self) {
        while self.ahead.front() == Some(&(self.upto + 1)) {
            self.ahead.pop_front();
            self.upto += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_is_taken_exactly_once(numbers in prop::collection::vec(1_u64..60, 0..200)) {
            let (mut seen, mut model) = (Seen::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(seen.insert(number), model.insert(number));
                prop_assert!(seen.contains(number));
                if let Some((from, upto)) = seen.gap() {
                    prop_assert!((from..=upto).all(|missing| !model.contains(&missing)));
                }
            }
        }
    }

    #[test]
    fn what_is_given_up_counts_as_come() {
        let mut seen = Seen::default();
        assert!(seen.insert(3) && seen.insert(5));
        assert_eq!(seen.gap(), Some((1, 2)));
        seen.give_up(2);
        assert_eq!((seen.upto(), seen.gap()), (3, Some((4, 4))));
        assert!(!seen.insert(2));
    }
}
