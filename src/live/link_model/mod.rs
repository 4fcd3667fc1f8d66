//! The link model on real sockets: what leaves a world waits as long as it would travel, and meets the faults of the scenario.
//!
//! It is the model of the simulator, put between the [gate](crate::gate) and the sockets: latency, jitter, rate, loss (which costs a stream
//! retransmission time), partitions and cuts (frames wait for their end; a dial is not answered), pauses, slow nodes, and hosts that are
//! down (what was open to them falls silent, and is reset when they are back). Each end of a link delays what it sends. Over a link
//! that a TCP connection carries nothing is duplicated or reordered.

mod receiving;
mod sending;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::engine::Shaper;
use crate::crypto::NodeId;
use crate::gate::{Arrival, Input, LinkId, Output};
use crate::kernel::Instant;
use crate::link_model::{Conditions, Direction, DirectionName, retransmission_timeout};
use crate::trial::{Action, Plan};
use crate::wire::{Address, CloseReason};

/// What directions belong to: parts of the names of their random streams.
const DIALLED: u8 = 0;
const ACCEPTED: u8 = 1;
const LOOSE: u8 = 2;

/// One node's end of a link.
#[derive(Debug)]
struct End {
    node: u32,
    /// The other side's ordinal; not known of a stranger.
    peer: Option<u32>,
    direction: Direction,
    /// Since when its frames are held back, by how many attempts, and until when.
    held: Option<(Instant, u32, Instant)>,
    /// The other side went down without a word.
    silent: bool,
}

/// What waits to leave.
#[derive(Debug)]
enum Leaving {
    Output(Output),
    /// A dial, and how often it was tried.
    Syn(Output, usize),
}

/// The link model of a trial, on the links of a world.
pub struct LinkShaper {
    plan: Arc<Plan>,
    conditions: Conditions,
    /// When the scenario began.
    origin: Instant,
    /// Next moment of the timeline.
    next: usize,
    /// Nodes that are down.
    down: Vec<bool>,
    /// Until when nodes stand still.
    paused: Vec<Instant>,
    /// When slow nodes are done with what they have.
    busy: Vec<Instant>,
    ends: IndexMap<LinkId, End, FxBuildHasher>,
    leaving: BTreeMap<(Instant, u64), Leaving>,
    arriving: BTreeMap<(Instant, u64), Arrival>,
    sequence: u64,
    /// Which node of the scenario the only node of this world is; the nodes of a swarm know their own.
    alone: Option<u32>,
    hearers: Vec<u32>,
    scratch: Vec<Output>,
}

impl LinkShaper {
    /// The link model of `plan` for the nodes of a swarm.
    pub fn for_swarm(plan: Arc<Plan>) -> Self {
        let nodes = plan.scenario.nodes as usize;
        Self {
            conditions: Conditions::new(plan.scenario.nodes),
            origin: Instant::ZERO,
            next: 0,
            down: vec![true; nodes],
            paused: vec![Instant::ZERO; nodes],
            busy: vec![Instant::ZERO; nodes],
            ends: IndexMap::default(),
            leaving: BTreeMap::new(),
            arriving: BTreeMap::new(),
            sequence: 0,
            alone: None,
            hearers: Vec::new(),
            scratch: Vec::new(),
            plan,
        }
    }

    /// The link model of `plan` for a node whose peers run elsewhere. Which node of the scenario somebody is follows from its id, so
    /// that all agree on it: see [`place_of`]. Starts, crashes and pauses of the scenario are left to whoever runs the nodes. Its time begins `now`.
    pub fn for_node(plan: Arc<Plan>, me: &NodeId, now: Instant) -> Self {
        let place = place_of(me, plan.scenario.nodes);
        let mut shaper = Self::for_swarm(plan);
        shaper.down.fill(false);
        Self { alone: Some(place), origin: now, ..shaper }
    }

    /// Lets the timeline act up to `now`.
    fn catch_up(&mut self, now: Instant) {
        let plan = self.plan.clone();
        while let Some(moment) = plan.timeline.moments.get(self.next).filter(|moment| self.origin + moment.at.since(Instant::ZERO) <= now) {
            self.next += 1;
            match &moment.action {
                Action::Network(fault) => self.conditions.apply(fault),
                _ if self.alone.is_some() => {}
                Action::Start { nodes, .. } => nodes.iter().for_each(|node| self.start(*node, now)),
                Action::Crash(nodes) => nodes.iter().for_each(|node| self.down[*node as usize] = true),
                Action::Pause(nodes, until) => {
                    nodes.iter().for_each(|node| self.paused[*node as usize] = self.paused[*node as usize].max(*until));
                }
                Action::Leave(_) | Action::Drift(..) | Action::Act(_) | Action::Steal(_) => {}
            }
        }
    }

    /// A node is up, and knows nothing of the links of its last life: whoever has one is told.
    fn start(&mut self, node: u32, now: Instant) {
        self.down[node as usize] = false;
        let silent: Vec<LinkId> = self.ends.iter().filter(|(_, end)| end.silent && end.peer == Some(node)).map(|(link, _)| *link).collect();
        for link in silent {
            self.ends.swap_remove(&link);
            let down = Input::Down { link, reason: CloseReason::Reset };
            self.arrive(now + retransmission_timeout(0), down);
        }
    }

    fn arrive(&mut self, at: Instant, input: Input) {
        self.sequence += 1;
        self.arriving.insert((at, self.sequence), Arrival::new(at, input));
    }

    fn leave(&mut self, at: Instant, leaving: Leaving) {
        self.sequence += 1;
        self.leaving.insert((at, self.sequence), leaving);
    }

    fn direction(&self, from: u32, to: Option<u32>, kind: u8, number: u64) -> Direction {
        let to = to.unwrap_or(from);
        Direction::new(DirectionName { seed: self.plan.seed, from, to, kind, number }, self.plan.model.link(from, to))
    }

    fn passes(&self, from: u32, to: Option<u32>) -> bool {
        to.is_none_or(|to| self.conditions.passes(from, to))
    }

    /// The ordinal behind an address.
    fn peer(address: Address) -> Option<u32> {
        if let Address::Memory(ordinal) = address { Some(ordinal) } else { None }
    }
}

impl Shaper for LinkShaper {
    fn outgoing(&mut self, outputs: &mut Vec<Output>, now: Instant) {
        self.catch_up(now);
        for output in outputs.drain(..) {
            self.take(output, now);
        }
        while let Some(entry) = self.leaving.first_entry().filter(|entry| entry.key().0 <= now) {
            let key = *entry.key();
            match entry.remove() {
                Leaving::Output(output) => self.release(output, key, now),
                Leaving::Syn(dial, tries) => self.knock(dial, tries, now),
            }
        }
        outputs.append(&mut self.scratch);
    }

    fn incoming(&mut self, arrivals: &mut Vec<Arrival>, now: Instant) {
        self.catch_up(now);
        let fresh = std::mem::take(arrivals);
        while let Some(entry) = self.arriving.first_entry().filter(|entry| entry.key().0 <= now) {
            arrivals.push(entry.remove());
        }
        for arrival in fresh {
            arrivals.extend(self.admit(arrival, now));
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let first = |key: Option<&(Instant, u64)>| key.map(|(at, _)| *at);
        first(self.leaving.keys().next()).into_iter().chain(first(self.arriving.keys().next())).min()
    }
}

/// Which of the `nodes` nodes of a scenario somebody is, by id. Two may be the same.
pub fn place_of(id: &NodeId, nodes: u32) -> u32 {
    let [a, b, c, d, ..] = id.0;
    u32::from_be_bytes([a, b, c, d]) % nodes.max(1)
}
