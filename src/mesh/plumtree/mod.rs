//! Plumtree as a state machine: what comes in, what is due, and what follows. No ECS; a link is a name.
//!
//! [`broadcast`](super::broadcast) has one for each node, [`topics`](super::topics) one for each topic that a node takes part in.

mod announcing;
mod awaited;
mod config;
mod effects;
mod grafting;
mod log;
mod origins;
mod repair;
mod seen;
mod shaper;
mod tree;

pub use config::BroadcastConfig;
pub(in crate::mesh) use effects::{Effect, Moment, Outlet};
pub(in crate::mesh) use tree::Plumtree;

#[cfg(test)]
mod tests;
