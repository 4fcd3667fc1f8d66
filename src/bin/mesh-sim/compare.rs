//! `mesh-sim compare`: two results side by side.

use std::path::{Path, PathBuf};

use murmuration::report::compare::{Comparison, Excess, Tolerance, terminal_comparison};
use murmuration::report::{self, Summary};
use murmuration::scenario::{self, Scenario};
use serde::Serialize;

use crate::{Outcome, is_coloured, say};
use murmuration::scenario::SCENARIO_FILE;

#[derive(clap::Args)]
pub struct Args {
    /// The folder of a result: what the other is measured against.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The folder of another.
    #[arg(value_name = "B")]
    b: PathBuf,
    /// By how much a figure may differ, as `reliability=0`, `convergence=2s`, `latency_p99=50%` (of A); may be repeated. The exit status
    /// is 1 if one differs by more, or if only one result has it. `--json` shows the names and units of all figures.
    #[arg(long, value_name = "NAME=BOUND")]
    tolerance: Vec<String>,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    folders: [&'a Path; 2],
    #[serde(flatten)]
    comparison: &'a Comparison,
    beyond_tolerance: &'a [Excess],
}

pub fn compare(args: &Args) -> Result<Outcome, String> {
    let parse = |text: &String| text.parse::<Tolerance>().map_err(|error| format!("--tolerance: {error}"));
    let tolerances = args.tolerance.iter().map(parse).collect::<Result<Vec<Tolerance>, String>>()?;
    let mut comparison = report::compare(&read(&args.a)?, &read(&args.b)?);
    if let (Some(a), Some(b)) = (what_was_run(&args.a), what_was_run(&args.b)) {
        comparison = comparison.with_scenarios(&a, &with_matrix_of(&a, b));
    }
    let beyond = comparison.within(&tolerances);
    if args.json {
        let json = Json { folders: [&args.a, &args.b], comparison: &comparison, beyond_tolerance: &beyond };
        say(&serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?);
    } else {
        let names = [&args.a, &args.b].map(|folder| folder.display().to_string());
        say(terminal_comparison(&comparison, [&names[0], &names[1]], &tolerances, is_coloured()).trim_end());
    }
    Ok(if beyond.is_empty() { Outcome::Held } else { Outcome::NotHeld })
}

fn read(folder: &Path) -> Result<Summary, String> {
    if !folder.join("summary.json").is_file() {
        return Err(format!("{} holds no summary.json: it is not the folder of a result", folder.display()));
    }
    report::read_summary(folder).map_err(|error| error.to_string())
}

/// The scenario beside the summary. A comparison does without it: it may have been written by another version.
fn what_was_run(folder: &Path) -> Option<Scenario> {
    scenario::load(&folder.join(SCENARIO_FILE).to_string_lossy()).ok().map(|loaded| loaded.scenario)
}

/// Each result has its own copy of a matrix: copies that are the same are no difference.
fn with_matrix_of(a: &Scenario, mut b: Scenario) -> Scenario {
    if let (Some(ours), Some(theirs)) = (&a.network.regions, &mut b.network.regions)
        && let (Ok(one), Ok(other)) = (std::fs::read(&ours.matrix), std::fs::read(&theirs.matrix))
        && one == other
    {
        theirs.matrix.clone_from(&ours.matrix);
    }
    b
}
