//! A scenario on a command line.

use super::{Loaded, check, load};

/// A scenario, and changes to it.
#[derive(clap::Args, Clone, Debug)]
pub struct ScenarioArgs {
    /// The scenario: a file, or a name that is also looked for in scenarios/.
    #[arg(long, value_name = "FILE")]
    pub scenario: String,
    /// Seed of everything random, instead of the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<String>,
    /// How many nodes, instead of the scenario's number.
    #[arg(long, value_name = "N")]
    pub nodes: Option<String>,
    /// Simulated time, as `90s` or `1m 30s`, instead of the scenario's.
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,
    /// Sets one value of the scenario, as `network.link.jitter=5ms`, `faults.0.at=10s`, `protocols.discovery=None`; may be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

impl ScenarioArgs {
    /// The scenario with its changes, checked.
    ///
    /// # Errors
    /// What is wrong, as one message.
    pub fn load(&self) -> Result<Loaded, String> {
        let loaded = self.load_unchecked()?;
        check(&loaded).map_err(|error| error.to_string())?;
        Ok(loaded)
    }

    /// The scenario with its changes: something else may change before it makes sense.
    ///
    /// # Errors
    /// What is wrong, as one message.
    pub fn load_unchecked(&self) -> Result<Loaded, String> {
        let mut loaded = load(&self.scenario).map_err(|error| error.to_string())?;
        let fields = [("--seed", "seed", &self.seed), ("--nodes", "nodes", &self.nodes), ("--duration", "duration", &self.duration)];
        for (option, field, value) in fields {
            if let Some(value) = value {
                loaded.set_field(option, field, value).map_err(|error| error.to_string())?;
            }
        }
        for assignment in &self.set {
            loaded.set(assignment).map_err(|error| error.to_string())?;
        }
        Ok(loaded)
    }
}
