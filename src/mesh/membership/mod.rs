//! Membership: Scuttlebutt anti-entropy over signed namespaces.

mod config;
mod messages;

pub use config::MembershipConfig;
pub use messages::{Heartbeat, MemberForgotten, MemberJoined};
