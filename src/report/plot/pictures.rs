//! What each picture shows.

use super::panel::{BLUE, GREEN, GREY, Mark, ORANGE, PALETTE, Panel};
use crate::report::record::{BroadcastRow, RunRecord, Sample};
use crate::wire::Protocol;

/// File name, title and panels of every picture; one without panels has no data.
pub fn all(record: &RunRecord) -> [(&'static str, &'static str, Vec<Panel>); 6] {
    [
        ("convergence.png", "Who knows whom: members known to a node", convergence(record)),
        ("broadcast.png", "How fast, and how surely, broadcasts arrive", broadcast(record)),
        ("redundancy.png", "What broadcasts cost: redundant payloads and hops", redundancy(record)),
        ("suspicion.png", "Who holds whom for dead", suspicion(record)),
        ("degree.png", "How many links a node has at the end", degree(record)),
        ("traffic.png", "What is sent, by protocol", traffic(record)),
    ]
}

fn over_time(record: &RunRecord, y: &str, series: Vec<(String, plotters::style::RGBColor, Mark)>) -> Panel {
    Panel { x: "time (s)".into(), y: y.into(), series, shades: record.shades.clone(), names: Vec::new() }
}

fn line(record: &RunRecord, value: impl Fn(&Sample) -> f64) -> Mark {
    Mark::Line(record.samples.iter().map(|sample| (sample.seconds, value(sample))).collect())
}

fn convergence(record: &RunRecord) -> Vec<Panel> {
    if !record.meta.membership || record.samples.is_empty() {
        return Vec::new();
    }
    let band = record.samples.iter().map(|it| (it.seconds, f64::from(it.known_min), f64::from(it.known_max))).collect();
    let known = over_time(
        record,
        "members",
        vec![
            ("fewest to most known".into(), BLUE, Mark::Band(band)),
            ("known on average".into(), BLUE, line(record, |it| it.known_mean)),
            ("nodes that run".into(), GREY, line(record, |it| f64::from(it.up))),
        ],
    );
    let views = over_time(
        record,
        "nodes",
        vec![
            ("know exactly those who run".into(), GREEN, line(record, |it| f64::from(it.complete_views))),
            ("know exactly those they can reach".into(), ORANGE, line(record, |it| f64::from(it.reachable_views))),
        ],
    );
    vec![known, views]
}

fn sent(record: &RunRecord, value: impl Fn(&BroadcastRow) -> f64) -> Vec<(f64, f64)> {
    record.broadcasts.iter().map(|row| (row.sent, value(row))).collect()
}

fn broadcast(record: &RunRecord) -> Vec<Panel> {
    if record.broadcasts.is_empty() {
        return Vec::new();
    }
    let latency = over_time(
        record,
        "latency (ms)",
        vec![
            ("last delivery".into(), ORANGE, Mark::Dots(sent(record, |row| row.latency_max_ms))),
            ("mean".into(), BLUE, Mark::Dots(sent(record, |row| row.latency_mean_ms))),
        ],
    );
    let share = |row: &BroadcastRow| if row.expected == 0 { 100.0 } else { 100.0 * f64::from(row.reached) / f64::from(row.expected) };
    let reliability = over_time(record, "reached (%)", vec![(String::new(), GREEN, Mark::Dots(sent(record, share)))]);
    vec![latency, reliability].into_iter().map(|panel| Panel { x: "time of sending (s)".into(), ..panel }).collect()
}

fn redundancy(record: &RunRecord) -> Vec<Panel> {
    if record.broadcasts.is_empty() {
        return Vec::new();
    }
    let rmr = over_time(
        record,
        "RMR (payloads too many, per node)",
        vec![(String::new(), ORANGE, Mark::Dots(sent(record, |row| row.rmr.max(0.0))))],
    );
    let ldh = over_time(
        record,
        "LDH (hops of the last delivery)",
        vec![(String::new(), BLUE, Mark::Dots(sent(record, |row| f64::from(row.ldh))))],
    );
    vec![rmr, ldh].into_iter().map(|panel| Panel { x: "time of sending (s)".into(), ..panel }).collect()
}

fn suspicion(record: &RunRecord) -> Vec<Panel> {
    if !record.meta.detection || record.samples.is_empty() {
        return Vec::new();
    }
    let pairs = over_time(record, "pairs (observer, suspect)", vec![("suspected".into(), ORANGE, line(record, |it| it.suspected as f64))]);
    let mut panels = vec![pairs];
    if !record.detections.is_empty() {
        let dots = record.detections.iter().map(|row| (row.since + row.seconds, row.seconds)).collect();
        panels.push(over_time(record, "time to notice (s)", vec![("an absence is noticed".into(), BLUE, Mark::Dots(dots))]));
    }
    panels
}

fn degree(record: &RunRecord) -> Vec<Panel> {
    let mut counts: Vec<f64> = Vec::new();
    for node in record.nodes.iter().filter(|node| node.up) {
        let degree = node.degree as usize;
        counts.resize(counts.len().max(degree + 1), 0.0);
        counts[degree] += 1.0;
    }
    if counts.is_empty() || record.edges.is_empty() {
        return Vec::new();
    }
    // A star's hub would make the axis as long as the node is busy: names only while they can be read.
    let names = if counts.len() <= 40 { (0..counts.len()).map(|degree| degree.to_string()).collect() } else { Vec::new() };
    let bars = counts.into_iter().enumerate().map(|(degree, count)| (degree as f64, count)).collect();
    vec![Panel {
        x: "links of a node".into(),
        y: "nodes".into(),
        series: vec![(String::new(), BLUE, Mark::Bars(bars))],
        names,
        ..Panel::default()
    }]
}

fn traffic(record: &RunRecord) -> Vec<Panel> {
    let rate = |index: usize| -> Vec<(f64, f64)> {
        // Over a second or so: the steps of single samples say little.
        let step = record.samples.windows(2).next().map_or(1.0, |pair| pair[1].seconds - pair[0].seconds).max(1e-6);
        let width = ((1.0 / step).round() as usize).clamp(1, record.samples.len().max(2) - 1);
        record
            .samples
            .windows(width + 1)
            .filter_map(|window| {
                let (first, last) = (window.first()?, window.last()?);
                let bytes = last.bytes.get(index)?.saturating_sub(*first.bytes.get(index)?);
                Some((last.seconds, bytes as f64 / 1000.0 / (last.seconds - first.seconds)))
            })
            .collect()
    };
    let mut series: Vec<_> = Protocol::ALL
        .iter()
        .enumerate()
        .map(|(index, protocol)| (protocol.name().to_owned(), rate(index)))
        .filter(|(_, points)| points.iter().any(|(_, rate)| *rate > 0.0))
        .collect();
    series.sort_by(|(_, a), (_, b)| total(b).total_cmp(&total(a)));
    if series.is_empty() {
        return Vec::new();
    }
    let colours = PALETTE.iter().cycle();
    vec![over_time(
        record,
        "kB/s, all nodes",
        series.into_iter().zip(colours).map(|((name, points), colour)| (name, *colour, Mark::Line(points))).collect(),
    )]
}

fn total(points: &[(f64, f64)]) -> f64 {
    points.iter().map(|(_, rate)| rate).sum()
}
