//! How a mesh scales: time to a complete view, bytes per node and time to detect a crash, against the number of nodes.
//!
//! `cargo run --release --example convergence` writes `output/convergence/convergence.csv` and `convergence.png`.
//! `-- 20,50,100 9` takes other numbers of nodes and of seeds.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use murmuration::crypto::CryptoMode;
use murmuration::report::{RunRecord, SweepMetric, SweepTable, sweep_plot};
use murmuration::scenario::{Fault, FaultKind, Latency, LinkSpec, Network, Scenario, Selection};
use murmuration::sim::{RunOptions, run};
use rayon::prelude::*;

/// When one node in ten loses its power, seconds.
const CRASH_AT: f64 = 40.0;
const DURATION: f64 = 80.0;

fn scenario(nodes: u32, seed: u64) -> Scenario {
    let victims = Selection::Random((nodes / 10).max(1));
    Scenario {
        seed,
        crypto: CryptoMode::Modelled,
        network: Network {
            link: LinkSpec { latency: Latency::Uniform(Duration::from_millis(5), Duration::from_millis(60)), ..LinkSpec::default() },
            ..Network::default()
        },
        faults: vec![Fault { at: Duration::from_secs_f64(CRASH_AT), kind: FaultKind::Crash(victims) }],
        ..Scenario::new("convergence", nodes, Duration::from_secs_f64(DURATION))
    }
}

/// Time to the first complete view, kilobytes per node and second while nothing happens, and the median time to detection, where a
/// crash that nobody noticed counts as noticed never.
fn measure(record: &RunRecord) -> [Option<f64>; 3] {
    let converged = record.samples.iter().find(|sample| sample.whole_views() == sample.up && sample.up > 0).map(|sample| sample.seconds);
    let before: Vec<_> = record.samples.iter().filter(|sample| (CRASH_AT - 15.0..CRASH_AT).contains(&sample.seconds)).collect();
    let bytes = before.first().zip(before.last()).map(|(first, last)| {
        let sent = last.bytes.iter().sum::<u64>() - first.bytes.iter().sum::<u64>();
        sent as f64 / 1000.0 / f64::from(last.up) / (last.seconds - first.seconds)
    });
    let mut detections: Vec<f64> = record.detections.iter().map(|row| row.seconds).collect();
    detections.sort_by(f64::total_cmp);
    let all = detections.len() + record.missed_detections as usize;
    [converged, bytes, detections.get(all / 2).copied()]
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let counts = arguments.next().unwrap_or_else(|| "10,20,50,100,200,400".into());
    let counts = counts.split(',').map(str::parse).collect::<Result<Vec<u32>, _>>()?;
    let seeds: u64 = arguments.next().map_or(Ok(9), |seeds| seeds.parse())?;

    let runs: Vec<(usize, u64)> = (0..counts.len()).flat_map(|index| (1..=seeds).map(move |seed| (index, seed))).collect();
    let mut rows = runs
        .into_par_iter()
        .map(|(index, seed)| {
            let record = run(&scenario(counts[index], seed), &RunOptions::default()).map_err(|error| error.to_string())?;
            Ok((index, seed, measure(&record)))
        })
        .collect::<Result<Vec<_>, String>>()?;
    rows.sort_by_key(|(index, seed, _)| (*index, *seed));

    let dir = Path::new("output/convergence");
    std::fs::create_dir_all(dir)?;
    let names = [("time to a complete view", "s"), ("traffic per node", "kB/s"), ("time to detect a crash", "s")];
    let mut csv = csv::Writer::from_path(dir.join("convergence.csv"))?;
    csv.write_record(["nodes", "seed", "complete_view_seconds", "kilobytes_per_node_per_second", "detection_seconds"])?;
    for (index, seed, values) in &rows {
        let values = values.map(|value| value.map_or(String::new(), |value| format!("{value:.3}")));
        csv.write_record([&counts[*index].to_string(), &seed.to_string(), &values[0], &values[1], &values[2]])?;
    }
    csv.flush()?;
    let metrics = names.iter().enumerate().map(|(metric, (name, unit))| SweepMetric {
        name: (*name).to_owned(),
        unit: (*unit).to_owned(),
        points: rows.iter().filter_map(|(index, _, values)| values[metric].map(|value| (*index, value))).collect(),
    });
    let table =
        SweepTable { vary: "number of nodes".into(), values: counts.iter().map(u32::to_string).collect(), metrics: metrics.collect() };
    sweep_plot(&dir.join("convergence.png"), &table)?;
    println!("{} runs: {} and convergence.png", rows.len(), dir.join("convergence.csv").display());
    Ok(())
}
