//! Pings.

use serde::{Deserialize, Serialize};

/// Whether the other side is still there, and how far away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LivenessMessage {
    /// Answer this.
    Ping(u64),
    /// The answer to the ping of that number.
    Pong(u64),
}
