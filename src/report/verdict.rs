//! Whether what a scenario expects was so.

use serde::{Deserialize, Serialize};

use super::record::RunRecord;
use super::statistics::quantile;
use super::summary::{Components, converged_at};
use crate::scenario::{Expectation, Scenario, Since};

/// The verdict on one expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The expectation, in words.
    pub name: String,
    /// Whether it held. What was not measured did not.
    pub held: bool,
    /// What was measured, against what was expected.
    pub detail: String,
}

/// A verdict for each expectation of `scenario`.
pub fn judge(scenario: &Scenario, record: &RunRecord) -> Vec<Verdict> {
    scenario
        .expect
        .iter()
        .map(|expectation| {
            let (name, outcome) = decide(expectation, record);
            let (held, detail) = outcome.unwrap_or_else(|why| (false, format!("not measured: {why}")));
            Verdict { name, held, detail }
        })
        .collect()
}

type Outcome = Result<(bool, String), &'static str>;

fn decide(expectation: &Expectation, record: &RunRecord) -> (String, Outcome) {
    match expectation {
        Expectation::AllMembersKnown { within, after } => {
            let (what, from) = match after {
                Since::Start => ("start", Some(record.started_at)),
                Since::Heal => ("heal", record.heals.last().copied()),
                Since::LastFault => ("last fault", record.fault_times.iter().copied().reduce(f64::max).or(Some(record.started_at))),
            };
            (format!("all members known within {within:?} after {what}"), all_known(record, within.as_secs_f64(), from))
        }
        Expectation::Reliability(least) => (format!("reliability >= {least}"), reliability(record, *least)),
        Expectation::NoDuplicateDelivery => ("no duplicate delivery".into(), {
            let count = record.duplicate_deliveries;
            sent(record).map(|()| (count == 0, format!("{count} duplicates in {} broadcasts", record.broadcasts.len())))
        }),
        Expectation::NoFalseSuspicion => ("no false suspicion".into(), {
            let count = record.false_suspicions;
            record.meta.detection.then_some((count == 0, format!("{count} false suspicions"))).ok_or("detection is off")
        }),
        Expectation::DetectedWithin(most) => (format!("detected within {most:?}"), detected(record, most.as_secs_f64())),
        Expectation::Degree(least, most) => (format!("degree within {least}..{most}"), degrees(record, *least, *most)),
        Expectation::Connected => ("connected".into(), {
            let parts = Components::of(record).count;
            if parts == 0 {
                Err("no node runs at the end")
            } else {
                Ok((parts == 1, format!("{parts} component{}", if parts == 1 { "" } else { "s" })))
            }
        }),
        Expectation::Redundancy(most) => (format!("redundancy <= {most}"), {
            // Of the second half: the tree forms during the first.
            let late = &record.broadcasts[record.broadcasts.len() / 2..];
            sent(record).map(|()| {
                let mean = late.iter().map(|row| row.rmr).sum::<f64>() / late.len() as f64;
                (mean <= *most, format!("mean RMR of the second half is {mean:.3}"))
            })
        }),
        Expectation::LatencyP99(most) => {
            (format!("99th percentile of latency <= {most:?}"), latency(record, most.as_secs_f64(), |it| it.p99))
        }
        Expectation::LatencyMax(most) => (format!("latency <= {most:?}"), latency(record, most.as_secs_f64(), |it| it.max)),
        Expectation::LeaveReportedWithin(most) => (format!("leave reported within {most:?}"), left(record, most.as_secs_f64())),
    }
}

fn sent(record: &RunRecord) -> Result<(), &'static str> {
    if record.broadcasts.is_empty() { Err("nothing was broadcast") } else { Ok(()) }
}

fn all_known(record: &RunRecord, within: f64, from: Option<f64>) -> Outcome {
    if !record.meta.membership {
        return Err("membership is off");
    }
    let from = from.ok_or("the event it counts from did not happen")?;
    Ok(match converged_at(record, from) {
        Some(at) => (at - from <= within, format!("after {:.2} s", at - from)),
        None => (false, "never".into()),
    })
}

fn reliability(record: &RunRecord, least: f64) -> Outcome {
    sent(record)?;
    let sum = |count: fn(&super::BroadcastRow) -> u32| record.broadcasts.iter().map(|row| u64::from(count(row))).sum::<u64>();
    let (reached, expected) = (sum(|row| row.reached), sum(|row| row.expected));
    if expected == 0 {
        return Err("nobody ran long enough to be expected to deliver");
    }
    Ok((
        reached as f64 >= least * expected as f64,
        format!("{reached} of {expected} deliveries ({:.4}%)", 100.0 * reached as f64 / expected as f64),
    ))
}

fn detected(record: &RunRecord, most: f64) -> Outcome {
    if !record.meta.detection {
        return Err("detection is off");
    }
    let mut times: Vec<f64> = record.detections.iter().map(|row| row.seconds).collect();
    times.sort_by(f64::total_cmp);
    let (missed, found) = (record.missed_detections, times.len());
    if found == 0 && missed == 0 {
        return Err("nobody was gone for long");
    }
    Ok(match quantile(&times, 0.99) {
        Some(p99) => (missed == 0 && p99 <= most, format!("99th percentile {p99:.2} s over {found} detections, {missed} missed")),
        None => (false, format!("all {missed} were missed")),
    })
}

fn degrees(record: &RunRecord, least: usize, most: usize) -> Outcome {
    let degrees = || record.nodes.iter().filter(|node| node.up).map(|node| node.degree as usize);
    let (min, max) = degrees().min().zip(degrees().max()).ok_or("no node runs at the end")?;
    Ok((least <= min && max <= most, format!("{min} to {max} links")))
}

fn latency(record: &RunRecord, most: f64, which: fn(&super::LatencySummary) -> f64) -> Outcome {
    let millis = which(record.latency.as_ref().ok_or("nothing was delivered")?);
    Ok((millis <= most * 1000.0, format!("{millis:.1} ms")))
}

fn left(record: &RunRecord, most: f64) -> Outcome {
    let slowest = record.leaves.iter().map(|row| row.seconds_max).reduce(f64::max).ok_or("nobody left")?;
    let unheard: u32 = record.leaves.iter().map(|row| row.expected - row.reported.min(row.expected)).sum();
    Ok((unheard == 0 && slowest <= most, format!("slowest report after {slowest:.2} s, {unheard} not reported")))
}
