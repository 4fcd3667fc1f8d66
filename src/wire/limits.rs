//! Bounds on everything that is read from others.

use super::frame::SEAL_OVERHEAD;

/// Longest frame in bytes: what Noise allows for one message.
pub const MAX_FRAME: usize = 65_535;
/// Longest encoded message in bytes.
pub const MAX_MESSAGE: usize = MAX_FRAME - SEAL_OVERHEAD;
/// Longest payload of a broadcast in bytes. What is longer must be split by its sender.
pub const MAX_PAYLOAD: usize = 60_000;
