//! Discovery: hellos on the local segment, seeds with exponential back-off, and those who were lost.

mod config;
mod messages;

pub use config::DiscoveryConfig;
pub use messages::{WentOffline, WentOnline};
