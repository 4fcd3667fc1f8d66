//! The live node: the same plugins over real sockets.

mod config;
pub mod observe;

pub use config::{DEFAULT_NETWORK, MeshConfig, RecordConfig};
