//! `mesh-sim sweep`: many runs, one table, one picture.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use murmuration::scenario::{self, Loaded, nearest};
use rayon::prelude::*;

use crate::{Outcome, complain, say};
use murmuration::report::{prepare_output, progress_bar};
use murmuration::scenario::ScenarioArgs;
use murmuration::wire::Protocol;
use murmuration::{report, sim};

/// What can be compared: keys of `summary.json`, what they are in words, their units, and whether they are compared unless others are
/// asked for.
const METRICS: [(&str, &str, &str, bool); 22] = [
    ("broadcast.reliability", "reliability", "share", true),
    ("broadcast.rmr", "redundancy of messages", "payloads", true),
    ("broadcast.latency_ms.p50", "median latency", "ms", true),
    ("broadcast.latency_ms.p90", "latency, 90 % within", "ms", false),
    ("broadcast.latency_ms.p99", "latency, 99 % within", "ms", true),
    ("broadcast.latency_ms.max", "longest latency", "ms", false),
    ("broadcast.ldh_mean", "mean last delivery hop", "hops", false),
    ("broadcast.ldh_max", "longest last delivery hop", "hops", false),
    ("broadcast.sent", "broadcasts sent", "broadcasts", false),
    ("membership.converged_at_seconds", "time until views are whole", "s", true),
    ("membership.false_suspicions", "false suspicions", "suspicions", false),
    ("membership.detection_seconds.p50", "median time to detection", "s", false),
    ("membership.detection_seconds.p99", "time to detection, 99 % within", "s", true),
    ("topology.degree_min", "fewest links of a node", "links", false),
    ("topology.degree_max", "most links of a node", "links", false),
    ("topology.degree_mean", "mean links of a node", "links", false),
    ("topology.diameter", "diameter", "hops", false),
    ("traffic.frames", "frames sent", "frames", false),
    ("traffic.bytes", "bytes sent", "bytes", true),
    ("events", "events", "events", false),
    ("events_per_second", "events simulated per second", "events/s", false),
    ("wall_seconds", "time that a run takes", "s", false),
];

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// What to vary, and the values to give it: `network.link.loss=None,Independent(0.1)`.
    #[arg(long, value_name = "PATH=A,B,…")]
    vary: String,
    /// How many seeds to run for each value: the scenario's and those that follow it.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    seeds: u64,
    /// What to compare, a key of summary.json as `broadcast.latency_ms.p99`; may be repeated.
    #[arg(long, value_name = "KEY")]
    metric: Vec<String>,
    /// How many runs at a time; as many as there are processors if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Folder for the results; `output/<scenario>-sweep-<path>/` if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Draw no picture.
    #[arg(long)]
    no_plots: bool,
    /// Say nothing but what went wrong.
    #[arg(long, short)]
    quiet: bool,
}

/// What one run gave.
struct Row {
    value: usize,
    seed: u64,
    failed: Vec<String>,
    /// In the order of the metrics.
    measured: Vec<Option<f64>>,
}

pub fn sweep(args: &Args) -> Result<Outcome, String> {
    let base = args.scenario.load_unchecked()?;
    let (path, values) = parse_vary(&args.vary)?;
    let metrics = metrics(&args.metric)?;
    if path == "seed" {
        return Err("--vary: each value is run with --seeds seeds; vary something else".to_owned());
    }
    let variants = values.iter().map(|value| variant(&base, &path, value)).collect::<Result<Vec<Loaded>, String>>()?;
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("output/{}-sweep-{}", base.scenario.name, path.replace(['/', '\\'], "_"))));
    prepare_output(&folder)?;

    let bar = progress_bar(variants.len() as u64 * args.seeds, args.quiet);
    let rows = run_all(args, &variants, &metrics, &bar);
    bar.finish_and_clear();
    let rows = rows?;

    write(&folder, args, &path, &values, &metrics, &rows)
        .map_err(|error| format!("the results cannot be written to {}: {error}", folder.display()))?;
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().flat_map(|row| &row.failed).for_each(|name| *failed.entry(name).or_default() += 1);
    for (name, times) in &failed {
        complain(&format!("not held in {times} of {} runs: {name}", rows.len()));
    }
    if !args.quiet {
        say(&format!("{} runs; results in {}", rows.len(), folder.display()));
    }
    Ok(if failed.is_empty() { Outcome::Held } else { Outcome::NotHeld })
}

