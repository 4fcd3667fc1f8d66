//! The live node: the same plugins over real sockets.

mod advertise;
pub mod chat;
mod clock;
mod config;
pub mod data_dir;
pub mod engine;
mod events;
mod life;
mod link_model;
mod network;
mod node;
pub mod observe;
mod recorder;
pub mod settings;
pub mod sockets;
mod start;
pub mod store;
pub mod swarm;

pub use clock::{WallClock, since_1970};
pub use config::{DEFAULT_NETWORK, MeshConfig, RecordConfig};
pub use engine::{Engine, Request};
pub use events::{Events, EventsPlugin, MeshEvent};
pub use link_model::{LinkShaper, place_of};
pub use network::{network_key, network_tag};
pub use node::{ConnectionInfo, MemberInfo, MeshNode, NodeStopped, SendError, Subscription};
pub use recorder::{RecordCounts, RecordError};
pub use start::{StartError, install};
