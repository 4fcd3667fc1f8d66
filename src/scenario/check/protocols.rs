//! Whether the protocols, their configuration and what is expected of them fit together.

use serde_json::Value;

use super::{MAX_DURATION, Place, Verdict, above_zero, period};
use crate::mesh::topology::TopologyConfig;
use crate::scenario::load::Loaded;
use crate::scenario::{Dissemination, Expectation, FaultKind, Graph, Overlay, Scenario, Since, WorkloadKind};
use crate::wire::limits::MAX_MESSAGE;

/// Smallest byte budget with which gossip makes progress.
const MIN_BUDGET: usize = 512;

pub(super) fn check(loaded: &Loaded) -> Verdict {
    let scenario = &loaded.scenario;
    let protocols = &scenario.protocols;
    let place = Place::of("protocols");
    // It is written whenever it could be read.
    if let Ok(written) = serde_json::to_value(protocols) {
        bounded(&written, &place)?;
    }
    if let Some(config) = &protocols.discovery {
        let place = place.field("discovery");
        period(config.hello_interval, &place.field("hello_interval"))?;
        period(config.retry_base, &place.field("retry_base"))?;
        period(config.lost_interval, &place.field("lost_interval"))?;
        if config.retry_cap < config.retry_base {
            return place.field("retry_cap").problem("the longest wait must not be shorter than the first, `retry_base`");
        }
    }
    if let Some(config) = &protocols.handshake {
        period(config.connect_timeout, &place.field("handshake").field("connect_timeout"))?;
        period(config.handshake_timeout, &place.field("handshake").field("handshake_timeout"))?;
    }
    if let Some(config) = &protocols.liveness {
        period(config.interval, &place.field("liveness").field("interval"))?;
        period(config.timeout, &place.field("liveness").field("timeout"))?;
    }
    if let Some(config) = &protocols.membership {
        let place = place.field("membership");
        period(config.gossip_interval, &place.field("gossip_interval"))?;
        period(config.heartbeat_interval, &place.field("heartbeat_interval"))?;
        period(config.grace_period, &place.field("grace_period"))?;
        if !(MIN_BUDGET..=MAX_MESSAGE).contains(&config.byte_budget) {
            return place.field("byte_budget").problem(format!("the byte budget must lie between {MIN_BUDGET} and {MAX_MESSAGE}"));
        }
    }
    if let Some(config) = &protocols.detection {
        let place = place.field("detection");
        if protocols.membership.is_none() {
            return place.problem("detection needs membership, which is off; switch it off too, with `detection: None`");
        }
        if !(config.threshold.is_finite() && config.threshold > 0.0) {
            return place.field("threshold").problem("the threshold must be above zero");
        }
        if config.window == 0 {
            return place.field("window").problem("the window must hold at least one time");
        }
        period(config.min_std_deviation, &place.field("min_std_deviation"))?;
        period(config.check_interval, &place.field("check_interval"))?;
    }
    if let Some(config) = &protocols.admission {
        let place = place.field("admission");
        if protocols.handshake.is_none() {
            return place.problem("admission needs the handshake, which is off: without it anybody can say that they are invited");
        }
        if protocols.membership.is_none() {
            return place.problem("admission needs membership, which is off; switch it off too, with `admission: None`");
        }
        period(config.interval, &place.field("interval"))?;
    }
    if let Dissemination::Plumtree(config) = &protocols.dissemination {
        let place = place.field("dissemination").field("Plumtree");
        period(config.graft_timeout, &place.field("graft_timeout"))?;
        period(config.summary_interval, &place.field("summary_interval"))?;
        if config.log_messages == 0 {
            return place.field("log_messages").problem("at least one message must be kept, or none could be sent again");
        }
    }
    if let Some(config) = &protocols.prekeys {
        let place = place.field("prekeys");
        if protocols.membership.is_none() {
            return place.problem("prekeys need membership, which is off; switch them off too, with `prekeys: None`");
        }
        period(config.rotation, &place.field("rotation"))?;
    }
    if let Some(config) = &protocols.routing {
        let place = place.field("routing");
        if protocols.prekeys.is_none() {
            return place.problem("routing needs prekeys, which are off; switch it off too, with `routing: None`");
        }
        period(config.publish_delay, &place.field("publish_delay"))?;
        period(config.patience, &place.field("patience"))?;
    }
    overlay(loaded, &place.field("overlay"))?;
    scenario.expect.iter().enumerate().try_for_each(|(index, it)| expectation(scenario, it, &Place::of("expect").item(index)))
}

