//! The digest of what happened.

use bevy_ecs::prelude::*;

use crate::kernel::Instant;

/// A digest of all frames delivered in this world, as a multiset: worlds add theirs up.
#[derive(Resource, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace(u64);

impl Trace {
    /// A frame of `size` bytes was delivered.
    #[inline]
    pub fn frame(&mut self, at: Instant, from: u32, to: u32, sequence: u64, size: u32) {
        let words = [at.as_nanos(), u64::from(from) << 32 | u64::from(to), sequence, u64::from(size)];
        let hash = words.iter().fold(0_u64, |hash, word| (hash.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95));
        self.0 = self.0.wrapping_add(hash);
    }

    /// The digest.
    pub fn digest(&self) -> u64 {
        self.0
    }
}
