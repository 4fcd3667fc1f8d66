//! What several commands take: a scenario with changes, a folder for results, a number of threads.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use murmuration::scenario::{self, Loaded};

/// A scenario, and changes to it.
#[derive(clap::Args)]
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
    pub fn load(&self) -> Result<Loaded, String> {
        let loaded = self.load_unchecked()?;
        scenario::check(&loaded).map_err(|error| error.to_string())?;
        Ok(loaded)
    }

    /// The scenario with its changes: something else may change before it makes sense.
    pub fn load_unchecked(&self) -> Result<Loaded, String> {
        let mut loaded = scenario::load(&self.scenario).map_err(|error| error.to_string())?;
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

/// Whether results can go to a folder, before time is spent on making them. It need not exist yet.
pub fn check_output(folder: &Path) -> Result<(), String> {
    match folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()).find(|ancestor| ancestor.exists()) {
        Some(existing) if !existing.is_dir() => {
            Err(format!("--out: {} cannot be written to: {} is a file", folder.display(), existing.display()))
        }
        _ => Ok(()),
    }
}

/// A bar of so many steps on the standard error, if that is a terminal and nobody asked for quiet.
pub fn progress_bar(steps: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {elapsed} so far, {eta} to go") {
        bar.set_style(style);
    }
    bar
}
