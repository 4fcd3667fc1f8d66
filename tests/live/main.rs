//! Nodes on real sockets, in this process.

mod nodes;
mod recording;
