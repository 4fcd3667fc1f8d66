//! What leaves a world, in words.

use std::collections::BTreeMap;

use super::machine::Machine;
use crate::crypto::NodeId;
use crate::gate::{Arrival, Input, LinkId, Output};

/// Where the links of a world lead, for people.
#[derive(Debug, Default)]
pub struct Links {
    places: BTreeMap<LinkId, String>,
    names: BTreeMap<LinkId, NodeId>,
}

impl Links {
    /// Notes where links come from that were accepted.
    pub fn note_arrivals(&mut self, arrivals: &[Arrival]) {
        for arrival in arrivals {
            match &arrival.input {
                Input::Accepted { link, from, .. } => {
                    // "from 10.0.0.1:40000"
                    let text = from.to_string();
                    self.places.insert(*link, text.strip_prefix("from ").unwrap_or(&text).to_owned());
                }
                Input::Connected { link, to } => {
                    self.places.insert(*link, to.to_string());
                }
                _ => {}
            }
        }
    }

    /// Notes where links lead that are dialled, and who is there.
    pub fn note_outputs(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Dial { link, to, .. } => {
                    self.places.insert(*link, to.to_string());
                }
                Output::Proven { link, remote } => {
                    self.names.insert(*link, *remote);
                }
                _ => {}
            }
        }
    }

    fn peer(&self, link: LinkId) -> String {
        let place = self.places.get(&link).map_or_else(|| format!("link {}", link.0), String::clone);
        self.names.get(&link).map_or_else(|| place.clone(), |name| format!("{name} at {place}"))
    }

    /// The `index`-th of what left `machine` in its last tick, as in "the original …".
    pub fn describe(&self, machine: &Machine, index: Option<usize>) -> String {
        let outputs = machine.outputs();
        let Some((index, output)) = index.and_then(|index| Some((index, outputs.get(index)?))) else {
            return "does nothing".to_owned();
        };
        match output {
            Output::Dial { to, .. } => format!("dials {to}"),
            Output::Proven { link, remote } => format!("believes that {} is {remote}", self.peer(*link)),
            Output::HangUp { link, reason, .. } => format!("closes the link with {} ({})", self.peer(*link), reason.name()),
            Output::Hello { .. } => "says hello on the local network".to_owned(),
            Output::Persist { .. } => "keeps a row".to_owned(),
            Output::Vanish { .. } => "vanishes".to_owned(),
            Output::Frame { link, bytes, .. } => {
                format!("sends {} bytes of {} to {}", bytes.len(), protocol(machine, *link, index), self.peer(*link))
            }
        }
    }
}

/// Whether a frame holds a sealed message.
fn is_sealed(frame: &[u8]) -> bool {
    frame.get(1) == Some(&(crate::wire::FrameKind::Transport as u8))
}

/// The protocol of the frame that is the `index`-th of what left.
fn protocol(machine: &Machine, link: LinkId, index: usize) -> &'static str {
    let sealed = |output: &&Output| matches!(output, Output::Frame { link: other, bytes, .. } if *other == link && is_sealed(bytes));
    match machine.outputs().get(index) {
        Some(output) if sealed(&output) => {
            let before = machine.outputs().iter().take(index).filter(sealed).count();
            let mut spoken = machine.spoken().iter().filter(|(other, _)| *other == link).map(|(_, name)| *name);
            // What no protocol has said is the session's own farewell.
            spoken.nth(before).unwrap_or("session")
        }
        _ => "handshake",
    }
}
