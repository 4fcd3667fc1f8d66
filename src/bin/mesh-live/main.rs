//! `mesh-live`: a mesh node on real sockets.

mod chat;
mod end;
mod id;
mod key;
mod log;
mod node;
mod run;
mod swarm;
mod tui;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use murmuration::crypto::Secret;
use murmuration::live::data_dir::{self, DataDir};

/// A node of a peer-to-peer mesh.
///
/// Exit status: 0 if it ended as it was asked to, 1 if an expectation of a scenario did not hold, 2 for bad input, or if
/// the program itself failed.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a node until it is interrupted.
    Run(Box<run::Args>),
    /// Runs a node to talk with: each line of the standard input is said to all, or is a command; /help lists them.
    Chat(Box<chat::Args>),
    /// Runs a node and shows its chat in this terminal. At the first start it asks who you are and whom you know.
    Tui(Box<run::Args>),
    /// Runs many nodes in this process, over the loopback interface: a demonstration, a load, or a scenario in wall time.
    Swarm(swarm::Args),
    /// Prints the identity, and makes one if there is none.
    Id(id::Args),
    /// Makes a key for a network.
    Key(key::Args),
}

/// Whose data it is.
#[derive(clap::Args)]
struct Owner {
    /// Folder of the identity, the configuration and the peers known last time; `~/.config/mesh-live` if not given.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The identity of this seed, 64 hex digits, instead of that in the data directory. Others on this machine can see it: for tests.
    #[arg(long, value_name = "HEX")]
    keypair_seed: Option<String>,
}

impl Owner {
    fn folder(&self) -> Result<PathBuf, String> {
        self.data_dir.clone().map_or_else(DataDir::default_path, Ok).map_err(|error| error.to_string())
    }

    /// The seed that was given. It is read here, since a complaint by the reader of flags would repeat it.
    fn keypair_seed(&self) -> Result<Option<Secret>, String> {
        let seed = self.keypair_seed.as_deref().map(data_dir::key_from_hex);
        seed.transpose().map_err(|error| format!("--keypair-seed: {error}"))
    }
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Run(args) => run::run(&args).map(|()| Ended::Well),
        Command::Chat(args) => chat::chat(&args).map(|()| Ended::Well),
        Command::Tui(args) => tui::tui(&args).map(|()| Ended::Well),
        Command::Swarm(args) => swarm::swarm(&args),
        Command::Id(args) => id::id(&args).map(|()| Ended::Well),
        Command::Key(args) => key::key(&args).map(|()| Ended::Well),
    };
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::NotHeld) => ExitCode::from(1),
        Err(message) => {
            complain(&format!("error: {message}"));
            ExitCode::from(2)
        }
    }
}

/// How a command ended that was given good input.
enum Ended {
    /// As it should.
    Well,
    /// An expectation of the scenario did not hold.
    NotHeld,
}

/// Whether the standard output shows colours: a terminal, unless `NO_COLOR` says otherwise.
fn is_coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes a line to the standard output. Whoever closed it does not want to know.
fn say(line: &str) {
    let _ = try_say(line);
}

/// Writes what was asked for to the standard output: if that fails it was not given, unless nobody wants it any more.
fn answer(line: &str) -> Result<(), String> {
    match try_say(line) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("the standard output cannot be written to: {error}")),
        _ => Ok(()),
    }
}

/// Writes a line to the standard output.
fn try_say(line: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush())
}

/// Writes a line to the standard error.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
