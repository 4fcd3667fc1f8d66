//! The live node: the same plugins over real sockets.

mod advertise;
pub mod chat;
mod clock;
mod config;
pub mod data_dir;
pub mod engine;
mod event;
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
mod throttle;
mod view;

pub use clock::{WallClock, since_1970};
pub use config::{DEFAULT_NETWORK, MeshConfig, RecordConfig};
pub use engine::{Engine, Request};
pub use event::MeshEvent;
pub use events::{Events, EventsPlugin};
pub use link_model::{LinkShaper, place_of};
pub use network::{network_key, network_tag};
pub use node::{MeshNode, NodeDied, NodeStopped, SendError, Subscription};
pub use recorder::{RecordCounts, RecordError};
pub use start::{StartError, install};
pub use view::{ConnectionInfo, MemberInfo};
