//! A stream of random bytes that cannot be run backwards.

use std::convert::Infallible;

use rand::{Rng, SeedableRng, TryRng};
use rand_chacha::ChaCha20Rng;

use super::Secret;

/// Random bytes that keys are made of. After each draw it begins anew with a key of its own making: whoever steals it learns what will be
/// drawn, and nothing of what was. (ChaCha alone can be run backwards: its state is its seed and a counter.)
#[derive(Clone, Debug)]
pub struct ErasingRng(ChaCha20Rng);

impl From<Secret> for ErasingRng {
    fn from(seed: Secret) -> Self {
        Self(ChaCha20Rng::from_seed(seed.0))
    }
}

impl TryRng for ErasingRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(into);
        let mut next = Secret([0; 32]);
        self.0.fill_bytes(&mut next.0);
        self.0 = ChaCha20Rng::from_seed(next.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_steals_it_knows_what_comes_and_nothing_of_what_was() {
        let mut rng = ErasingRng::from(Secret([7; 32]));
        let mut drawn = [0; 32];
        rng.fill_bytes(&mut drawn);
        let mut stolen = rng.clone();
        assert_eq!(stolen.next_u64(), rng.next_u64());
        // The beginning of the stream that it has now is not the one that it had.
        let mut from_the_beginning = stolen.0.clone();
        from_the_beginning.set_word_pos(0);
        let mut bytes = [0; 4096];
        from_the_beginning.fill_bytes(&mut bytes);
        assert!(!bytes.windows(32).any(|window| window == drawn));
        // The same seed still gives the same draws.
        let mut again = ErasingRng::from(Secret([7; 32]));
        let mut bytes = [0; 32];
        again.fill_bytes(&mut bytes);
        assert_eq!(bytes, drawn);
    }
}
