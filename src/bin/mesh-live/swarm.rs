//! `mesh-live swarm`: many nodes in one process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use murmuration::live::settings::{self, LogFormat};
use murmuration::live::swarm::{self, Load, Progress, Swarm, SwarmConfig};
use murmuration::live::{MeshConfig, MeshEvent, NodeDied};
use murmuration::report::{self, prepare_output, progress_bar};
use murmuration::scenario::{self, Loaded, ScenarioArgs};
use tracing::level_filters::LevelFilter;

use crate::end::End;
use crate::{Ended, answer, complain, is_coloured, log, say};

/// Nodes of a swarm, if nobody says how many.
const NODES: u32 = 20;

#[derive(clap::Args)]
pub struct Args {
    /// How many nodes; 20, or as many as the scenario has.
    #[arg(long, value_name = "N")]
    nodes: Option<u32>,
    /// Play this scenario, in wall time and under its link model, and write the same results as `mesh-sim`.
    #[arg(long, value_name = "FILE")]
    scenario: Option<String>,
    /// Seed of the scenario's links and faults, instead of its own.
    #[arg(long, value_name = "N", requires = "scenario")]
    seed: Option<u64>,
    /// How long it lasts, as `90s` or `1m 30s`; without a scenario until it is interrupted.
    #[arg(long, value_name = "TIME")]
    duration: Option<humantime::Duration>,
    /// Sets one value of the scenario; may be repeated.
    #[arg(long, value_name = "PATH=VALUE", requires = "scenario")]
    set: Vec<String>,
    /// Folder for the results of a scenario; `output/<scenario>-<seed>-live/` if not given.
    #[arg(long, value_name = "DIR", requires = "scenario")]
    out: Option<PathBuf>,
    /// Draw no pictures.
    #[arg(long, requires = "scenario")]
    no_plots: bool,
    /// Broadcasts per second of all nodes together, without a scenario.
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "scenario", allow_negative_numbers = true)]
    rate: Option<f64>,
    /// Bytes of each broadcast.
    #[arg(long, value_name = "BYTES", default_value_t = 64, conflicts_with = "scenario")]
    size: usize,
    /// Serve the metrics of all nodes at this port of this machine only, or at this address with port.
    #[arg(long, value_name = "PORT|ADDR", value_parser = settings::metrics)]
    metrics: Option<SocketAddr>,
    /// How log lines look: `json` or `text`.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,
    /// Say nothing but what went wrong.
    #[arg(long, short)]
    quiet: bool,
}

pub fn swarm(args: &Args) -> Result<Ended, String> {
    log::begin(args.log, LevelFilter::WARN)?;
    match &args.scenario {
        Some(scenario) => play(args, scenario),
        None => mingle(args).map(|()| Ended::Well),
    }
}

fn play(args: &Args, scenario: &str) -> Result<Ended, String> {
    let asked = ScenarioArgs {
        scenario: scenario.to_owned(),
        seed: args.seed.map(|seed| seed.to_string()),
        nodes: args.nodes.map(|nodes| nodes.to_string()),
        duration: args.duration.map(|duration| duration.to_string()),
        set: args.set.clone(),
    };
    let Loaded { scenario, path, .. } = asked.load()?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("output/{}-{}-live", scenario.name, scenario.seed)));
    prepare_output(&folder)?;
    report::check_replaceable(&folder, &path).map_err(|error| error.to_string())?;
    let bar = progress_bar(1000, args.quiet);
    let record = swarm::play(&scenario, args.metrics, &|progress| match progress {
        Progress::Metrics(address) => bar.suspend(|| say(&format!("Metrics on: http://{address}/metrics"))),
        Progress::Done(fraction) => bar.set_position((fraction * 1000.0) as u64),
    });
    bar.finish_and_clear();
    let record = record.map_err(|error| error.to_string())?;
    let verdicts = report::judge(&scenario, &record);
    let unwritable = |error: &dyn std::fmt::Display| format!("the results cannot be written to {}: {error}", folder.display());
    let lock = report::lock(&folder);
    scenario::save(&folder, &scenario).map_err(|error| unwritable(&error))?;
    report::write(&folder, &record, &verdicts, !args.no_plots).map_err(|error| unwritable(&error))?;
    drop(lock);
    if args.quiet {
        for verdict in verdicts.iter().filter(|verdict| !verdict.held) {
            complain(&format!("not held: {}: {}", verdict.name, verdict.detail));
        }
    } else {
        answer(&report::terminal_summary(&record, &verdicts, is_coloured()))?;
        answer(&format!("results in {}", folder.display()))?;
    }
    Ok(if verdicts.iter().all(|verdict| verdict.held) { Ended::Well } else { Ended::NotHeld })
}

/// Lets nodes find each other, and tells what happens.
fn mingle(args: &Args) -> Result<(), String> {
    let nodes = args.nodes.unwrap_or(NODES);
    let load = args.rate.map(|rate| Load { rate, size: args.size });
    let config = SwarmConfig { nodes, mesh: MeshConfig::default(), load, metrics: args.metrics };
    let swarm = Swarm::start(config).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut end = End::new().map_err(|error| format!("the swarm cannot hear that it shall end: {error}"))?;
        say(&format!("{nodes} nodes on the loopback interface"));
        if let Some(address) = swarm.metrics_addr() {
            say(&format!("Metrics on: http://{address}/metrics"));
        }
        let limit = args.duration.map_or(Duration::MAX, Into::into);
        let mut tally = Tally::default();
        let mut events = swarm.subscribe();
        let watch = async {
            let mut tick = tokio::time::interval(Duration::from_secs(1));
            tick.tick().await;
            loop {
                tokio::select! {
                    event = events.recv() => match event {
                        Ok((_, event)) => tally.count(&event),
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(missed)) => tally.missed += missed,
                        Err(_) => return,
                    },
                    _ = tick.tick() => if !args.quiet {
                        say(&tally.line(nodes));
                    },
                }
            }
        };
        tokio::select! {
            () = end.told() => Ok(()),
            () = tokio::time::sleep(limit) => Ok(()),
            // Nobody but this program ends it.
            () = watch => Err(NodeDied.to_string()),
        }
    })
}

/// What has happened at all nodes.
#[derive(Default)]
struct Tally {
    sessions: i64,
    known: i64,
    suspected: i64,
    heard: u64,
    missed: u64,
}

impl Tally {
    fn count(&mut self, event: &MeshEvent) {
        match event {
            MeshEvent::Connected { .. } => self.sessions += 1,
            MeshEvent::Disconnected { .. } => self.sessions -= 1,
            MeshEvent::NodeJoined(_) => self.known += 1,
            MeshEvent::NodeLeft { .. } => self.known -= 1,
            MeshEvent::NodeSuspected { .. } => self.suspected += 1,
            MeshEvent::NodeTrusted(_) => self.suspected -= 1,
            MeshEvent::BroadcastReceived { .. } => self.heard += 1,
            _ => {}
        }
    }

    fn line(&self, nodes: u32) -> String {
        let pairs = i64::from(nodes) * (i64::from(nodes) - 1);
        let Self { sessions, known, suspected, heard, .. } = self;
        format!("sessions {}   members known {known} of {pairs}   suspected {suspected}   broadcasts delivered {heard}", sessions / 2)
    }
}
