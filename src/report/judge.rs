//! Whether what was expected held. Each verdict gives the measured figure and the bound; what could not be measured did not hold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::format::{self, plural};
use super::graph::Graph;
use super::record::RunRecord;
use super::stats::nearest_rank;
use crate::scenario::{Expectation, Scenario, Since, harmless};

mod chat;
#[cfg(test)]
mod tests;

/// Whether an expectation held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The expectation, in words: `reliability >= 1`.
    pub name: String,
    /// Whether it held.
    pub held: bool,
    /// What was measured, and what it was measured against.
    pub detail: String,
}

/// One verdict for each expectation of the scenario, in its order.
pub fn judge(scenario: &Scenario, record: &RunRecord) -> Vec<Verdict> {
    scenario
        .expect
        .iter()
        .map(|expectation| {
            // `Err` is for what could not be measured; it differs from `false` only in its words.
            let (held, detail) = match outcome(expectation, scenario, record) {
                Ok(outcome) => outcome,
                Err(why) => (false, format!("not measured: {why}")),
            };
            Verdict { name: harmless(name(expectation).chars()), held, detail: harmless(detail.chars()) }
        })
        .collect()
}

type Outcome = Result<(bool, String), String>;

fn outcome(expectation: &Expectation, scenario: &Scenario, record: &RunRecord) -> Outcome {
    match *expectation {
        Expectation::AllMembersKnown { within, after } => all_members_known(record, within, after),
        Expectation::Readable { ref what, ref by, within, after } => chat::readable(scenario, record, what, by, (within, after)),
        Expectation::Unreadable { ref what, ref by } => chat::unreadable(scenario, record, what, by),
        Expectation::LogsEqual => chat::logs_equal(record),
        Expectation::AllTextsDelivered(least) => chat::all_delivered(record, least),
        Expectation::NotMembers(ref nodes) => chat::not_members(scenario, record, nodes),
        Expectation::Refused { ref what, least, most } => chat::refused(record, what, least..=most),
        Expectation::Reliability(least) => reliability(record, least),
        Expectation::NoDuplicateDelivery => no_duplicate_delivery(record),
        Expectation::NoFalseSuspicion => no_false_suspicion(record),
        Expectation::DetectedWithin(bound) => detected_within(record, bound),
        Expectation::Degree(least, most) => degree(record, least, most),
        Expectation::Connected => connected(record),
        Expectation::Redundancy(most) => redundancy(record, most),
        Expectation::LatencyP99(bound) => latency(record, "99th percentile", |latency| latency.p99, bound),
        Expectation::LatencyMax(bound) => latency(record, "longest", |latency| latency.max, bound),
        Expectation::LeaveReportedWithin(bound) => leave_reported_within(record, bound),
    }
}

fn name(expectation: &Expectation) -> String {
    match expectation {
        Expectation::AllMembersKnown { within, after } => format!("all members known within {} {}", time(*within), since(*after)),
        Expectation::Reliability(least) => format!("reliability >= {least}"),
        Expectation::NoDuplicateDelivery => "no duplicate delivery".to_owned(),
        Expectation::NoFalseSuspicion => "no false suspicion".to_owned(),
        Expectation::DetectedWithin(bound) => format!("absence detected within {}", time(*bound)),
        Expectation::Degree(least, most) => format!("degree within {least}..{most}"),
        Expectation::Connected => "graph connected".to_owned(),
        Expectation::Redundancy(most) => format!("redundancy <= {most}"),
        Expectation::LatencyP99(bound) => format!("99th percentile of latency <= {}", time(*bound)),
        Expectation::LatencyMax(bound) => format!("longest latency <= {}", time(*bound)),
        Expectation::LeaveReportedWithin(bound) => format!("leave reported within {}", time(*bound)),
        Expectation::Readable { .. }
        | Expectation::Unreadable { .. }
        | Expectation::LogsEqual
        | Expectation::AllTextsDelivered(_)
        | Expectation::NotMembers(_)
        | Expectation::Refused { .. } => chat::name(expectation),
    }
}

fn since(since: Since) -> &'static str {
    match since {
        Since::Start => "after start",
        Since::Heal => "after heal",
        Since::LastFault => "after the last fault",
    }
}

/// A bound, exactly as it was written.
fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// The first sample after `after` in which every running node knows exactly the running nodes, and can reach them. One that was taken at the very instant
/// of a start or a fault shows the world as it was before.
pub(super) fn first_whole_view(record: &RunRecord, after: f64) -> Option<f64> {
    record.samples.iter().find(|s| s.seconds > after && s.up > 0 && s.whole_views() == s.up).map(|s| s.seconds)
}

