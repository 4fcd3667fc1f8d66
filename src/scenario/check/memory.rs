//! Whether the machine has the memory that a scenario asks for.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::{Place, Verdict};
use crate::scenario::{Churn, Dissemination, Graph, Lifetime, Overlay, Scenario, Selection, Workload, WorkloadKind};

/// Of the program itself, and the tables of a run.
const BASE: f64 = 12e6;
/// Of a node, whatever runs on it.
const NODE: f64 = 6_250.0;
/// Of what a node knows about one member.
const MEMBER: f64 = 800.0;
/// Of one end of a link.
const LINK: f64 = 700.0;
/// Of a broadcast in the record of the run, and for each node that a bit is kept for.
const BROADCAST: f64 = 200.0;
/// Of a text at a node that has it: its entry, its place and what it says, besides three times its length.
const TEXT: f64 = 800.0;
/// Of a message in a node's log, which shares its payload with the others.
const LOGGED: f64 = 48.0;
/// Seconds for which payloads are on their way or in logs.
const KEPT: f64 = 30.0;
/// Of a sample in the record.
const SAMPLE: f64 = 400.0;
/// Of a node that goes and comes back once, in the timeline.
const RETURN: f64 = 600.0;

/// How many bytes a run will need, about.
pub fn memory_estimate(scenario: &Scenario) -> f64 {
    let nodes = f64::from(scenario.nodes);
    let members = if scenario.protocols.membership.is_some() { nodes * MEMBER } else { 0.0 };
    let seconds = scenario.duration.as_secs_f64();
    let samples = seconds / scenario.sample_interval.as_secs_f64().max(1e-9);
    let spoken = |workload: &Workload| {
        let stop = workload.end(scenario.duration).as_secs_f64();
        // What is no rate is told as that.
        let rate = if workload.rate.is_finite() { workload.rate.max(0.0) } else { 0.0 };
        rate * count(&workload.from, scenario) * (stop - workload.start.as_secs_f64()).clamp(0.0, seconds)
    };
    let (chats, casts): (Vec<&Workload>, Vec<&Workload>) =
        scenario.workload.iter().partition(|workload| matches!(workload.kind, WorkloadKind::Chat { .. }));
    let texts: f64 = chats.into_iter().map(|workload| spoken(workload) * (TEXT + 3.0 * workload.size as f64)).sum();
    let broadcasts: f64 = casts.into_iter().map(spoken).sum();
    let logged = match &scenario.protocols.dissemination {
        Dissemination::Plumtree(config) => broadcasts.min(config.log_messages as f64) * LOGGED,
        Dissemination::Off => 0.0,
    };
    let payloads: f64 = scenario.workload.iter().map(|workload| spoken(workload) * workload.size as f64).sum();
    // What links carry is soon forgotten; what is more than they carry waits.
    let slowest = scenario.network.rules.iter().filter_map(|rule| rule.rate).chain(scenario.network.link.rate).min();
    let waits = slowest.is_some_and(|rate| payloads > rate as f64 * seconds);
    let waiting = if waits { payloads } else { payloads.min(payloads / seconds * KEPT) };
    BASE + nodes * (NODE + members + logged + texts)
        + link_ends(scenario) * LINK
        + broadcasts * (BROADCAST + nodes / 8.0)
        + waiting
        + scenario.churn.as_ref().map_or(0.0, |churn| returns(churn, scenario)) * RETURN
        + samples * SAMPLE
}

/// How often nodes go and come back, about.
fn returns(churn: &Churn, scenario: &Scenario) -> f64 {
    // Rather too often: the mean of a Weibull lifetime is far above its scale if the shape is small. None is shorter than a millisecond.
    let typical = |lifetime: &Lifetime| match lifetime {
        Lifetime::Constant(time) | Lifetime::Exponential(time) | Lifetime::Weibull(time, _) => time.as_secs_f64().max(1e-3),
    };
    let seconds = churn.until.unwrap_or(scenario.duration).min(scenario.duration).saturating_sub(churn.from).as_secs_f64();
    count(&churn.nodes, scenario) * seconds / (typical(&churn.session) + typical(&churn.downtime))
}

/// How many nodes a selection names, at most; without looking at any.
fn count(selection: &Selection, scenario: &Scenario) -> f64 {
    let nodes = f64::from(scenario.nodes);
    let count = match selection {
        Selection::Nodes(ordinals) => ordinals.len() as f64,
        Selection::Range(from, to) => f64::from(to.saturating_sub(*from)),
        Selection::Share(from, to) => (to - from) * nodes,
        Selection::Random(count) => f64::from(*count),
        Selection::RandomShare(share) => share * nodes,
        Selection::Group(name) => match scenario.groups.get(name) {
            Some(group) if !matches!(group, Selection::Group(_)) => count(group, scenario),
            _ => nodes,
        },
        Selection::All | Selection::Union(_) | Selection::Except(_) => nodes,
    };
    count.clamp(0.0, nodes)
}

fn link_ends(scenario: &Scenario) -> f64 {
    let nodes = f64::from(scenario.nodes);
    match &scenario.protocols.overlay {
        Overlay::Degree(config) => nodes * (config.max_degree as f64).min(nodes - 1.0),
        Overlay::Pinned(Graph::RandomRegular(degree)) => nodes * f64::from(*degree).min(nodes - 1.0),
        Overlay::Pinned(Graph::Full) => nodes * (nodes - 1.0),
        Overlay::Pinned(Graph::Edges(edges)) => 2.0 * edges.len() as f64,
        Overlay::Pinned(Graph::Ring | Graph::Line | Graph::Star) => 2.0 * nodes,
    }
}

/// Bytes of memory that this machine, or the group of processes that it grants memory to, has to spare; infinite if it does not tell.
pub fn available_memory() -> f64 {
    let known = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let Ok(system) = System::new_with_specifics(known) else { return f64::INFINITY };
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    match system.available_memory().min(limit) {
        0 => f64::INFINITY,
        bytes => bytes as f64,
    }
}

pub(super) fn check(scenario: &Scenario) -> Verdict {
    fits(scenario, available_memory())
}

pub(super) fn fits(scenario: &Scenario, available: f64) -> Verdict {
    let estimate = memory_estimate(scenario);
    // A rate that is no number has its own message.
    if estimate.is_nan() || estimate <= available {
        return Ok(());
    }
    let place = blame(scenario);
    place.problem(format!("this needs {} of memory; the machine has {} to spare", human(estimate), human(available)))
}

/// What to change: the rate, churn or the samples if they alone ask for most of it, else the number of nodes.
fn blame(scenario: &Scenario) -> Place {
    let mut quiet = scenario.clone();
    let all = memory_estimate(scenario);
    quiet.workload.clear();
    if memory_estimate(&quiet) < all / 2.0 {
        return Place::of("workload");
    }
    quiet.churn = None;
    if memory_estimate(&quiet) < all / 2.0 {
        return Place::of("churn");
    }
    quiet.sample_interval = quiet.duration;
    if memory_estimate(&quiet) < all / 2.0 { Place::of("sample_interval") } else { Place::of("nodes") }
}

fn human(bytes: f64) -> String {
    match bytes {
        bytes if bytes >= 1e15 => "more than 1000 TB".to_owned(),
        bytes if bytes >= 1e12 => format!("about {:.1} TB", bytes / 1e12),
        bytes if bytes >= 1e9 => format!("about {:.1} GB", bytes / 1e9),
        bytes => format!("about {:.0} MB", bytes / 1e6),
    }
}
