//! The live node: the same plugins over real sockets.

mod clock;
mod config;
pub mod sockets;

pub use clock::{WallClock, since_1970};
pub use config::{DEFAULT_NETWORK, MeshConfig, RecordConfig};
