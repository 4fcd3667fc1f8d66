//! `mesh-live`: a mesh node on real sockets.
fn main() {}
