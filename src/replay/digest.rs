//! Digests of what leaves a world, and of what its node knows.

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::gate::{Gate, Output};
use crate::kernel::{AddressBook, Neighbors, Session, Sessions, Standing, timers_fired};
use crate::mesh::membership::Membership;

/// The digest of all that has left a world, in order.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    sum: u128,
    scratch: Vec<u8>,
}

impl Chain {
    /// A tick has run, and `outputs` have left in it.
    pub fn add(&mut self, outputs: &[Output]) {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        bytes.extend(self.sum.to_le_bytes());
        outputs.iter().for_each(|output| append(output, &mut bytes));
        self.sum = XxHash3_128::oneshot(&bytes);
        bytes.shrink_to(64 << 10);
        self.scratch = bytes;
    }

    /// Half of it, as each tick of a recording holds it.
    pub fn short(&self) -> u64 {
        self.sum as u64
    }

    /// All of it, in 32 hexadecimal digits.
    pub fn hex(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

/// Writes an output so that no two are written alike.
fn append(output: &Output, bytes: &mut Vec<u8>) {
    let mut field = |content: &[u8]| {
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(content);
    };
    match output {
        Output::Dial { node, link, to, at } => {
            field(b"dial");
            field(&node.to_le_bytes());
            field(&link.0.to_le_bytes());
            field(&to.to_bytes());
            field(&at.as_nanos().to_le_bytes());
        }
        Output::Proven { link, remote } => {
            field(b"proven");
            field(&link.0.to_le_bytes());
            field(&remote.0);
        }
        Output::Frame { link, bytes, at } => {
            field(b"frame");
            field(&link.0.to_le_bytes());
            field(bytes);
            field(&at.as_nanos().to_le_bytes());
        }
        Output::HangUp { link, reason, at } => {
            field(b"hang up");
            field(&link.0.to_le_bytes());
            field(&[*reason as u8]);
            field(&at.as_nanos().to_le_bytes());
        }
        Output::Hello { node, hello, at } => {
            field(b"hello");
            field(&node.to_le_bytes());
            field(&hello.network);
            field(&hello.id.0);
            field(&hello.address.to_bytes());
            field(&at.as_nanos().to_le_bytes());
        }
        Output::Persist { node, row, value } => {
            field(b"persist");
            field(&node.to_le_bytes());
            field(row);
            field(&[u8::from(value.is_some())]);
            field(value.as_deref().unwrap_or_default());
        }
        Output::Vanish { node } => {
            field(b"vanish");
            field(&node.to_le_bytes());
        }
    }
}

/// Digests of what a node knows, one for each part, so that a difference has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Its address book.
    pub book: u64,
    /// Its neighbours.
    pub neighbors: u64,
    /// Its sessions.
    pub sessions: u64,
    /// The members, their heartbeats and namespaces.
    pub members: u64,
    /// How many timers have fired.
    pub timers: u64,
}

impl State {
    /// What node `ordinal` of `world` knows.
    pub fn of(world: &World, ordinal: u32) -> Self {
        let mut state = Self { timers: timers_fired(world), ..Self::default() };
        let Some(node) = world.resource::<Gate>().node(ordinal) else { return state };
        let mut bytes = Vec::new();
        let sum = |bytes: &mut Vec<u8>| {
            let sum = XxHash3_128::oneshot(bytes) as u64;
            bytes.clear();
            sum
        };
        for (id, peer) in world.get::<AddressBook>(node).iter().flat_map(|book| book.iter()) {
            bytes.extend(id.0);
            bytes.extend(peer.address.to_bytes());
            bytes.extend(peer.incarnation.to_le_bytes());
            let (standing, since) = match peer.standing {
                Standing::Heard => (0, 0),
                Standing::Alive => (1, 0),
                Standing::Suspected { since } => (2, since.as_nanos()),
                Standing::Lost => (3, 0),
            };
            bytes.push(standing);
            bytes.extend(since.to_le_bytes());
        }
        state.book = sum(&mut bytes);
        for neighbor in world.get::<Neighbors>(node).iter().flat_map(|all| all.iter()) {
            bytes.extend(neighbor.id.0);
        }
        state.neighbors = sum(&mut bytes);
        for session in world.get::<Sessions>(node).iter().flat_map(|all| all.iter()) {
            let Some(session) = world.get::<Session>(session) else { continue };
            bytes.extend(session.remote.map_or([0; 32], |remote| remote.0));
            bytes.extend([session.role as u8, session.phase as u8]);
            bytes.extend(session.address.to_bytes());
            bytes.extend(session.since.as_nanos().to_le_bytes());
        }
        state.sessions = sum(&mut bytes);
        if let Some(membership) = world.get::<Membership>(node) {
            let own = world.get::<crate::kernel::Contact>(node).map(|contact| &contact.id);
            for id in membership.members().chain(own) {
                bytes.extend(id.0);
                let (incarnation, heartbeat) = membership.heartbeat(id).unwrap_or_default();
                bytes.extend(incarnation.to_le_bytes());
                bytes.extend(heartbeat.to_le_bytes());
                for (key, value) in membership.namespace(id) {
                    for text in [key.as_bytes(), value] {
                        bytes.extend((text.len() as u32).to_le_bytes());
                        bytes.extend(text);
                    }
                }
            }
        }
        state.members = sum(&mut bytes);
        state
    }

    /// The name of the first part in which two differ.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            (self.sessions == other.sessions, "its sessions"),
            (self.neighbors == other.neighbors, "its neighbours"),
            (self.members == other.members, "what it knows of the members"),
            (self.book == other.book, "its address book"),
            (self.timers == other.timers, "the number of its timers"),
        ];
        parts.into_iter().find(|(same, _)| !same).map(|(_, name)| name)
    }
}
