//! Whether what people and adversaries do, and what is expected of chat, make sense.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Place, Problem, Verdict, above_zero, period, probability, selection};
use crate::crypto::MAX_LEAP;
use crate::mesh::topics::{LOBBY, TopicError, is_name};
use crate::scenario::error::nearest;
use crate::scenario::{Act, ActKind, Adversary, Expectation, Protocols, Reader, Scenario, Selection, Texts};
use crate::wire::chat::MAX_TEXT;

/// Most messages a second with which one node floods others.
const MAX_FLOOD: f64 = 100_000.0;

pub(super) fn check(scenario: &Scenario) -> Verdict {
    protocols(&scenario.protocols, &Place::of("protocols"))?;
    for (index, it) in scenario.acts.iter().enumerate() {
        act(scenario, it, &Place::of("acts").item(index))?;
    }
    names(scenario)?;
    for (index, it) in scenario.adversaries.iter().enumerate() {
        adversary(scenario, it, &Place::of("adversaries").item(index))?;
    }
    scenario.expect.iter().enumerate().try_for_each(|(index, it)| expectation(scenario, it, &Place::of("expect").item(index)))
}

/// Each stands on the one before it.
fn protocols(protocols: &Protocols, place: &Place) -> Verdict {
    let floors = [("routing", protocols.routing.is_some()), ("topics", protocols.topics.is_some()), ("chat", protocols.chat.is_some())];
    for pair in floors.windows(2) {
        let [(below, is_on), (above, is_wanted)] = [pair[0], pair[1]];
        if is_wanted && !is_on {
            return place.field(above).problem(format!("{above} needs {below}, which is off; switch it on with `{below}: ()`"));
        }
    }
    if let Some(config) = &protocols.topics {
        let place = place.field("topics").field("tree");
        period(config.tree.graft_timeout, &place.field("graft_timeout"))?;
        period(config.tree.summary_interval, &place.field("summary_interval"))?;
    }
    if let Some(config) = &protocols.chat {
        let place = place.field("chat");
        let times = [
            ("epoch_time", config.epoch_time),
            ("sync_interval", config.sync_interval),
            ("gap_delay", config.gap_delay),
            ("receipt_delay", config.receipt_delay),
            ("keep_time", config.keep_time),
        ];
        times.into_iter().try_for_each(|(name, time)| period(time, &place.field(name)))?;
        if !(1..=MAX_LEAP).contains(&config.epoch_texts) {
            return place.field("epoch_texts").problem(format!("an epoch must hold at least one text, and at most {MAX_LEAP}"));
        }
    }
    Ok(())
}

/// What an act needs is on.
fn needs(is_on: bool, act: &str, what: &str, place: &Place) -> Verdict {
    if is_on { Ok(()) } else { place.problem(format!("{act} needs {what}, which is off; switch it on with `protocols: ({what}: ())`")) }
}

fn in_time(scenario: &Scenario, at: Duration, place: &Place) -> Verdict {
    if at <= scenario.duration {
        return Ok(());
    }
    place.problem(format!("this is after the end: the run lasts {}", humantime::format_duration(scenario.duration)))
}

fn act(scenario: &Scenario, Act { at, kind }: &Act, place: &Place) -> Verdict {
    in_time(scenario, *at, &place.field("at"))?;
    let place = place.field("do");
    let protocols = &scenario.protocols;
    match kind {
        ActKind::Say { from, topic: name, text: said, .. } => {
            let place = place.field("Say");
            needs(protocols.chat.is_some(), "saying something", "chat", &place)?;
            selection(scenario, from, &place.field("from"))?;
            topic(name, &place.field("topic"))?;
            text(said, &place.field("text"))
        }
        ActKind::Dm { from, to, text: said, .. } => {
            let place = place.field("Dm");
            needs(protocols.chat.is_some(), "saying something", "chat", &place)?;
            node(scenario, *from, &place.field("from"))?;
            node(scenario, *to, &place.field("to"))?;
            text(said, &place.field("text"))?;
            if from == to { place.field("to").problem("nobody says something to itself alone") } else { Ok(()) }
        }
        ActKind::Invite { by, who } => admission(scenario, "inviting", *by, who, &place.field("Invite")),
        ActKind::Revoke { by, who } => admission(scenario, "revoking", *by, who, &place.field("Revoke")),
        ActKind::Join { nodes, topic: name } => subscription(scenario, nodes, name, &place.field("Join")),
        ActKind::Leave { nodes, topic: name } => subscription(scenario, nodes, name, &place.field("Leave")),
    }
}

