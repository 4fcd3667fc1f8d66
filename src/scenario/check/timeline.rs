//! Whether start, faults, churn and workload make sense.

use std::time::Duration;

use super::{Place, Verdict, above_zero, chat, network, selection};
use crate::scenario::{Churn, Dissemination, Fault, FaultKind, Lifetime, Scenario, Selection, Start, Workload, WorkloadKind};
use crate::wire::chat::MAX_TEXT;
use crate::wire::limits::MAX_PAYLOAD;

/// Clocks may run this many parts per million too fast or too slow.
const MAX_DRIFT: i32 = 500_000;

pub(super) fn check(scenario: &Scenario) -> Verdict {
    start(scenario)?;
    for (index, it) in scenario.faults.iter().enumerate() {
        fault(scenario, it, &Place::of("faults").item(index))?;
    }
    if let Some(it) = &scenario.churn {
        churn(scenario, it, &Place::of("churn"))?;
    }
    for (index, it) in scenario.workload.iter().enumerate() {
        workload(scenario, it, &Place::of("workload").item(index))?;
    }
    Ok(())
}

fn start(scenario: &Scenario) -> Verdict {
    let place = Place::of("start");
    let (seeds, place) = match &scenario.start {
        Start::Together { seeds } => (*seeds, place.field("Together")),
        Start::Join { per_second, seeds } => {
            let place = place.field("Join");
            if !(per_second.is_finite() && *per_second > 0.0) {
                return place.field("per_second").problem(format!("{per_second} nodes per second is not a rate above zero"));
            }
            let rest = scenario.nodes.saturating_sub((*seeds).max(1));
            let last = f64::from(rest) / per_second;
            if last > scenario.duration.as_secs_f64() {
                let message = format!("the last node would join after {last:.1} s, when the run is over");
                return place.field("per_second").problem(message);
            }
            (*seeds, place)
        }
    };
    if seeds > scenario.nodes {
        return place.field("seeds").problem(format!("there are only {} nodes to be seeds", scenario.nodes));
    }
    Ok(())
}

fn fault(scenario: &Scenario, fault: &Fault, place: &Place) -> Verdict {
    if fault.at > scenario.duration {
        let message = format!("this is after the end: the run lasts {}", humantime::format_duration(scenario.duration));
        return place.field("at").problem(message);
    }
    let place = place.field("do");
    let some = |nodes: &Selection, place: &Place| selection(scenario, nodes, place).map(drop);
    match &fault.kind {
        FaultKind::Heal => Ok(()),
        FaultKind::Partition(sides) => {
            let place = place.field("Partition");
            let mut side_of = vec![None; scenario.nodes as usize];
            for (index, side) in sides.iter().enumerate() {
                let place = place.item(index);
                for node in selection(scenario, side, &place)? {
                    if side_of[node as usize].replace(index).is_some() {
                        return place.problem(format!("node {node} is on two sides of the partition"));
                    }
                }
            }
            if sides.is_empty() { place.problem("a partition needs at least one set of nodes") } else { Ok(()) }
        }
        FaultKind::OneWay(from, to) => pair(scenario, from, to, &place.field("OneWay")),
        FaultKind::Cut(from, to) => pair(scenario, from, to, &place.field("Cut")),
        FaultKind::Crash(nodes) => some(nodes, &place.field("Crash")),
        FaultKind::Restart { nodes, .. } => some(nodes, &place.field("Restart").field("nodes")),
        FaultKind::Leave(nodes) => {
            if !scenario.protocols.leave {
                return place.problem("leaving needs the protocol leave, which is off");
            }
            some(nodes, &place.field("Leave"))
        }
        FaultKind::Pause { nodes, period } => {
            let place = place.field("Pause");
            some(nodes, &place.field("nodes"))?;
            above_zero(*period, &place.field("for"))
        }
        FaultKind::LossBurst { nodes, loss, period } => {
            let place = place.field("LossBurst");
            some(nodes, &place.field("nodes"))?;
            network::loss(loss, &place.field("loss"))?;
            above_zero(*period, &place.field("for"))
        }
        FaultKind::ClockDrift { nodes, ppm } => {
            let place = place.field("ClockDrift");
            some(nodes, &place.field("nodes"))?;
            if (-MAX_DRIFT..=MAX_DRIFT).contains(ppm) {
                return Ok(());
            }
            place.field("ppm").problem(format!("a clock may drift by at most {MAX_DRIFT} parts per million, not {ppm}"))
        }
        FaultKind::Slow { nodes, service_time, period } => {
            let place = place.field("Slow");
            some(nodes, &place.field("nodes"))?;
            above_zero(*service_time, &place.field("service_time"))?;
            period.map_or(Ok(()), |period| above_zero(period, &place.field("for")))
        }
    }
}