/// No time in the configuration of a protocol may be so long that to reckon with it would overflow. Whatever the protocol: a time is written as
/// text, and stands in no list, as names do.
fn bounded(value: &Value, place: &Place) -> Verdict {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| bounded(value, &place.field(name))),
        Value::String(text) if humantime::parse_duration(text).is_ok_and(|time| time > MAX_DURATION) => {
            place.problem("this time must be at most ten years")
        }
        _ => Ok(()),
    }
}

fn overlay(loaded: &Loaded, place: &Place) -> Verdict {
    let nodes = loaded.scenario.nodes;
    match &loaded.scenario.protocols.overlay {
        Overlay::Degree(config) => {
            let place = place.field("Degree");
            period(config.rebalance_interval, &place.field("rebalance_interval"))?;
            let (min, max) = (config.min_degree, config.max_degree);
            if min > max {
                // Whichever was written; the other is the default.
                let written = if place.field("min_degree").is_stated(loaded) { "min_degree" } else { "max_degree" };
                return place.field(written).problem(format!("`min_degree` {min} is above `max_degree` {max}"));
            }
            let place = place.field("min_degree");
            if min == 0 {
                return place.problem("a node that wants no link seeks none: at least 1 is needed".to_owned());
            }
            // The default is no wish: two nodes make do with one link.
            if min >= nodes as usize && min != TopologyConfig::default().min_degree {
                return place.problem(format!("more links than nodes: {min} for each cannot be had among {nodes} nodes"));
            }
            Ok(())
        }
        Overlay::Pinned(graph) => pinned(graph, nodes, &place.field("Pinned")),
    }
}

fn pinned(graph: &Graph, nodes: u32, place: &Place) -> Verdict {
    match graph {
        Graph::RandomRegular(degree) => {
            let place = place.field("RandomRegular");
            let degree = *degree;
            if degree >= nodes {
                return place.problem(format!("more links than nodes: {degree} for each cannot be had among {nodes} nodes"));
            }
            if u64::from(degree) * u64::from(nodes) % 2 == 1 {
                return place.problem(format!(
                    "{nodes} nodes cannot have {degree} links each: every link has two ends, and {nodes} x {degree} is odd"
                ));
            }
            if nodes > 2 && degree < 2 || nodes == 2 && degree == 0 {
                return place.problem(format!("with {degree} links each the graph of {nodes} nodes would not be connected"));
            }
            Ok(())
        }
        Graph::Edges(edges) => {
            let place = place.field("Edges");
            let mut sorted: Vec<((u32, u32), usize)> =
                edges.iter().enumerate().map(|(index, (a, b))| (((*a).min(*b), (*a).max(*b)), index)).collect();
            for ((a, b), index) in &sorted {
                let place = place.item(*index);
                if *b >= nodes {
                    return place.problem(format!("there is no node {b}: the last of {nodes} is {}", nodes - 1));
                }
                if a == b {
                    return place.problem(format!("node {a} cannot be linked with itself"));
                }
            }
            sorted.sort_unstable();
            match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                Some(pair) => place.item(pair[1].1).problem(format!("the link of {} and {} is given twice", pair[1].0.0, pair[1].0.1)),
                None => Ok(()),
            }
        }
        Graph::Ring | Graph::Line | Graph::Star | Graph::Full => Ok(()),
    }
}