fn all_members_known(record: &RunRecord, within: Duration, after: Since) -> Outcome {
    if !record.meta.membership {
        return Err("membership did not run".to_owned());
    }
    let (from, event) = moment(record, after)?;
    let event = format!("{event} at {}", format::seconds(from));
    let Some(end) = record.samples.last().filter(|sample| sample.seconds > from) else {
        return Err(format!("no sample was taken after {event}"));
    };
    let bound = time(within);
    Ok(match first_whole_view(record, from) {
        Some(at) => {
            let delay = at - from;
            (
                delay <= within.as_secs_f64(),
                format!("every view was whole {} after {event}; at most {bound} asked for", format::seconds(delay)),
            )
        }
        None => (
            false,
            format!(
                "never whole after {event}: at {} {} of {} views were; at most {bound} asked for",
                format::seconds(end.seconds),
                format::count(end.whole_views().into()),
                format::count(end.up.into()),
            ),
        ),
    })
}

/// When the event was from which a time counts, and what it is called.
fn moment(record: &RunRecord, after: Since) -> Result<(f64, &'static str), String> {
    let last = |times: &[f64]| times.iter().copied().max_by(f64::total_cmp);
    Ok(match after {
        Since::Start => (record.started_at, "the start"),
        Since::Heal => (last(&record.heals).ok_or("nothing was healed")?, "the last heal"),
        Since::LastFault => (last(&record.fault_times).ok_or("there was no fault")?, "the last fault"),
    })
}

fn broadcasts_were_sent(record: &RunRecord) -> Result<(), String> {
    if !record.meta.broadcast {
        return Err("broadcasting did not run".to_owned());
    }
    if record.broadcasts.is_empty() {
        return Err("nothing was broadcast".to_owned());
    }
    Ok(())
}

fn reliability(record: &RunRecord, least: f64) -> Outcome {
    broadcasts_were_sent(record)?;
    if record.broadcasts.iter().all(|b| b.expected <= 1) {
        return Err("there was nobody to reach".to_owned());
    }
    let expected: u64 = record.broadcasts.iter().map(|b| u64::from(b.expected)).sum();
    let reached: u64 = record.broadcasts.iter().map(|b| u64::from(b.reached)).sum();
    let short = record.broadcasts.iter().filter(|b| b.reached < b.expected).count() as u64;
    let mut detail = format!(
        "{} of {} reached ({}); at least {} % asked for",
        format::count(reached),
        format::count(expected),
        format::percent(reached, expected),
        format::decimal(least * 100.0, 6)
    );
    if short > 0 {
        detail += &format!("; {} did not reach all", plural(short, "broadcast", "broadcasts"));
    }
    Ok((reached as f64 / expected as f64 >= least, detail))
}

fn no_duplicate_delivery(record: &RunRecord) -> Outcome {
    broadcasts_were_sent(record)?;
    let deliveries: u64 = record.broadcasts.iter().map(|b| u64::from(b.delivered.saturating_sub(1))).sum();
    if deliveries == 0 {
        return Err("nothing was delivered to anybody else".to_owned());
    }
    let twice = record.duplicate_deliveries;
    let deliveries = plural(deliveries, "delivery", "deliveries");
    Ok((twice == 0, format!("{} among {deliveries}; none asked for", plural(twice, "repetition", "repetitions"))))
}

fn no_false_suspicion(record: &RunRecord) -> Outcome {
    detection_ran(record)?;
    if !record.samples.iter().any(|sample| sample.known_max >= 2) {
        return Err("nobody knew of anybody whom to suspect".to_owned());
    }
    let wrong = record.false_suspicions;
    Ok((wrong == 0, format!("{} of somebody who could be reached; none asked for", plural(wrong, "suspicion", "suspicions"))))
}

fn detection_ran(record: &RunRecord) -> Result<(), String> {
    if record.meta.detection { Ok(()) } else { Err("detection did not run".to_owned()) }
}

/// The `q`-quantile of the times to notice an absence, where one that was never noticed counts as endless. `None` if there were no
/// absences, `Some(None)` if it is endless.
pub(super) fn detection_quantile(record: &RunRecord, q: f64) -> Option<Option<f64>> {
    let mut times: Vec<f64> = record.detections.iter().map(|d| d.seconds).collect();
    times.sort_by(f64::total_cmp);
    let total = times.len() + usize::try_from(record.missed_detections).ok()?;
    nearest_rank(total, q).map(|rank| times.get(rank).copied())
}