fn pair(scenario: &Scenario, from: &Selection, to: &Selection, place: &Place) -> Verdict {
    selection(scenario, from, &place.item(0))?;
    selection(scenario, to, &place.item(1)).map(drop)
}

fn churn(scenario: &Scenario, churn: &Churn, place: &Place) -> Verdict {
    selection(scenario, &churn.nodes, &place.field("nodes"))?;
    lifetime(&churn.session, &place.field("session"))?;
    lifetime(&churn.downtime, &place.field("downtime"))?;
    if churn.graceful && !scenario.protocols.leave {
        return place.field("graceful").problem("leaving gracefully needs the protocol leave, which is off");
    }
    period(scenario.duration, churn.from, churn.until, (&place.field("from"), &place.field("until")))?;
    match churn.until {
        Some(until) if until > scenario.duration => place.field("until").problem("this is after the end of the run"),
        _ => Ok(()),
    }
}

fn lifetime(lifetime: &Lifetime, place: &Place) -> Verdict {
    match lifetime {
        Lifetime::Constant(time) => above_zero(*time, &place.field("Constant")),
        Lifetime::Exponential(mean) => above_zero(*mean, &place.field("Exponential")),
        Lifetime::Weibull(scale, shape) => {
            let place = place.field("Weibull");
            above_zero(*scale, &place.item(0))?;
            if (0.05..=100.0).contains(shape) { Ok(()) } else { place.item(1).problem("the shape must lie between 0.05 and 100") }
        }
    }
}

fn workload(scenario: &Scenario, workload: &Workload, place: &Place) -> Verdict {
    let (most, what) = match &workload.kind {
        WorkloadKind::Broadcast if scenario.protocols.dissemination == Dissemination::Off => {
            return place.problem("broadcasts need dissemination, which is off");
        }
        WorkloadKind::Broadcast => (MAX_PAYLOAD, "broadcast"),
        WorkloadKind::Chat { .. } if scenario.protocols.chat.is_none() => {
            return place.problem("texts need chat, which is off");
        }
        WorkloadKind::Chat { topic } => {
            chat::topic(topic, &place.field("kind").field("Chat").field("topic"))?;
            (MAX_TEXT, "text")
        }
    };
    selection(scenario, &workload.from, &place.field("from"))?;
    let rate = workload.rate;
    if rate < 0.0 || !rate.is_finite() {
        let message = if rate < 0.0 { format!("{rate} is a rate below zero") } else { format!("{rate} is not a rate") };
        return place.field("rate").problem(message);
    }
    if workload.size > most {
        return place.field("size").problem(format!("a {what} has at most {most} bytes, not {}", workload.size));
    }
    period(scenario.duration, workload.start, workload.stop, (&place.field("start"), &place.field("stop")))
}

/// From the first to the second time there must be time, before the run ends.
fn period(duration: Duration, from: Duration, until: Option<Duration>, (from_place, until_place): (&Place, &Place)) -> Verdict {
    if from >= duration {
        return from_place.problem(format!("this is after the end: the run lasts {}", humantime::format_duration(duration)));
    }
    match until {
        Some(until) if until <= from => until_place.problem("this ends before it begins"),
        _ => Ok(()),
    }
}
