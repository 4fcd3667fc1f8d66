//! The simulator: worlds under virtual time, an in-memory transport, faults, and what is observed.
//!
//! [`run`] draws a [`Plan`] from the scenario and the seed, builds one or several worlds over it, lets them run to
//! the end, and makes a [`RunRecord`] of what they observed. The record is the same whatever the number of threads.
//!
//! ```
//! use murmuration::report::judge;
//! use murmuration::scenario::parse;
//! use murmuration::sim::{RunOptions, run};
//!
//! let text = r#"(nodes: 5, duration: "10s", crypto: Modelled, expect: [AllMembersKnown(within: "5s"), Connected])"#;
//! let scenario = parse(text, "five.ron".into())?.scenario;
//! let record = run(&scenario, &RunOptions::default())?;
//! assert!(judge(&scenario, &record).iter().all(|verdict| verdict.held));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`RunRecord`]: crate::report::RunRecord

mod graph;
mod nodes;
mod observe;
mod plan;
mod run;
mod streams;
mod timeline;
mod trace;
pub mod transport;
mod truth;
mod workload;
mod worlds;

pub use nodes::{Directory, Planned};
pub use plan::Plan;
pub use run::{RunError, RunOptions, run};
pub use trace::Trace;
pub use workload::MIN_PAYLOAD;
pub use worlds::build;
