//! Peer-to-peer meshes that can be trusted because they can be seen.
//!
//! A mesh node is an entity, what it knows is its components, what it does is systems. The same plugins run in a simulator
//! with thousands of nodes and in a process with one. `ARCHITECTURE.md` draws the house; these are its floors, each standing
//! only on those above it:
//!
//! - [`crypto`] and [`wire`]: pure functions and the messages that cross a link,
//! - [`kernel`]: time, timers, the tick, nodes and sessions, the transport seam,
//! - [`mesh`]: the protocols, one folder each,
//! - [`gate`]: what enters and leaves a world, as plain values, for transports outside of it,
//! - `scenario`, `link_model` and `report` (feature `sim`): what a run is asked for, what its network does, and what it leaves behind,
//! - `trial` (feature `sim`): a scenario played by nodes of a world, whatever network carries it, and what is observed,
//! - `replay` (feature `sim`): what a node has recorded, run again, also with a parameter changed,
//! - `sim` (feature `sim`): the deterministic simulator,
//! - `live` (feature `live`): the node on real sockets.

pub mod crypto;
pub mod gate;
pub mod kernel;
#[cfg(feature = "sim")]
pub mod link_model;
#[cfg(feature = "live")]
pub mod live;
pub mod mesh;
#[cfg(feature = "sim")]
pub mod replay;
#[cfg(feature = "sim")]
pub mod report;
#[cfg(feature = "sim")]
pub mod scenario;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "sim")]
pub mod trial;
pub mod wire;
