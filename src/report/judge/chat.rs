//! What was expected of chat.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::format::{self, plural};
use super::super::record::{ReadingRow, RunRecord, TextRow};
use super::{Outcome, moment, since, time};
use crate::scenario::{Expectation, Reader, Scenario, Selection, Since, Texts};

#[cfg(test)]
mod tests;

/// An expectation of chat in words.
pub(super) fn name(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Readable { what, by, within, after } => {
            let after = if *after == Since::Start { String::new() } else { format!(" {}", since(*after)) };
            format!("{} readable by {} within {}{after}", texts(what), selection(by), time(*within))
        }
        Expectation::Unreadable { what, by: Reader::Nodes(nodes) } => format!("{} unreadable by {}", texts(what), selection(nodes)),
        Expectation::Unreadable { what, by: Reader::Recorder } => format!("{} unreadable by the recorder", texts(what)),
        Expectation::Unreadable { what, by: Reader::Revoked } => format!("{} unreadable by the revoked", texts(what)),
        Expectation::LogsEqual => "logs equal".to_owned(),
        Expectation::AllTextsDelivered(least) => format!("texts delivered >= {least}"),
        Expectation::NotMembers(nodes) => format!("{} no members", selection(nodes)),
        Expectation::Refused { what, least, most } => format!("{what} {}", bounds(&(*least..=*most))),
        other => format!("{other:?}"),
    }
}

fn bounds(bounds: &RangeInclusive<u64>) -> String {
    match (*bounds.start(), *bounds.end()) {
        (least, u64::MAX) => format!(">= {least}"),
        (0, most) => format!("<= {most}"),
        (least, most) => format!("within {least}..{most}"),
    }
}

fn texts(what: &Texts) -> String {
    match what {
        Texts::All => "all texts".to_owned(),
        Texts::Named(name) => format!("`{name}`"),
        Texts::SaidBefore(at) => format!("texts before {}", time(*at)),
        Texts::SaidAfter(at) => format!("texts from {} on", time(*at)),
    }
}