fn node(scenario: &Scenario, node: u32, place: &Place) -> Verdict {
    let nodes = scenario.nodes;
    if node < nodes { Ok(()) } else { place.problem(format!("there is no node {node}: the last of {nodes} is {}", nodes - 1)) }
}

/// A topic's name, as the protocol of topics takes it.
pub(super) fn topic(name: &str, place: &Place) -> Verdict {
    if is_name(name) { Ok(()) } else { place.problem(TopicError::BadName.to_string()) }
}

fn text(text: &str, place: &Place) -> Verdict {
    match text.len() {
        0 => place.problem("there is nothing to say"),
        length if length > MAX_TEXT => place.problem(format!("a text has at most {MAX_TEXT} bytes, not {length}")),
        _ => Ok(()),
    }
}

fn admission(scenario: &Scenario, act: &str, by: u32, who: &Selection, place: &Place) -> Verdict {
    let config = &scenario.protocols.admission;
    needs(config.is_some(), act, "admission", place)?;
    if !config.as_ref().is_some_and(|config| config.invite_only) {
        let message = format!("{act} needs a network that is by invitation: `protocols: (admission: (invite_only: true))`");
        return place.problem(message);
    }
    node(scenario, by, &place.field("by"))?;
    if selection(scenario, who, &place.field("who"))?.contains(&by) {
        return place.field("who").problem(format!("node {by} would do this to itself"));
    }
    Ok(())
}

fn subscription(scenario: &Scenario, nodes: &Selection, name: &str, place: &Place) -> Verdict {
    needs(scenario.protocols.topics.is_some(), "a topic", "topics", place)?;
    selection(scenario, nodes, &place.field("nodes"))?;
    if name == LOBBY {
        return place.field("topic").problem("to the lobby all belong: nobody joins or leaves it");
    }
    topic(name, &place.field("topic"))
}

/// What is said in one place in the same words can only have one name.
fn names(scenario: &Scenario) -> Verdict {
    let mut known: BTreeMap<(Option<&str>, u32, &str), &Option<String>> = BTreeMap::new();
    for (index, act) in scenario.acts.iter().enumerate() {
        let (place, key, name) = match &act.kind {
            ActKind::Say { topic, text, name, .. } => ("Say", (Some(topic.as_str()), 0, text.as_str()), name),
            ActKind::Dm { to, text, name, .. } => ("Dm", (None, *to, text.as_str()), name),
            _ => continue,
        };
        if *known.entry(key).or_insert(name) != name {
            let place = Place::of("acts").item(index).field("do").field(place).field("text");
            return place.problem("the same words were said here under another name: what is meant could not be told");
        }
    }
    Ok(())
}

