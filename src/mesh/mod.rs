//! The protocols: one folder each, one plugin each. Removing one is removing its folder and its line here.
//!
//! A protocol reads ECS messages, changes its own components and writes ECS messages. It knows no socket, no clock of the
//! operating system, no thread and no randomness but its node's; and none of another protocol's components.

pub mod admission;
pub mod broadcast;
pub mod chat;
pub mod detection;
pub mod discovery;
pub mod handshake;
pub mod leave;
pub mod liveness;
pub mod membership;
pub mod pinned;
mod plugins;
mod plumtree;
pub mod prekeys;
pub mod routing;
pub mod topics;
pub mod topology;

pub use plugins::{Dissemination, Graph, MeshPlugins, Overlay, Protocols};
