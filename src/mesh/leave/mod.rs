//! Leave: a graceful goodbye that others report at once.

mod messages;

pub use messages::{MemberLeft, Stopped};
