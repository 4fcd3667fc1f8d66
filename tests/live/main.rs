//! Nodes on real sockets, in this process.

#![expect(clippy::unwrap_used, reason = "what a test cannot do makes it fail")]

mod chat;
mod closed;
mod hostile;
mod nodes;
mod recording;