/// The scenario with one of the values, checked.
fn variant(base: &Loaded, path: &str, value: &str) -> Result<Loaded, String> {
    let mut loaded = base.clone();
    loaded.set_by("--vary", &format!("{path}={value}")).map_err(|error| error.to_string())?;
    scenario::check(&loaded).map_err(|error| error.to_string())?;
    Ok(loaded)
}

/// Runs every variant with every seed. Each run has one thread; there are as many at a time as threads and memory allow.
fn run_all(args: &Args, variants: &[Loaded], metrics: &[Metric], bar: &ProgressBar) -> Result<Vec<Row>, String> {
    let largest = variants.iter().map(|loaded| scenario::memory_estimate(&loaded.scenario)).fold(1.0, f64::max);
    let room = (scenario::available_memory() / largest).clamp(1.0, 1024.0) as usize;
    let wanted = args.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(wanted.min(room)).build().map_err(|error| error.to_string())?;
    let runs: Vec<(usize, u64)> = (0..variants.len()).flat_map(|value| (0..args.seeds).map(move |seed| (value, seed))).collect();
    pool.install(|| {
        runs.par_iter()
            .map(|(value, number)| {
                let mut scenario = variants[*value].scenario.clone();
                scenario.seed = scenario.seed.wrapping_add(*number);
                let options = sim::RunOptions { threads: 1, ..sim::RunOptions::default() };
                let record = sim::run(&scenario, &options).map_err(|error| format!("seed {}: {error}", scenario.seed))?;
                let verdicts = report::judge(&scenario, &record);
                let summary = serde_json::to_value(report::summary(&record, &verdicts)).map_err(|error| error.to_string())?;
                let failed = verdicts.into_iter().filter(|verdict| !verdict.held).map(|verdict| verdict.name).collect();
                let measured = metrics.iter().map(|metric| lookup(&summary, &metric.key)).collect();
                bar.inc(1);
                Ok(Row { value: *value, seed: scenario.seed, failed, measured })
            })
            .collect()
    })
}

fn lookup(summary: &serde_json::Value, key: &str) -> Option<f64> {
    key.split('.').try_fold(summary, |value, part| value.get(part))?.as_f64()
}

fn write(
    folder: &Path,
    args: &Args,
    path: &str,
    values: &[String],
    metrics: &[Metric],
    rows: &[Row],
) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let mut table = csv::Writer::from_path(folder.join("sweep.csv"))?;
    let header = [path, "seed", "held"].into_iter().chain(metrics.iter().map(|metric| metric.key.as_str()));
    table.write_record(header)?;
    for row in rows {
        let measured = row.measured.iter().map(|value| value.map_or_else(String::new, |value| value.to_string()));
        let start = [values[row.value].clone(), row.seed.to_string(), row.failed.is_empty().to_string()];
        table.write_record(start.into_iter().chain(measured))?;
    }
    table.flush()?;
    let picture = folder.join("sweep.png");
    // One that is there shows another sweep.
    match std::fs::remove_file(&picture) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ if args.no_plots => return Ok(()),
        _ => {}
    }
    let curves = metrics.iter().enumerate().map(|(index, metric)| report::SweepMetric {
        name: metric.name.clone(),
        unit: metric.unit.to_owned(),
        points: rows.iter().filter_map(|row| Some((row.value, row.measured[index]?))).collect(),
    });
    // What was measured in no run has nothing to show.
    let metrics = curves.filter(|curve| !curve.points.is_empty()).collect();
    let table = report::SweepTable { vary: path.to_owned(), values: values.to_vec(), metrics };
    report::sweep_plot(&picture, &table)?;
    Ok(())
}

/// Something to compare.
struct Metric {
    key: String,
    name: String,
    unit: &'static str,
}

