//! The live node: the same plugins over real sockets.

mod config;
pub mod data_dir;
pub mod settings;

pub use config::{DEFAULT_NETWORK, MeshConfig, RecordConfig};
