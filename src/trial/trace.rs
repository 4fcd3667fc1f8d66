//! The digest of a run: a sum of hashes, one for each thing that happened.
//!
//! A sum does not depend on the order of its terms, so the digests of several worlds add up to that of the whole, and order
//! is still covered: each term holds the instant, the node and the sender's own sequence number.

use bevy_ecs::prelude::*;
use twox_hash::XxHash3_128;

use crate::kernel::Instant;

/// The digest so far.
#[derive(Resource, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace(u128);

impl Trace {
    /// A frame was delivered.
    #[inline]
    pub fn frame(&mut self, at: Instant, from: u32, to: u32, sequence: u64, size: u32) {
        let mut term = [0; 28];
        term[..8].copy_from_slice(&at.as_nanos().to_le_bytes());
        term[8..12].copy_from_slice(&from.to_le_bytes());
        term[12..16].copy_from_slice(&to.to_le_bytes());
        term[16..24].copy_from_slice(&sequence.to_le_bytes());
        term[24..].copy_from_slice(&size.to_le_bytes());
        self.add(&term);
    }

    /// Something happened at a node: what (`kind`), whom it concerns and a number that says more.
    #[inline]
    pub fn event(&mut self, at: Instant, node: u32, kind: u8, peer: u32, value: u64) {
        let mut term = [0; 25];
        term[..8].copy_from_slice(&at.as_nanos().to_le_bytes());
        term[8..12].copy_from_slice(&node.to_le_bytes());
        term[12..16].copy_from_slice(&peer.to_le_bytes());
        term[16..24].copy_from_slice(&value.to_le_bytes());
        term[24] = kind;
        self.add(&term);
    }

    /// Adds the digest of another world of the same run.
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// The digest in 32 hexadecimal digits.
    pub fn hex(self) -> String {
        format!("{:032x}", self.0)
    }

    #[inline]
    fn add(&mut self, term: &[u8]) {
        self.0 = self.0.wrapping_add(XxHash3_128::oneshot(term));
    }
}
