//! Broadcast: Plumtree (Leitão, Pereira, Rodrigues 2007), and the repair of gaps.

mod config;
mod messages;

pub use config::BroadcastConfig;
pub use messages::{Delivered, Publish, Published, Redundant};
