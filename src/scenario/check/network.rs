//! Whether the network makes sense.

use std::path::Path;
use std::time::Duration;

use super::{MIN_LATENCY, Place, Problem, Verdict, nearest, probability, selection};
use crate::link_model::{Matrix, MatrixError};
use crate::scenario::{Latency, Loss, Regions, Reorder, Scenario};

pub(super) fn check(scenario: &Scenario) -> Verdict {
    let place = Place::of("network");
    let network = &scenario.network;
    let link = place.field("link");
    latency(&network.link.latency, &link.field("latency"))?;
    loss(&network.link.loss, &link.field("loss"))?;
    probability(network.link.duplicate, &link.field("duplicate"))?;
    reorder(&network.link.reorder, &link.field("reorder"))?;
    rate(network.link.rate, &link.field("rate"))?;
    if let Some(regions) = &network.regions {
        check_regions(scenario, regions, &place.field("regions"))?;
    }
    for (index, rule) in network.rules.iter().enumerate() {
        let place = place.field("rules").item(index);
        selection(scenario, &rule.from, &place.field("from"))?;
        selection(scenario, &rule.to, &place.field("to"))?;
        rule.latency.as_ref().map_or(Ok(()), |it| latency(it, &place.field("latency")))?;
        rule.loss.as_ref().map_or(Ok(()), |it| loss(it, &place.field("loss")))?;
        rule.duplicate.map_or(Ok(()), |it| probability(it, &place.field("duplicate")))?;
        rule.reorder.as_ref().map_or(Ok(()), |it| reorder(it, &place.field("reorder")))?;
        rate(rule.rate, &place.field("rate"))?;
    }
    for (index, segment) in network.segments.iter().enumerate() {
        selection(scenario, segment, &place.field("segments").item(index))?;
    }
    Ok(())
}

fn latency(latency: &Latency, place: &Place) -> Verdict {
    let long_enough = |value: Duration, place: &Place| {
        if value < MIN_LATENCY {
            return place.problem(format!("a latency of {value:?} is below {MIN_LATENCY:?}, the shortest that is simulated"));
        }
        if value > Duration::from_secs(3600) { place.problem("a latency above one hour is not simulated") } else { Ok(()) }
    };
    match latency {
        Latency::Constant(value) => long_enough(*value, &place.field("Constant")),
        Latency::Uniform(low, high) => {
            let place = place.field("Uniform");
            if low > high {
                return place.problem("the shorter latency comes first");
            }
            long_enough(*low, &place.item(0))?;
            long_enough(*high, &place.item(1))
        }
        Latency::Normal(mean, _) => long_enough(*mean, &place.field("Normal").item(0)),
        Latency::LogNormal(median, sigma) => {
            let place = place.field("LogNormal");
            long_enough(*median, &place.item(0))?;
            if (0.0..=3.0).contains(sigma) { Ok(()) } else { place.item(1).problem("this standard deviation must lie between 0 and 3") }
        }
    }
}

pub(super) fn loss(loss: &Loss, place: &Place) -> Verdict {
    match loss {
        Loss::None => Ok(()),
        Loss::Independent(share) => probability(*share, &place.field("Independent")),
        Loss::GilbertElliott { to_bad, to_good, loss_good, loss_bad } => {
            let place = place.field("GilbertElliott");
            probability(*to_bad, &place.field("to_bad"))?;
            probability(*to_good, &place.field("to_good"))?;
            probability(*loss_good, &place.field("loss_good"))?;
            probability(*loss_bad, &place.field("loss_bad"))
        }
    }
}

fn reorder(reorder: &Reorder, place: &Place) -> Verdict {
    probability(reorder.probability, &place.field("probability"))
}

fn rate(rate: Option<u64>, place: &Place) -> Verdict {
    if rate == Some(0) { place.problem("a link of rate 0 carries nothing; to cut it, use a fault") } else { Ok(()) }
}

fn check_regions(scenario: &Scenario, regions: &Regions, place: &Place) -> Verdict {
    let matrix = Matrix::load(&regions.matrix, regions.round_trip, Path::new("")).map_err(|error| {
        // The name has become a path if it is not one of ours; what was meant is its last part.
        let name = Path::new(&regions.matrix).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let suggestion = match error {
            MatrixError::Unreadable { .. } => nearest(&name, Matrix::embedded_names()),
            MatrixError::Malformed { .. } => None,
        };
        Problem { suggestion, ..place.field("matrix").as_problem(error.to_string()) }
    })?;
    let mut region_of: Vec<Option<&str>> = vec![None; scenario.nodes as usize];
    for (index, (region, nodes)) in regions.place.iter().enumerate() {
        let place = place.field("place").item(index);
        if !matrix.regions().contains(region) {
            let known = matrix.regions().iter().map(String::as_str);
            let suggestion = nearest(region, known);
            let message = format!("there is no region `{region}` in this matrix, which has {}", matrix.regions().join(", "));
            return Err(Problem { suggestion, ..place.item(0).as_problem(message) });
        }
        for node in selection(scenario, nodes, &place.item(1))? {
            if let Some(other) = region_of[node as usize].replace(region) {
                return place.item(1).problem(format!("node {node} is placed twice: it lives in {other} already"));
            }
        }
    }
    match region_of.iter().position(Option::is_none) {
        Some(node) if !regions.place.is_empty() => place.field("place").problem(format!("node {node} is in no region")),
        _ => Ok(()),
    }
}
