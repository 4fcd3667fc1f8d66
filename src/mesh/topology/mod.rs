//! Topology: a connected graph in which every node has few links.

mod config;

pub use config::TopologyConfig;
