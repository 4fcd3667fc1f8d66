//! `mesh-sim --scenario FILE`: the main job.

use std::path::PathBuf;

use murmuration::report::{prepare_output, progress_bar};
use murmuration::scenario::{self, ScenarioArgs};

use crate::{Outcome, complain, is_coloured, say};
use murmuration::{report, sim};

#[derive(clap::Args)]
pub struct Args {
    /// Folder for the results; `output/<scenario>-<seed>/` if not given. A result in it is replaced, nothing else.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads to divide the run over; as many as are likely to pay if not given. They change how long it takes, and nothing else.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Draw no pictures.
    #[arg(long)]
    no_plots: bool,
    /// Say nothing but what went wrong.
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(scenario: &ScenarioArgs, args: &Args) -> Result<Outcome, String> {
    let loaded = scenario.load()?;
    let scenario = &loaded.scenario;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("output/{}-{}", scenario.name, scenario.seed)));
    prepare_output(&folder)?;
    report::check_replaceable(&folder, &loaded.path).map_err(|error| error.to_string())?;

    let bar = progress_bar(1000, args.quiet);
    let progress = |fraction: f64| bar.set_position((fraction * 1000.0) as u64);
    let options = sim::RunOptions {
        threads: args.threads.map_or_else(|| worthwhile_threads(scenario.nodes), usize::from),
        progress: Some(&progress),
        prepare: None,
    };
    let record = sim::run(scenario, &options).map_err(|error| error.to_string());
    bar.finish_and_clear();
    let record = record?;

    let verdicts = report::judge(scenario, &record);
    let unwritable = |error: &dyn std::fmt::Display| format!("the results cannot be written to {}: {error}", folder.display());
    let lock = report::lock(&folder);
    scenario::save(&folder, scenario).map_err(|error| unwritable(&error))?;
    report::write(&folder, &record, &verdicts, !args.no_plots).map_err(|error| unwritable(&error))?;
    drop(lock);

    if args.quiet {
        for verdict in verdicts.iter().filter(|verdict| !verdict.held) {
            complain(&format!("not held: {}: {}", verdict.name, verdict.detail));
        }
    } else {
        say(&report::terminal_summary(&record, &verdicts, is_coloured()));
        say(&format!("results in {}", folder.display()));
    }
    Ok(if verdicts.iter().all(|verdict| verdict.held) { Outcome::Held } else { Outcome::NotHeld })
}

/// Nodes that a thread should have to itself: with fewer, threads wait for each other more than they work.
const NODES_PER_THREAD: usize = 250;

/// As many threads as there are processors, but not more than have enough to do.
pub fn worthwhile_threads(nodes: u32) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (nodes as usize / NODES_PER_THREAD).clamp(1, processors)
}
