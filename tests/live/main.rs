//! Nodes on real sockets, in this process.

mod hostile;
mod nodes;
