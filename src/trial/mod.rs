//! A trial: a scenario played by nodes of one or several worlds, on whatever [`Carrier`] carries it, and what is observed of it.
//!
//! A [`Plan`] is drawn from the scenario and the seed before the first tick. [`NodesPlugin`] starts, stops and strikes nodes as the
//! timeline says, [`WorkloadPlugin`] lets them speak, [`ObservePlugin`] holds what they tell against the truth, and
//! [`into_record`] makes a record of it. The simulator and the swarm on real sockets play the same trials.

mod acts;
mod adversary;
mod carrier;
mod graph;
mod meta;
mod nodes;
mod observe;
mod plan;
mod streams;
mod timeline;
mod trace;
mod truth;
mod workload;

pub use acts::Deed;
pub use adversary::AdversaryPlugin;
pub use carrier::Carrier;
pub use meta::complete;
pub use nodes::{Directory, NodesPlugin, Planned};
pub use observe::{ObservePlugin, into_record, take_sample};
pub use plan::{Plan, PlanError};
pub use streams::{Purpose, stream};
pub use timeline::{Action, Moment, Timeline};
pub use trace::Trace;
pub use truth::Truth;
pub use workload::WorkloadPlugin;