fn selection(nodes: &Selection) -> String {
    match nodes {
        Selection::All => "all".to_owned(),
        Selection::Group(name) => name.clone(),
        Selection::Nodes(nodes) => nodes.iter().map(|node| format!("n{node}")).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

fn resolve(scenario: &Scenario, nodes: &Selection) -> Result<Vec<u32>, String> {
    nodes.resolve(scenario.nodes, &scenario.groups, scenario.seed).map_err(|error| error.to_string())
}

/// The texts that are meant, each with its number.
fn meant<'a>(record: &'a RunRecord, what: &Texts) -> Result<Vec<(u32, &'a TextRow)>, String> {
    if !record.meta.chat {
        return Err("chat did not run".to_owned());
    }
    let is_meant = |text: &TextRow| match what {
        Texts::All => text.to.is_none(),
        Texts::Named(name) => text.name == *name,
        Texts::SaidBefore(at) => text.said < at.as_secs_f64(),
        Texts::SaidAfter(at) => text.said >= at.as_secs_f64(),
    };
    let found: Vec<_> = (0..).zip(&record.texts).filter(|(_, text)| is_meant(text)).collect();
    if found.is_empty() { Err("nobody said such a text".to_owned()) } else { Ok(found) }
}

/// How a text is called in a verdict.
fn called(text: &TextRow) -> String {
    let name = if text.name.is_empty() { String::new() } else { format!(" `{}`", text.name) };
    format!("the text{name} of n{} at {}", text.author, format::seconds(text.said))
}

pub(super) fn readable(
    scenario: &Scenario,
    record: &RunRecord,
    what: &Texts,
    by: &Selection,
    (within, after): (Duration, Since),
) -> Outcome {
    let (texts, readers) = (meant(record, what)?, resolve(scenario, by)?);
    let (from, _) = moment(record, after)?;
    let read: BTreeMap<(u32, u32), f64> = record.readings.iter().map(|row| ((row.text, row.reader), row.seconds)).collect();
    let bound = format!("at most {} asked for", time(within));
    let (mut slowest, mut pairs): (f64, u64) = (0.0, 0);
    for (number, text) in &texts {
        for reader in readers.iter().filter(|reader| **reader != text.author) {
            let Some(at) = read.get(&(*number, *reader)) else {
                return Ok((false, format!("n{reader} never read {}; {bound}", called(text))));
            };
            slowest = slowest.max(at - text.said.max(from));
            pairs += 1;
        }
    }
    if pairs == 0 {
        return Err("there was nobody to read it".to_owned());
    }
    let detail = format!("{}, the slowest after {}; {bound}", plural(pairs, "reading", "readings"), format::seconds(slowest));
    Ok((slowest <= within.as_secs_f64(), detail))
}

pub(super) fn unreadable(scenario: &Scenario, record: &RunRecord, what: &Texts, by: &Reader) -> Outcome {
    let texts = meant(record, what)?;
    let count = plural(texts.len() as u64, "text", "texts");
    let read: Vec<(&TextRow, String)> = match by {
        Reader::Recorder => texts.iter().filter(|(_, text)| text.recorder).map(|(_, text)| (*text, "the recorder".to_owned())).collect(),
        Reader::Revoked => texts.iter().filter(|(_, text)| text.revoked).map(|(_, text)| (*text, "the revoked".to_owned())).collect(),
        Reader::Nodes(nodes) => {
            let nodes: BTreeSet<u32> = resolve(scenario, nodes)?.into_iter().collect();
            let numbers: BTreeMap<u32, &TextRow> = texts.iter().copied().collect();
            let reading = |row: &ReadingRow| {
                let text = numbers.get(&row.text).filter(|_| nodes.contains(&row.reader))?;
                Some((*text, format!("n{} at {}", row.reader, format::seconds(row.seconds))))
            };
            record.readings.iter().filter_map(reading).collect()
        }
    };
    Ok(match read.first() {
        None => (true, format!("none of {count} was read; none allowed")),
        Some((text, who)) => {
            let times = plural(read.len() as u64, "reading", "readings");
            (false, format!("{times} of {count}, the first of {} by {who}; none allowed", called(text)))
        }
    })
}

pub(super) fn logs_equal(record: &RunRecord) -> Outcome {
    if record.logs.is_empty() {
        return Err("no member ran at the end with chat".to_owned());
    }
    let mut topics: BTreeMap<&str, BTreeMap<&str, Vec<u32>>> = BTreeMap::new();
    for row in &record.logs {
        topics.entry(&row.topic).or_default().entry(&row.digest).or_default().push(row.node);
    }
    let entries: u64 = topics.keys().filter_map(|topic| record.logs.iter().find(|row| row.topic == *topic)).map(|row| row.entries).sum();
    if entries == 0 {
        return Err("nothing was said".to_owned());
    }
    Ok(match topics.iter().find(|(_, digests)| digests.len() > 1) {
        None => {
            let topics = plural(topics.len() as u64, "topic", "topics");
            (true, format!("{} of {topics} the same at all members; the same asked for", plural(entries, "entry", "entries")))
        }
        Some((topic, digests)) => {
            let parts: Vec<String> = digests.values().map(|nodes| format!("n{} and {} more", nodes[0], nodes.len() - 1)).collect();
            (false, format!("{} states of {topic}: {}; one asked for", digests.len(), parts.join(", ")))
        }
    })
}

pub(super) fn all_delivered(record: &RunRecord, least: f64) -> Outcome {
    meant(record, &Texts::SaidAfter(Duration::ZERO))?;
    let sum = |of: fn(&TextRow) -> u32| record.texts.iter().map(|text| u64::from(of(text))).sum::<u64>();
    let (expected, delivered) = (sum(|text| text.expected), sum(|text| text.delivered));
    if expected == 0 {
        return Err("there was nobody to read anything".to_owned());
    }
    let mut detail = format!(
        "{} of {} ({}); at least {} % asked for",
        format::count(delivered),
        format::count(expected),
        format::percent(delivered, expected),
        format::decimal(least * 100.0, 6)
    );
    if let Some(text) = record.texts.iter().find(|text| text.delivered < text.expected) {
        detail += &format!("; {} has {} of {}", called(text), text.delivered, text.expected);
    }
    Ok((delivered as f64 / expected as f64 >= least, detail))
}

pub(super) fn not_members(scenario: &Scenario, record: &RunRecord, nodes: &Selection) -> Outcome {
    let nodes = resolve(scenario, nodes)?;
    if !record.members.iter().any(|row| row.member) {
        return Err("no member ran at the end".to_owned());
    }
    let listed = record.members.iter().find(|row| nodes.contains(&row.node) && row.listed_by > 0);
    Ok(match listed {
        None => (true, format!("{} listed by nobody; nobody allowed", plural(nodes.len() as u64, "node is", "nodes are"))),
        Some(row) => (false, format!("n{} is listed by {}; nobody allowed", row.node, plural(row.listed_by.into(), "member", "members"))),
    })
}

pub(super) fn refused(record: &RunRecord, what: &str, wanted: RangeInclusive<u64>) -> Outcome {
    let Some(count) = record.chat_refusals.get(what) else {
        let known: Vec<&str> = record.chat_refusals.keys().map(String::as_str).collect();
        return Err(format!("nothing is counted as `{what}`; there are {}", known.join(", ")));
    };
    Ok((wanted.contains(count), format!("{}; {} asked for", format::count(*count), bounds(&wanted))))
}
