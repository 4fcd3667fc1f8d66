//! The promises of the seam, kept; and that it does not matter how a run is divided over worlds.

mod conformance;
mod harness;
mod properties;
