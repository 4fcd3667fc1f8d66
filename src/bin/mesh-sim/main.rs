//! `mesh-sim`: runs a mesh in the deterministic simulator, from a scenario.

mod check;
mod compare;
mod list;
mod plot;
mod replay;
mod run;
mod sweep;
mod verify;

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A peer-to-peer mesh in a deterministic simulator.
///
/// The same scenario and the same seed give the same run, on any machine and with any number of threads.
///
/// Exit status: 0 if every expectation held, 1 if one did not, 2 for bad input or if the output cannot be
/// written.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    scenario: Option<murmuration::scenario::ScenarioArgs>,
    #[command(flatten)]
    run: run::Args,
}

#[derive(Subcommand)]
enum Command {
    /// Says which scenarios there are in scenarios/.
    List,
    /// Says whether a scenario can be run, without running it.
    Check(check::Args),
    /// Draws the pictures of a result again, from its CSV files.
    Plot(plot::Args),
    /// Runs a scenario many times with other values and seeds, and compares.
    Sweep(sweep::Args),
    /// Puts two results side by side, and says what differs.
    Compare(compare::Args),
    /// Runs again what a result records, and says whether it comes out the same.
    Verify(verify::Args),
    Replay(replay::Args),
}

/// How a command ended that was given good input.
enum Outcome {
    /// Every expectation held.
    Held,
    /// One did not.
    NotHeld,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match (cli.command, cli.scenario) {
        (Some(Command::List), _) => list::list(),
        (Some(Command::Check(args)), _) => check::check(&args),
        (Some(Command::Plot(args)), _) => plot::plot(&args),
        (Some(Command::Sweep(args)), _) => sweep::sweep(&args),
        (Some(Command::Compare(args)), _) => compare::compare(&args),
        (Some(Command::Verify(args)), _) => verify::verify(&args),
        (Some(Command::Replay(args)), _) => replay::replay(&args),
        (None, Some(scenario)) => run::run(&scenario, &cli.run),
        (None, None) => Err("no scenario is given: name one with --scenario".to_owned()),
    };
    match outcome {
        Ok(Outcome::Held) => ExitCode::SUCCESS,
        Ok(Outcome::NotHeld) => ExitCode::from(1),
        Err(message) => {
            complain(&format!("error: {message}"));
            ExitCode::from(2)
        }
    }
}

/// Writes a line to the standard output. Whoever closed it does not want to know; a full disk is no success.
fn say(line: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{line}")
        && error.kind() != ErrorKind::BrokenPipe
    {
        complain(&format!("error: the standard output cannot be written to: {error}"));
        std::process::exit(2);
    }
}

/// Whether the standard output shows colours: a terminal, unless `NO_COLOR` says otherwise.
fn is_coloured() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    std::io::stdout().is_terminal() && !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes a line to the standard error.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
