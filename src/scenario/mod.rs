//! A scenario: everything that decides a run, as it stands in a `.ron` file.
//!
//! ```
//! use murmuration::scenario::{check, parse};
//!
//! let mut loaded = parse(r#"(nodes: 10, duration: "1m")"#, "ten.ron".into())?;
//! loaded.set("network.link.loss=Independent(0.1)")?;
//! check(&loaded)?;
//!
//! // A mistake is told with its place, and the nearest right spelling.
//! let mistake = loaded.set("network.link.los=None").unwrap_err().to_string();
//! assert!(mistake.contains("did you mean `loss`?"), "{mistake}");
//! # Ok::<(), murmuration::scenario::ScenarioError>(())
//! ```

mod act;
mod adversary;
mod args;
mod check;
mod error;
mod expectation;
mod fault;
mod load;
mod network;
mod save;
mod select;
mod set;
mod text;
mod workload;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::mesh::{Dissemination, Graph, Overlay, Protocols};
pub use act::{Act, ActKind};
pub use adversary::Adversary;
pub use args::ScenarioArgs;
pub use check::{available_memory, check, memory_estimate};
pub use error::{ErrorPlace, ScenarioError, harmless, nearest};
pub use expectation::{Expectation, Reader, Since, Texts};
pub use fault::{Churn, Fault, FaultKind, Lifetime};
pub use load::{Loaded, list, load, parse, to_ron};
pub use network::{Latency, LinkRule, LinkSpec, Loss, Network, Regions, Reorder, ServiceKind};
pub use save::{MATRIX_FILE, SCENARIO_FILE, is_of_a_result, save};
pub use select::{Selection, SelectionError};
pub use workload::{Arrivals, Start, Workload, WorkloadKind};

use crate::crypto::CryptoMode;

/// A scenario. Every field but `nodes` and `duration` has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name; that of the file if it is empty.
    #[serde(default)]
    pub name: String,
    /// One line on what it shows.
    #[serde(default)]
    pub about: String,
    /// How many nodes.
    pub nodes: u32,
    /// Simulated time.
    #[serde(with = "humantime_serde")]
    pub duration: Duration,
    /// Length of a tick; the smallest latency if that is shorter, since nothing that is sent in a tick may arrive in it. What happens to a
    /// node within a tick is handled by protocol first, then by time: shorter ticks are truer, longer ones faster.
    #[serde(default = "one_millisecond", with = "humantime_serde")]
    pub tick: Duration,
    /// Seed of everything random, unless the command line gives another.
    #[serde(default = "one")]
    pub seed: u64,
    /// Whether cryptography is computed.
    #[serde(default)]
    pub crypto: CryptoMode,
    /// Named sets of nodes, for the network, faults and workloads to refer to.
    #[serde(default, deserialize_with = "select::named")]
    pub groups: BTreeMap<String, Selection>,
    /// The network between the nodes.
    #[serde(default)]
    pub network: Network,
    /// Which protocols run, and how they are configured.
    #[serde(default)]
    pub protocols: Protocols,
    /// How the nodes come to be.
    #[serde(default)]
    pub start: Start,
    /// What goes wrong, and when.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Nodes that come and go all the time.
    #[serde(default)]
    pub churn: Option<Churn>,
    /// What people do, and when.
    #[serde(default)]
    pub acts: Vec<Act>,
    /// What is said again and again.
    #[serde(default)]
    pub workload: Vec<Workload>,
    /// Who means harm.
    #[serde(default)]
    pub adversaries: Vec<Adversary>,
    /// What must hold.
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// Time between two samples of the time series.
    #[serde(default = "quarter_second", with = "humantime_serde")]
    pub sample_interval: Duration,
}

impl Scenario {
    /// A scenario in which everything but its name, its size and its length is the default.
    pub fn new(name: &str, nodes: u32, duration: Duration) -> Self {
        Self {
            name: name.to_owned(),
            about: String::new(),
            nodes,
            duration,
            tick: one_millisecond(),
            seed: one(),
            crypto: CryptoMode::default(),
            groups: BTreeMap::new(),
            network: Network::default(),
            protocols: Protocols::default(),
            start: Start::default(),
            faults: Vec::new(),
            churn: None,
            acts: Vec::new(),
            workload: Vec::new(),
            adversaries: Vec::new(),
            expect: Vec::new(),
            sample_interval: quarter_second(),
        }
    }
}

fn one() -> u64 {
    1
}

fn one_millisecond() -> Duration {
    Duration::from_millis(1)
}

fn quarter_second() -> Duration {
    Duration::from_millis(250)
}
