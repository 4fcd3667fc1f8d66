//! The run in a few lines, for a terminal.

use std::fmt::Write;

use super::record::RunRecord;
use super::summary::{Components, converged_at};
use super::verdict::Verdict;

/// The summary that a run ends with.
pub fn terminal_summary(record: &RunRecord, verdicts: &[Verdict]) -> String {
    let meta = &record.meta;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    let rate = if meta.wall_seconds > 0.0 { meta.events as f64 / meta.wall_seconds } else { 0.0 };
    line(
        "run",
        format!(
            "{} nodes, {} s simulated in {:.2} s, {} events ({} per second)",
            meta.nodes,
            meta.simulated_seconds,
            meta.wall_seconds,
            human(meta.events as f64),
            human(rate)
        ),
    );
    if let Some(bytes) = meta.peak_rss_bytes {
        line("memory", format!("{}B at most", human(bytes as f64)));
    }
    if meta.membership {
        let whole = converged_at(record, record.started_at)
            .map_or("no complete view".into(), |at| format!("complete after {:.2} s", at - record.started_at));
        line("membership", format!("{whole}, {} detections, {} false", record.detections.len(), record.false_suspicions));
    }
    if !record.broadcasts.is_empty() {
        let count = record.broadcasts.len() as f64;
        let rmr = record.broadcasts.iter().map(|row| row.rmr).sum::<f64>() / count;
        let hops = record.broadcasts.iter().map(|row| f64::from(row.ldh)).sum::<f64>() / count;
        let latency =
            record.latency.as_ref().map_or(String::new(), |it| format!(", latency {:.1} ms (median) {:.1} ms (99%)", it.p50, it.p99));
        line("broadcast", format!("{} sent, RMR {rmr:.3}, LDH {hops:.1}{latency}", record.broadcasts.len()));
    }
    let degrees: Vec<u32> = record.nodes.iter().filter(|node| node.up).map(|node| node.degree).collect();
    if let (Some(min), Some(max)) = (degrees.iter().min(), degrees.iter().max()) {
        let parts = Components::of(record);
        let joined = parts.diameter.map_or(format!("{} parts", parts.count), |diameter| format!("connected, diameter {diameter}"));
        line("topology", format!("{min} to {max} links, {joined}"));
    }
    if let Some(last) = record.samples.last() {
        line(
            "traffic",
            format!("{} frames, {}B", human(last.frames.iter().sum::<u64>() as f64), human(last.bytes.iter().sum::<u64>() as f64)),
        );
    }
    line("digest", meta.digest.clone());
    for Verdict { name, held, detail } in verdicts {
        let _ = writeln!(text, "  {} {name}: {detail}", if *held { '✔' } else { '✘' });
    }
    text
}

/// A number with a metric prefix.
fn human(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.2} G", v / 1e9),
        v if v >= 1e6 => format!("{:.2} M", v / 1e6),
        v if v >= 1e4 => format!("{:.1} k", v / 1e3),
        v => format!("{v:.0} "),
    }
    .trim_end()
    .to_owned()
        + if value >= 1e4 { "" } else { " " }
}
