//! Which frame numbers of a direction have come: a sliding window, as in RFC 4303 section 3.4.3.

use super::CloseReason;

/// Numbers within this distance of the highest may still come, over a service that reorders.
const WINDOW: u64 = 64;

/// The numbers that have come.
#[derive(Default, Clone, Debug)]
pub struct ReplayWindow {
    /// The number after the highest that has come.
    next: u64,
    /// Bit `i` stands for number `next - 1 - i`.
    seen: u64,
}

impl ReplayWindow {
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
            let age = self.next - 1 - number;
            age < WINDOW && self.seen & (1 << age) == 0
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
            let ahead = number - self.next + 1;
            self.seen = if ahead >= WINDOW { 0 } else { self.seen << ahead };
            self.seen |= 1;
            self.next = number + 1;
        } else {
            self.seen |= 1 << (self.next - 1 - number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_number_is_accepted_twice_and_every_recent_new_one_is(numbers in prop::collection::vec(0_u64..200, 0..400)) {
            let mut window = ReplayWindow::default();
            let mut accepted = BTreeSet::new();
            for number in numbers {
                let recent = accepted.last().is_none_or(|highest| number + WINDOW > *highest);
                let taken = window.accept(number, false).is_ok();
                prop_assert_eq!(taken, recent && !accepted.contains(&number));
                if taken {
                    accepted.insert(number);
                }
            }
        }
    }

    #[test]
    fn in_order_only_the_next_number_will_do() {
        let mut window = ReplayWindow::default();
        assert_eq!(window.accept(0, true), Ok(()));
        assert_eq!(window.accept(0, true), Err(CloseReason::Replay));
        assert_eq!(window.accept(2, true), Err(CloseReason::Replay));
        assert_eq!(window.accept(1, true), Ok(()));
    }
}