fn adversary(scenario: &Scenario, adversary: &Adversary, place: &Place) -> Verdict {
    let protocols = &scenario.protocols;
    match adversary {
        Adversary::Recorder { steals_from, at } => {
            let place = place.field("Recorder");
            needs(protocols.chat.is_some(), "a recorder", "chat", &place)?;
            selection(scenario, steals_from, &place.field("steals_from"))?;
            in_time(scenario, *at, &place.field("at"))
        }
        Adversary::Revoked { who } => {
            let place = place.field("Revoked");
            needs(protocols.chat.is_some(), "an adversary who was revoked", "chat", &place)?;
            let mut revoked = Vec::new();
            for (index, act) in scenario.acts.iter().enumerate() {
                if let ActKind::Revoke { who, .. } = &act.kind {
                    revoked.extend(selection(scenario, who, &Place::of("acts").item(index).field("do").field("Revoke").field("who"))?);
                }
            }
            let place = place.field("who");
            match selection(scenario, who, &place)?.iter().find(|node| !revoked.contains(node)) {
                Some(node) => place.problem(format!("no act revokes node {node}")),
                None => Ok(()),
            }
        }
        Adversary::Relay { who, drops, replays, alters, .. } => {
            let place = place.field("Relay");
            selection(scenario, who, &place.field("who"))?;
            [("drops", drops), ("replays", replays), ("alters", alters)]
                .into_iter()
                .try_for_each(|(name, share)| probability(*share, &place.field(name)))
        }
        Adversary::Liar { who, lies, floods, until } => {
            let place = place.field("Liar");
            needs(protocols.chat.is_some(), "a liar", "chat", &place)?;
            selection(scenario, who, &place.field("who"))?;
            probability(*lies, &place.field("lies"))?;
            until.map_or(Ok(()), |until| in_time(scenario, until, &place.field("until")))?;
            let problem = || place.field("floods").problem(format!("{floods} messages a second are not between 0 and {MAX_FLOOD}"));
            if (0.0..=MAX_FLOOD).contains(floods) { Ok(()) } else { problem() }
        }
    }
}

fn expectation(scenario: &Scenario, expectation: &Expectation, place: &Place) -> Verdict {
    let needs = |is_on: bool, what: &str| {
        if is_on { Ok(()) } else { place.problem(format!("this cannot be judged: it needs {what}, which is off")) }
    };
    let chat = scenario.protocols.chat.is_some();
    match expectation {
        Expectation::Readable { what, by, within, after } => {
            needs(chat, "chat")?;
            let place = place.field("Readable");
            texts(scenario, what, &place.field("what"))?;
            selection(scenario, by, &place.field("by"))?;
            super::protocols::since(scenario, *after, &place.field("after"))?;
            above_zero(*within, &place.field("within"))
        }
        Expectation::Unreadable { what, by } => {
            needs(chat, "chat")?;
            let place = place.field("Unreadable");
            texts(scenario, what, &place.field("what"))?;
            reader(scenario, by, &place.field("by"))
        }
        Expectation::LogsEqual => needs(chat, "chat"),
        Expectation::AllTextsDelivered(share) => {
            needs(chat, "chat")?;
            probability(*share, &place.field("AllTextsDelivered"))
        }
        Expectation::NotMembers(nodes) => {
            needs(chat, "chat")?;
            selection(scenario, nodes, &place.field("NotMembers")).map(drop)
        }
        Expectation::Refused { least, most, .. } => {
            needs(chat, "chat")?;
            match (least, most) {
                (0, &u64::MAX) => place.problem("this always holds: say how often with `least`, `most` or both"),
                (least, most) if least > most => place.problem(format!("nothing is at least {least} and at most {most}")),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn texts(scenario: &Scenario, what: &Texts, place: &Place) -> Verdict {
    let Texts::Named(wanted) = what else { return Ok(()) };
    let known: Vec<&str> = scenario
        .acts
        .iter()
        .filter_map(|act| match &act.kind {
            ActKind::Say { name, .. } | ActKind::Dm { name, .. } => name.as_deref(),
            _ => None,
        })
        .collect();
    if known.contains(&wanted.as_str()) {
        return Ok(());
    }
    let problem = place.as_problem(format!("no act says anything of the name `{wanted}`"));
    Err(Problem { suggestion: nearest(wanted, known), needle: Some(wanted.clone()), ..problem })
}

fn reader(scenario: &Scenario, reader: &Reader, place: &Place) -> Verdict {
    let (is_there, what) = match reader {
        Reader::Nodes(nodes) => return selection(scenario, nodes, &place.field("Nodes")).map(drop),
        Reader::Recorder => (scenario.adversaries.iter().any(|it| matches!(it, Adversary::Recorder { .. })), "Recorder"),
        Reader::Revoked => (scenario.adversaries.iter().any(|it| matches!(it, Adversary::Revoked { .. })), "Revoked"),
    };
    if is_there { Ok(()) } else { place.problem(format!("there is no adversary `{what}` who could read it")) }
}
