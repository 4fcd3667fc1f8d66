//! Where snow takes its primitives from: its own, but for randomness, which is the node's.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};

/// A resolver whose random numbers come from a generator seeded once for each handshake.
pub(super) struct SeededResolver(ChaCha20Rng);

impl SeededResolver {
    /// Draws a seed from the node's stream.
    pub(super) fn new(rng: &mut impl Rng) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// Another generator, for another purpose of the same handshake.
    pub(super) fn fork(&mut self) -> Self {
        Self::new(&mut self.0)
    }
}

struct Seeded(ChaCha20Rng);

impl Random for Seeded {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoResolver for SeededResolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Seeded(self.0.clone())))
    }
    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }
    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }
    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        // The same bytes, faster: bench `channel`.
        #[cfg(feature = "live")]
        if let Some(fast) = snow::resolvers::RingResolver.resolve_cipher(choice) {
            return Some(fast);
        }
        DefaultResolver.resolve_cipher(choice)
    }
}
