//! `mesh-sim verify`: does what a result records come out the same?

use std::path::PathBuf;

use murmuration::report::{Checkpoint, EventRow, RunRecord, Summary};
use murmuration::scenario;
use serde_json::Value;

use crate::run::worthwhile_threads;
use crate::{Outcome, say};
use murmuration::report::progress_bar;
use murmuration::scenario::SCENARIO_FILE;
use murmuration::{report, sim};

#[derive(clap::Args)]
pub struct Args {
    /// The folder of a result.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Threads to divide the run over; as many as are likely to pay if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Say nothing but what differs.
    #[arg(long, short)]
    quiet: bool,
}

pub fn verify(args: &Args) -> Result<Outcome, String> {
    let file = args.folder.join(SCENARIO_FILE);
    if !file.is_file() {
        return Err(format!("{} holds no {SCENARIO_FILE}: it is not the folder of a result", args.folder.display()));
    }
    let loaded = scenario::load(&file.to_string_lossy()).map_err(|error| error.to_string())?;
    scenario::check(&loaded).map_err(|error| error.to_string())?;
    let unreadable = |error: report::ReportError| format!("{}: {error}", args.folder.display());
    let summary = report::read_summary(&args.folder).map_err(unreadable)?;
    let recorded = report::read_record(&args.folder).map_err(unreadable)?;
    let ours = env!("CARGO_PKG_VERSION");
    if summary.version != ours {
        say(&format!("note: mesh-sim {} recorded this, and this is mesh-sim {ours}: other programs may run otherwise", summary.version));
    }

    let bar = progress_bar(1000, args.quiet);
    let progress = |fraction: f64| bar.set_position((fraction * 1000.0) as u64);
    let options = sim::RunOptions {
        threads: args.threads.map_or_else(|| worthwhile_threads(loaded.scenario.nodes), usize::from),
        progress: Some(&progress),
        prepare: None,
    };
    let record = sim::run(&loaded.scenario, &options).map_err(|error| error.to_string());
    bar.finish_and_clear();
    let record = record?;

    let now = record;
    let found = difference(&recorded, &now).or_else(|| {
        let verdicts = report::judge(&loaded.scenario, &now);
        summary_difference(&summary, &report::summary(&now, &verdicts))
    });
    match found {
        None => {
            if !args.quiet {
                let (events, checkpoints) = (now.events.len(), now.checkpoints.len());
                say(&format!("the same: digest {}, {events} events and {checkpoints} checkpoints", now.meta.digest));
            }
            Ok(Outcome::Held)
        }
        Some(difference) => {
            say(&format!("not the same: {difference}"));
            Ok(Outcome::NotHeld)
        }
    }
}

/// What differs first, for people.
fn difference(recorded: &RunRecord, now: &RunRecord) -> Option<String> {
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
        return Some(format!("all recorded events agree, but after {since} something else differs\n  recorded: {was}\n  now:      {is}"));
    }
    let (was, is) = (&recorded.meta.digest, &now.meta.digest);
    if was != is {
        return Some(format!("all recorded events and checkpoints agree, but the digest was {was} and is {is}"));
    }
    let tables = [
        ("series.csv", first_difference(&recorded.samples, &now.samples)),
        ("broadcasts.csv", first_difference(&recorded.broadcasts, &now.broadcasts)),
        ("detections.csv", first_difference(&recorded.detections, &now.detections)),
        ("leaves.csv", first_difference(&recorded.leaves, &now.leaves)),
        ("nodes.csv", first_difference(&recorded.nodes, &now.nodes)),
        ("edges.csv", first_difference(&recorded.edges, &now.edges)),
        ("round_trips.csv", first_difference(&recorded.round_trips, &now.round_trips)),
        ("shades.csv", first_difference(&recorded.shades, &now.shades)),
        ("texts.csv", first_difference(&recorded.texts, &now.texts)),
        ("readings.csv", first_difference(&recorded.readings, &now.readings)),
        ("members.csv", first_difference(&recorded.members, &now.members)),
        ("logs.csv", first_difference(&recorded.logs, &now.logs)),
    ];
    if let Some((table, row)) = tables.into_iter().find_map(|(table, at)| Some((table, at?))) {
        return Some(format!("the run comes out the same, but {table} says something else from row {} on", row + 1));
    }
    let same = RunRecord { meta: recorded.meta.clone(), ..now.clone() } == *recorded;
    (!same).then(|| "the run comes out the same, but record.json says something else".to_owned())
}

/// Which figure of the summary differs first. How long the run took and what it ran with are no result.
fn summary_difference(recorded: &Summary, now: &Summary) -> Option<String> {
    let Summary { wall_seconds, events_per_second, peak_rss_bytes, version, .. } = recorded.clone();
    let now = Summary { wall_seconds, events_per_second, peak_rss_bytes, version, ..now.clone() };
    let (was, is) = (serde_json::to_value(recorded).ok()?, serde_json::to_value(now).ok()?);
    let (path, was, is) = first_key(&was, &is, String::new())?;
    Some(format!("the run comes out the same, but summary.json says something else: `{path}` is {was} there, and {is}"))
}

fn first_key<'a>(was: &'a Value, is: &'a Value, path: String) -> Option<(String, &'a Value, &'a Value)> {
    let step = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            was.iter().find_map(|(key, value)| first_key(value, is.get(key).unwrap_or(&Value::Null), step(key)))
        }
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
            was.iter().zip(is).enumerate().find_map(|(index, (was, is))| first_key(was, is, step(&index.to_string())))
        }
        _ => (was != is).then_some((path, was, is)),
    }
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
    use murmuration::report::{Meta, NodeRow, TextRow};

    use super::*;

    fn trace() -> RunRecord {
        let event = |nanos, kind: &str| EventRow { nanos, node: Some(3), kind: kind.into(), peer: Some(5), detail: String::new() };
        let checkpoint = |nanos, digest: &str| Checkpoint { nanos, digest: digest.into() };
        RunRecord {
            events: vec![event(1, "link_up"), event(2_500_000_000, "suspected")],
            checkpoints: vec![checkpoint(1_000_000_000, "aa"), checkpoint(2_000_000_000, "bb")],
            meta: Meta { digest: "cc".into(), ..Meta::default() },
            ..RunRecord::default()
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
        other.meta.digest = "xx".into();
        assert!(difference(&trace(), &other).unwrap().contains("the digest was cc and is xx"));
    }
    #[test]
    fn a_table_or_a_figure_that_was_changed_is_named() {
        let mut other = trace();
        other.nodes.push(NodeRow::default());
        assert!(difference(&trace(), &other).unwrap().contains("nodes.csv says something else from row 1 on"));
        let other = RunRecord { texts: vec![TextRow::default()], ..trace() };
        assert!(difference(&trace(), &other).unwrap().contains("texts.csv says something else from row 1 on"));
        let other = RunRecord { false_suspicions: 1, ..trace() };
        assert!(difference(&trace(), &other).unwrap().contains("record.json says something else"));
        let summary = report::summary(&trace(), &[]);
        assert_eq!(summary_difference(&summary, &Summary { wall_seconds: 7.0, ..summary.clone() }), None);
        let mut changed = summary.clone();
        changed.broadcast.reliability = Some(0.5);
        assert!(summary_difference(&changed, &summary).unwrap().contains("`broadcast.reliability` is 0.5 there, and null"));
    }
}
