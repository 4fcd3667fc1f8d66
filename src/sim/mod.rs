//! The simulator: trials in worlds under virtual time, over an in-memory transport.
//!
//! [`run`] draws a [`Plan`](crate::trial::Plan) from the scenario and the seed, builds one or several worlds over it, lets them run to
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

mod run;
pub mod transport;
mod worlds;

pub use run::{RunOptions, run};
pub use worlds::build;
