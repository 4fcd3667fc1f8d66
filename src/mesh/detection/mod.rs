//! Detection: phi accrual (Hayashibara, Défago, Yared, Katayama 2004) over heartbeats.

mod config;
mod messages;

pub use config::DetectionConfig;
pub use messages::{Suspected, Trusted};