fn expectation(scenario: &Scenario, expectation: &Expectation, place: &Place) -> Verdict {
    let protocols = &scenario.protocols;
    let needs = |is_on: bool, what: &str| {
        if is_on { Ok(()) } else { place.problem(format!("this cannot be judged: it needs {what}, which is off")) }
    };
    let needs_broadcasts = || {
        needs(protocols.dissemination != Dissemination::Off, "dissemination")?;
        if scenario.workload.is_empty() {
            place.problem("this cannot be judged: nothing is broadcast, `workload` is empty")
        } else if scenario.workload.iter().all(|workload| workload.kind != WorkloadKind::Broadcast) {
            place.problem("this cannot be judged: nothing is broadcast, no `workload` is of the kind `Broadcast`")
        } else {
            Ok(())
        }
    };
    match expectation {
        Expectation::AllMembersKnown { within, after } => {
            needs(protocols.membership.is_some(), "membership")?;
            let place = place.field("AllMembersKnown");
            since(scenario, *after, &place.field("after"))?;
            let (place, interval) = (place.field("within"), scenario.sample_interval);
            above_zero(*within, &place)?;
            if *within < interval {
                let interval = humantime::format_duration(interval);
                return place.problem(format!("views are looked at every {interval} (`sample_interval`): nothing shorter can be judged"));
            }
            Ok(())
        }
        Expectation::Reliability(share) => {
            needs_broadcasts()?;
            super::probability(*share, &place.field("Reliability"))
        }
        Expectation::Redundancy(most) => {
            needs_broadcasts()?;
            let bad = !most.is_finite() || *most < 0.0;
            if bad { place.field("Redundancy").problem("redundancy is a number from 0") } else { Ok(()) }
        }
        Expectation::NoDuplicateDelivery => needs_broadcasts(),
        Expectation::LatencyP99(most) => {
            needs_broadcasts()?;
            above_zero(*most, &place.field("LatencyP99"))
        }
        Expectation::LatencyMax(most) => {
            needs_broadcasts()?;
            above_zero(*most, &place.field("LatencyMax"))
        }
        Expectation::NoFalseSuspicion => needs(protocols.detection.is_some(), "detection"),
        Expectation::DetectedWithin(within) => {
            needs(protocols.detection.is_some(), "detection")?;
            above_zero(*within, &place.field("DetectedWithin"))
        }
        Expectation::Degree(min, max) => {
            let place = place.field("Degree");
            if min > max {
                return place.problem(format!("the fewest links come first: {min} is above {max}"));
            }
            let nodes = scenario.nodes as usize;
            if *min >= nodes && *min > 0 {
                return place.item(0).problem(format!("more links than nodes: {min} for each cannot be had among {nodes} nodes"));
            }
            Ok(())
        }
        Expectation::Connected => Ok(()),
        Expectation::LeaveReportedWithin(within) => {
            needs(protocols.leave, "leave")?;
            above_zero(*within, &place.field("LeaveReportedWithin"))
        }
        // See `chat`.
        Expectation::Readable { .. }
        | Expectation::Unreadable { .. }
        | Expectation::LogsEqual
        | Expectation::AllTextsDelivered(_)
        | Expectation::NotMembers(_)
        | Expectation::Refused { .. } => Ok(()),
    }
}

/// There is an event to count from.
pub(super) fn since(scenario: &Scenario, since: Since, place: &Place) -> Verdict {
    let heals = scenario.faults.iter().any(|fault| fault.kind == FaultKind::Heal);
    match since {
        Since::Heal if !heals => place.problem("there is no fault `Heal` to count from"),
        Since::LastFault if scenario.faults.is_empty() && scenario.churn.is_none() => {
            place.problem("there is neither a fault nor churn to count from")
        }
        _ => Ok(()),
    }
}
