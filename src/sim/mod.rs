//! The simulator: a scenario, worlds under virtual time, an in-memory network with faults, and what is observed.

pub mod scenario;