fn detected_within(record: &RunRecord, bound: Duration) -> Outcome {
    detection_ran(record)?;
    let p99 = detection_quantile(record, 0.99).ok_or("nobody was gone whom another could have missed")?;
    let missed = record.missed_detections;
    let absences = plural(record.detections.len() as u64 + missed, "absence", "absences");
    let never = if missed == 0 { String::new() } else { format!(", {} never noticed", format::count(missed)) };
    let asked = format!("at most {} asked for", time(bound));
    Ok(match p99 {
        Some(p99) => (p99 <= bound.as_secs_f64(), format!("99th percentile {} over {absences}{never}; {asked}", format::seconds(p99))),
        None => (false, format!("more than 1 % of {absences} were missed{never}; {asked}")),
    })
}

fn degree(record: &RunRecord, least: usize, most: usize) -> Outcome {
    let running: Vec<(u32, usize)> = record.nodes.iter().filter(|n| n.up).map(|n| (n.node, n.degree as usize)).collect();
    let (Some(min), Some(max)) = (running.iter().map(|n| n.1).min(), running.iter().map(|n| n.1).max()) else {
        return Err("no node ran at the end".to_owned());
    };
    let outside: Vec<_> = running.iter().filter(|n| n.1 < least || n.1 > most).collect();
    let mut detail = format!("{min} to {max} links a node at the end; {least} to {most} asked for");
    if let Some((node, links)) = outside.first() {
        let number = plural(outside.len() as u64, "node is", "nodes are");
        detail += &format!("; {number} outside, the first is node {node} with {links}");
    }
    Ok((outside.is_empty(), detail))
}

fn connected(record: &RunRecord) -> Outcome {
    let graph = Graph::of_running(record);
    if graph.len() < 2 {
        return Err("fewer than two nodes ran at the end".to_owned());
    }
    let components = graph.components();
    let nodes = plural(graph.len() as u64, "running node", "running nodes");
    Ok(match components.as_slice() {
        [_] => (true, format!("one graph of {nodes}; one asked for")),
        all => {
            let largest = all.first().copied().unwrap_or_default();
            (false, format!("{} separate parts among {nodes}, the largest with {largest}; one asked for", all.len()))
        }
    })
}

fn redundancy(record: &RunRecord, most: f64) -> Outcome {
    broadcasts_were_sent(record)?;
    let half = &record.broadcasts[record.broadcasts.len() / 2..];
    let mean = mean_rmr(half).ok_or("no broadcast of the second half was delivered to anybody else")?;
    let detail = format!(
        "mean {} over the last {}; at most {most} asked for",
        format::number(mean),
        plural(half.len() as u64, "broadcast", "broadcasts")
    );
    Ok((mean <= most, detail))
}

/// Mean relative message redundancy; of broadcasts that somebody else has, since it is not defined for others.
pub(super) fn mean_rmr(broadcasts: &[super::BroadcastRow]) -> Option<f64> {
    let (sum, n) = broadcasts.iter().filter(|b| b.delivered > 1).fold((0.0, 0_u64), |(sum, n), b| (sum + b.rmr, n + 1));
    (n > 0).then(|| sum / n as f64)
}

fn latency(record: &RunRecord, which: &str, figure: impl Fn(&super::LatencySummary) -> f64, bound: Duration) -> Outcome {
    broadcasts_were_sent(record)?;
    let latency = record.latency.as_ref().ok_or("nothing was delivered to anybody else")?;
    let measured = figure(latency);
    Ok((measured / 1e3 <= bound.as_secs_f64(), format!("{which} {}; at most {} asked for", format::millis(measured), time(bound))))
}

fn leave_reported_within(record: &RunRecord, bound: Duration) -> Outcome {
    let leaves: Vec<_> = record.leaves.iter().filter(|leave| leave.expected > 0).collect();
    let Some(slowest) = leaves.iter().map(|leave| leave.seconds_max).max_by(f64::total_cmp) else {
        return Err("nobody left whom another could report".to_owned());
    };
    let mut detail = format!(
        "the last report of {} took {}; at most {} asked for",
        plural(leaves.len() as u64, "leave", "leaves"),
        format::seconds(slowest),
        time(bound)
    );
    let unreported = leaves.iter().find(|leave| leave.reported < leave.expected);
    if let Some(leave) = unreported {
        detail += &format!("; that of node {} was reported by {} of {}", leave.node, leave.reported, leave.expected);
    }
    Ok((unreported.is_none() && slowest <= bound.as_secs_f64(), detail))
}
