//! Liveness: encrypted pings, round-trip times, time-outs.

mod components;
mod config;

pub use components::RoundTrip;
pub use config::LivenessConfig;
