//! `mesh-sim check`

use murmuration::scenario;

use crate::{Outcome, say};

#[derive(clap::Args)]
pub struct Args {
    /// The scenario: a file, or a name that is also looked for in scenarios/.
    #[arg(value_name = "FILE")]
    scenario: String,
}

pub fn check(args: &Args) -> Result<Outcome, String> {
    let loaded = scenario::load(&args.scenario).map_err(|error| error.to_string())?;
    scenario::check(&loaded).map_err(|error| error.to_string())?;
    let it = &loaded.scenario;
    let (nodes, duration) = (it.nodes, humantime::format_duration(it.duration));
    let megabytes = scenario::memory_estimate(it) / 1e6;
    let plural = if nodes == 1 { "node" } else { "nodes" };
    say(&format!("{}: fine; {nodes} {plural}, {duration}, about {megabytes:.0} MB of memory", loaded.path.display()));
    Ok(Outcome::Held)
}
