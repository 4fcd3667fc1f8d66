//! Which frame numbers of a direction have come: a sliding window, as in RFC 4303 section 3.4.3.

use super::CloseReason;

/// The numbers that have come. Those less than 64 times `WORDS` below the highest may still come, over a service that reorders.
///
/// The bits are a ring, as RFC 6479 lays them out, so that nothing is shifted.
#[derive(Clone, Debug)]
pub struct ReplayWindow<const WORDS: usize = 1> {
    /// The number after the highest that has come.
    next: u64,
    /// Bit `n` of the ring stands for the latest number below `next` that leaves the remainder `n`.
    seen: [u64; WORDS],
}

impl<const WORDS: usize> Default for ReplayWindow<WORDS> {
    fn default() -> Self {
        Self { next: 0, seen: [0; WORDS] }
    }
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    const LENGTH: u64 = 64 * WORDS as u64;

    /// The number after the highest that has come.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether [`accept`](Self::accept) would take `number`; changes nothing.
    ///
    /// # Errors
    /// [`CloseReason::Replay`] if it has come before, is too old to tell or, `in_order`, is not the next one.
    pub fn check(&self, number: u64, in_order: bool) -> Result<(), CloseReason> {
        let fresh = if in_order {
            number == self.next
        } else if number >= self.next {
            number < u64::MAX
        } else {
            let (word, bit) = Self::place(number);
            self.next - number <= Self::LENGTH && self.seen[word] & bit == 0
        };
        fresh.then_some(()).ok_or(CloseReason::Replay)
    }

    /// Takes `number`. Call it only once the frame has been authenticated.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn accept(&mut self, number: u64, in_order: bool) -> Result<(), CloseReason> {
        self.check(number, in_order)?;
        if number >= self.next {
            if number - self.next >= Self::LENGTH {
                self.seen = [0; WORDS];
            } else {
                for passed in self.next..number {
                    let (word, bit) = Self::place(passed);
                    self.seen[word] &= !bit;
                }
            }
            self.next = number + 1;
        }
        let (word, bit) = Self::place(number);
        self.seen[word] |= bit;
        Ok(())
    }

    fn place(number: u64) -> (usize, u64) {
        let place = number % Self::LENGTH;
        ((place / 64) as usize, 1 << (place % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn is_as_a_set<const WORDS: usize>(numbers: &[u64]) -> Result<(), TestCaseError> {
        let mut window = ReplayWindow::<WORDS>::default();
        let mut accepted = BTreeSet::new();
        for number in numbers {
            let recent = accepted.last().is_none_or(|highest| number + 64 * WORDS as u64 > *highest);
            let taken = window.accept(*number, false).is_ok();
            prop_assert_eq!(taken, recent && !accepted.contains(number));
            if taken {
                accepted.insert(*number);
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_number_is_accepted_twice_and_every_recent_new_one_is(
            numbers in prop::collection::vec(0_u64..200, 0..400), far in prop::collection::vec(0_u64..1000, 0..400),
        ) {
            is_as_a_set::<1>(&numbers)?;
            is_as_a_set::<1>(&far)?;
            is_as_a_set::<3>(&far)?;
        }
    }

    #[test]
    fn in_order_only_the_next_number_will_do() {
        let mut window = ReplayWindow::<1>::default();
        assert_eq!(window.accept(0, true), Ok(()));
        assert_eq!(window.accept(0, true), Err(CloseReason::Replay));
        assert_eq!(window.accept(2, true), Err(CloseReason::Replay));
        assert_eq!(window.accept(1, true), Ok(()));
    }
}
