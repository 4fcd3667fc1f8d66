//! The simulator: worlds under virtual time, an in-memory transport, faults, and what is observed.

pub mod trace;
pub mod transport;
