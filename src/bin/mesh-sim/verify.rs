//! `mesh-sim verify`: does what a result records come out the same?

use std::path::{Path, PathBuf};

use murmuration::report::{Checkpoint, EventRow};
use murmuration::scenario;

use crate::input::progress_bar;
use crate::run::SCENARIO_FILE;
use crate::{Outcome, say};
use murmuration::{report, sim};

#[derive(clap::Args)]
pub struct Args {
    /// The folder of a result.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Threads to divide the run over; they change nothing but how long it takes.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Say nothing but what differs.
    #[arg(long, short)]
    quiet: bool,
}

/// What there is of a run to be compared.
struct Trace {
    events: Vec<EventRow>,
    checkpoints: Vec<Checkpoint>,
    digest: String,
}

pub fn verify(args: &Args) -> Result<Outcome, String> {
    let file = args.folder.join(SCENARIO_FILE);
    if !file.is_file() {
        return Err(format!("{} holds no {SCENARIO_FILE}: it is not the folder of a result", args.folder.display()));
    }
    let loaded = scenario::load(&file.to_string_lossy()).map_err(|error| error.to_string())?;
    scenario::check(&loaded).map_err(|error| error.to_string())?;
    let (summary, recorded) = read(&args.folder).map_err(|error| format!("{}: {error}", args.folder.display()))?;
    let ours = env!("CARGO_PKG_VERSION");
    if summary.version != ours {
        say(&format!("note: mesh-sim {} recorded this, and this is mesh-sim {ours}: other programs may run otherwise", summary.version));
    }

    let bar = progress_bar(1000, args.quiet);
    let progress = |fraction: f64| bar.set_position((fraction * 1000.0) as u64);
    let options = sim::RunOptions { threads: usize::from(args.threads), progress: Some(&progress), prepare: None };
    let record = sim::run(&loaded.scenario, &options).map_err(|error| error.to_string());
    bar.finish_and_clear();
    let record = record?;

    let now = Trace { events: record.events, checkpoints: record.checkpoints, digest: record.meta.digest };
    match difference(&recorded, &now) {
        None => {
            if !args.quiet {
                say(&format!("the same: digest {}, {} events and {} checkpoints", now.digest, now.events.len(), now.checkpoints.len()));
            }
            Ok(Outcome::Held)
        }
        Some(difference) => {
            say(&format!("not the same: {difference}"));
            Ok(Outcome::NotHeld)
        }
    }
}

fn read(folder: &Path) -> Result<(report::Summary, Trace), report::ReportError> {
    let summary = report::read_summary(folder)?;
    let trace = Trace { events: report::read_events(folder)?, checkpoints: report::read_checkpoints(folder)?, digest: summary.digest.clone() };
    Ok((summary, trace))
}

/// What differs first, for people.
fn difference(recorded: &Trace, now: &Trace) -> Option<String> {
    if let Some(at) = first_difference(&recorded.events, &now.events) {
        let show = |events: &[EventRow]| events.get(at).map_or_else(|| "nothing more".to_owned(), event);
        let (was, is) = (show(&recorded.events), show(&now.events));
        return Some(format!("event {} is the first that differs\n  recorded: {was}\n  now:      {is}", at + 1));
    }
    if let Some(at) = first_difference(&recorded.checkpoints, &now.checkpoints) {
        let show = |checkpoints: &[Checkpoint]| {
            checkpoints.get(at).map_or_else(|| "no checkpoint".to_owned(), |it| format!("digest {} at {}", it.digest, seconds(it.nanos)))
        };
        let (was, is) = (show(&recorded.checkpoints), show(&now.checkpoints));
        let since = at.checked_sub(1).and_then(|before| recorded.checkpoints.get(before)).map_or(0, |checkpoint| checkpoint.nanos);
        let since = seconds(since);
        return Some(format!("all events agree, but after {since} something else differs\n  recorded: {was}\n  now:      {is}"));
    }
    let differs = recorded.digest != now.digest;
    differs.then(|| format!("all events and checkpoints agree, but the digest was {} and is {}", recorded.digest, now.digest))
}

fn first_difference<T: PartialEq>(recorded: &[T], now: &[T]) -> Option<usize> {
    let common = recorded.iter().zip(now).position(|(was, is)| was != is);
    common.or_else(|| (recorded.len() != now.len()).then(|| recorded.len().min(now.len())))
}

fn event(event: &EventRow) -> String {
    let node = event.node.map_or_else(String::new, |node| format!(", node {node}"));
    let peer = event.peer.map_or_else(String::new, |peer| format!(" {peer}"));
    let detail = if event.detail.is_empty() { String::new() } else { format!(" ({})", event.detail) };
    format!("{}{node}: {}{peer}{detail}", seconds(event.nanos), event.kind)
}

/// Exact, whatever the number: seconds with nine digits.
fn seconds(nanos: u64) -> String {
    format!("{}.{:09} s", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace {
        let event = |nanos, kind: &str| EventRow { nanos, node: Some(3), kind: kind.into(), peer: Some(5), detail: String::new() };
        let checkpoint = |nanos, digest: &str| Checkpoint { nanos, digest: digest.into() };
        Trace {
            events: vec![event(1, "link_up"), event(2_500_000_000, "suspected")],
            checkpoints: vec![checkpoint(1_000_000_000, "aa"), checkpoint(2_000_000_000, "bb")],
            digest: "cc".into(),
        }
    }

    #[test]
    fn the_first_event_that_differs_is_named() {
        assert_eq!(difference(&trace(), &trace()), None);
        let mut other = trace();
        other.events[1].peer = Some(6);
        let said = difference(&trace(), &other).unwrap();
        assert!(said.contains("event 2 is the first") && said.contains("recorded: 2.500000000 s, node 3: suspected 5"), "{said}");
        other.events.pop();
        assert!(difference(&trace(), &other).unwrap().contains("now:      nothing more"));
    }

    #[test]
    fn differences_without_an_event_are_found_too() {
        let mut other = trace();
        other.checkpoints[1].digest = "xx".into();
        assert!(difference(&trace(), &other).unwrap().contains("after 1.000000000 s something else differs"));
        let mut other = trace();
        other.digest = "xx".into();
        assert!(difference(&trace(), &other).unwrap().contains("the digest was cc and is xx"));
    }
}
