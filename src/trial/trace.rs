//! The digest of a run: two sums of hashes, one of the frames that were delivered and one of what happened otherwise.
//!
//! A sum does not depend on the order of its terms, so the digests of several worlds add up to that of the whole, and order
//! is still covered: each term holds the instant, the node and the sender's own sequence number.

use bevy_ecs::prelude::*;
use twox_hash::XxHash3_64;

use crate::kernel::Instant;

/// The digest so far.
#[derive(Resource, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    frames: u64,
    events: u64,
}

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
        self.frames = self.frames.wrapping_add(XxHash3_64::oneshot(&term));
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
        self.events = self.events.wrapping_add(XxHash3_64::oneshot(&term));
    }

    /// Adds the digest of another world of the same run.
    pub fn merge(&mut self, other: Self) {
        self.frames = self.frames.wrapping_add(other.frames);
        self.events = self.events.wrapping_add(other.events);
    }

    /// The digest in 32 hexadecimal digits: 16 of the frames, 16 of the rest.
    pub fn hex(self) -> String {
        format!("{:016x}{:016x}", self.frames, self.events)
    }
}
