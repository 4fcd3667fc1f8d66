//! What liveness knows of a session.

use std::time::Duration;

use bevy_ecs::prelude::*;

/// The round-trip time of a session, once a pong has come.
#[derive(Component, Default, Clone, Copy, Debug)]
pub struct RoundTrip {
    /// Of the last answered ping.
    pub current: Option<Duration>,
    /// Shortest so far.
    pub min: Option<Duration>,
    /// Longest so far.
    pub max: Option<Duration>,
    /// Exponential moving average with weight 1/8 for the newest; the first sample as it is (row D06).
    pub average: Option<Duration>,
}