fn metrics(asked: &[String]) -> Result<Vec<Metric>, String> {
    let known = |(key, name, unit, _): &(&str, &str, &'static str, bool)| Metric { key: (*key).into(), name: (*name).into(), unit };
    if asked.is_empty() {
        return Ok(METRICS.iter().filter(|(.., usual)| *usual).map(known).collect());
    }
    let find = |key: &String| {
        let by_protocol = || {
            let (protocol, unit) = key.strip_prefix("traffic.by_protocol.")?.split_once('.')?;
            let unit = ["frames", "bytes"].into_iter().find(|known| *known == unit)?;
            let name = format!("{unit} of {protocol}");
            Protocol::ALL.iter().any(|known| known.name() == protocol).then(|| Metric { key: key.clone(), name, unit })
        };
        METRICS.iter().find(|(known, ..)| known == key).map(known).or_else(by_protocol).ok_or_else(|| {
            let of_protocol =
                |protocol: &Protocol| ["frames", "bytes"].map(|unit| format!("traffic.by_protocol.{}.{unit}", protocol.name()));
            let by_protocol: Vec<String> = Protocol::ALL.iter().flat_map(of_protocol).collect();
            let suggestion = nearest(key, METRICS.iter().map(|(key, ..)| *key).chain(by_protocol.iter().map(String::as_str)));
            let suggestion = suggestion.map_or_else(String::new, |key| format!("; did you mean `{key}`?"));
            let known: Vec<_> = METRICS.iter().map(|(key, ..)| *key).collect();
            let known = known.join(", ");
            format!("--metric: there is no `{key}`{suggestion}\n known are {known}, and traffic.by_protocol.<protocol>.frames or .bytes")
        })
    };
    asked.iter().map(find).collect()
}

/// `path=a,b,c`, where a comma within brackets or quotes belongs to a value.
fn parse_vary(vary: &str) -> Result<(String, Vec<String>), String> {
    let wrong = || format!("--vary: a path and values are expected, as in `nodes=10,20,50`, not `{vary}`");
    let (path, list) = vary.split_once('=').ok_or_else(wrong)?;
    let mut values = vec![String::new()];
    let (mut depth, mut in_quotes) = (0_i32, false);
    for c in list.chars() {
        match c {
            '"' => in_quotes = !in_quotes,
            '(' | '[' | '{' if !in_quotes => depth += 1,
            ')' | ']' | '}' if !in_quotes => depth -= 1,
            ',' if !in_quotes && depth == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(value) = values.last_mut() {
            value.push(c);
        }
    }
    let mut values: Vec<String> = values.iter().map(|value| value.trim().to_owned()).collect();
    // Numbers lie on an axis.
    let number = |value: &String| value.parse::<f64>().unwrap_or(f64::NAN);
    if values.iter().all(|value| number(value).is_finite()) {
        values.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    if values.iter().any(String::is_empty) { Err(wrong()) } else { Ok((path.trim().to_owned(), values)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_outside_of_brackets() {
        let (path, values) = parse_vary("network.link.latency=Constant(1ms), Uniform(1ms, 5ms),\"a,b\"").unwrap();
        assert_eq!(path, "network.link.latency");
        assert_eq!(values, ["Constant(1ms)", "Uniform(1ms, 5ms)", "\"a,b\""]);
        assert_eq!(parse_vary("nodes=20,5,10").unwrap().1, ["5", "10", "20"]);
        assert_eq!(parse_vary("nodes=20,x,10").unwrap().1, ["20", "x", "10"]);
        for wrong in ["nodes", "nodes=", "nodes=1,,2", "nodes=1,"] {
            assert!(parse_vary(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metrics_are_known_or_suggested() {
        assert!(metrics(&[]).unwrap().len() > 3);
        assert!(metrics(&["traffic.by_protocol.membership.bytes".into()]).is_ok());
        assert!(metrics(&["traffic.by_protocol.membership".into()]).is_err());
        let said = metrics(&["traffic.by_protocol.membreship.bytes".into()]).err().unwrap();
        assert!(said.contains("did you mean `traffic.by_protocol.membership.bytes`?"), "{said}");
        assert!(metrics(&["broadcast.relability".into()]).err().unwrap().contains("did you mean `broadcast.reliability`?"));
    }
}
