//! The live node: the same plugins over real sockets.

mod config;

pub use config::{DEFAULT_NETWORK, MeshConfig, RecordConfig};
