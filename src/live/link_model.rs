//! The link model on real sockets: what leaves a world waits as long as it would travel, and meets the faults of the scenario.
//!
//! It is the model of the simulator, put between the [gate](crate::gate) and the sockets: latency, jitter, rate, loss (which costs a stream
//! retransmission time), partitions and cuts (frames wait for their end; a dial is not answered), pauses, slow nodes, and hosts that are
//! down (what was open to them falls silent, and is reset when they are back). Each end of a link delays what it sends. Over a link
//! that a TCP connection carries nothing is duplicated or reordered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::engine::Shaper;
use crate::crypto::NodeId;
use crate::gate::{Arrival, Input, LinkId, Output};
use crate::kernel::{Instant, Service};
use crate::link_model::{Conditions, Direction, DirectionName, STALL_LIMIT, Verdict, Weather, retransmission_timeout};
use crate::trial::{Action, Plan};
use crate::wire::{Address, CloseReason};

/// Seconds after which a dial that nobody answered is tried again, as the simulator's transport does.
const DIAL_WAITS: [u64; 3] = [1, 2, 4];
/// What directions belong to: parts of the names of their random streams.
const DIALLED: u8 = 0;
const ACCEPTED: u8 = 1;
const LOOSE: u8 = 2;
/// Bytes of a hello: what it holds and the headers of IP and UDP.
const HELLO_LEN: usize = 96;

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

    /// What a world sends over a link.
    fn travel(&mut self, link: LinkId, output: Output, bytes: usize, now: Instant) {
        let Some(end) = self.ends.get_mut(&link) else { return };
        if end.silent {
            return;
        }
        let model = &self.plan.model;
        let params = model.params(end.direction.link());
        let mut sent = now;
        let mut attempt = 0;
        let arrival = loop {
            let weather = end.peer.map_or(Weather::Clear, |peer| self.conditions.between(end.node, peer));
            // What is blocked now may not be when it is due.
            let weather = if matches!(weather, Weather::Blocked) { Weather::Clear } else { weather };
            match end.direction.transmit(params, Service::Stream, weather, sent, bytes) {
                Verdict::Once(at) | Verdict::Twice(at, _) => break Some(at),
                Verdict::Stalled(_) | Verdict::Lost(_) if sent.since(now) < STALL_LIMIT => {
                    sent = sent + retransmission_timeout(attempt);
                    attempt += 1;
                }
                _ => break None,
            }
        };
        match arrival {
            Some(at) => {
                let at = end.direction.in_order(at);
                self.leave(at, Leaving::Output(output));
            }
            None => self.sever(link, now),
        }
    }

    /// A link has made no progress for too long.
    fn sever(&mut self, link: LinkId, now: Instant) {
        self.ends.swap_remove(&link);
        self.scratch.push(Output::HangUp { link, reason: CloseReason::Unreachable, at: now });
        self.arrive(now, Input::Down { link, reason: CloseReason::Unreachable });
    }

    /// A dial is tried: it goes out if the way is free both ways and somebody is there.
    fn knock(&mut self, dial: Output, tries: usize, now: Instant) {
        let Output::Dial { link, .. } = &dial else { return };
        let Some(end) = self.ends.get_mut(link) else { return };
        let params = self.plan.model.params(end.direction.link());
        let weather = end.peer.map_or(Weather::Clear, |peer| self.conditions.between(end.node, peer));
        let verdict = end.direction.transmit(params, Service::Datagram, weather, now, 64);
        let (node, peer) = (end.node, end.peer);
        let there = peer.is_none_or(|peer| !self.down[peer as usize] && self.conditions.passes(peer, node));
        match verdict {
            Verdict::Once(at) | Verdict::Twice(at, _) if there => self.leave(at, Leaving::Output(dial)),
            _ => {
                if let Some(wait) = DIAL_WAITS.get(tries) {
                    self.leave(now + Duration::from_secs(*wait), Leaving::Syn(dial, tries + 1));
                }
            }
        }
    }

    fn take(&mut self, output: Output, now: Instant) {
        match output {
            Output::Dial { node, link, to, .. } => {
                let (node, peer) = (self.alone.unwrap_or(node), Self::peer(to));
                let direction = self.direction(node, peer, DIALLED, link.0);
                self.ends.insert(link, End { node, peer, direction, held: None, silent: false });
                self.knock(output, 0, now);
            }
            Output::Proven { link, remote } => {
                if self.alone.is_some()
                    && let Some(end) = self.ends.get(&link)
                {
                    let peer = Some(place_of(&remote, self.plan.scenario.nodes));
                    let direction = self.direction(end.node, peer, ACCEPTED, link.0);
                    if let Some(end) = self.ends.get_mut(&link) {
                        (end.peer, end.direction) = (peer, direction);
                    }
                }
                self.scratch.push(output);
            }
            Output::Frame { link, ref bytes, .. } => {
                let bytes = bytes.len();
                self.travel(link, output, bytes, now);
            }
            Output::HangUp { link, .. } => {
                if self.ends.contains_key(&link) {
                    self.travel(link, output, 64, now);
                } else {
                    self.scratch.push(output);
                }
            }
            // The engine has kept them.
            Output::Persist { .. } => {}
            Output::Hello { node, hello, .. } if self.alone.is_none() => {
                let mut hearers = std::mem::take(&mut self.hearers);
                self.plan.model.hearers(node, &mut hearers);
                hearers.retain(|to| !self.down[*to as usize]);
                for to in hearers.iter().copied() {
                    let number = self.sequence;
                    let mut direction = self.direction(node, Some(to), LOOSE, number);
                    let params = self.plan.model.params(direction.link());
                    let weather = self.conditions.between(node, to);
                    if let Verdict::Once(at) | Verdict::Twice(at, _) =
                        direction.transmit(params, Service::Datagram, weather, now, HELLO_LEN)
                    {
                        self.arrive(at, Input::Hello { node: to, hello: hello.clone() });
                    }
                }
                self.hearers = hearers;
            }
            Output::Hello { .. } => self.scratch.push(output),
            Output::Vanish { node } => {
                self.down[node as usize] = self.alone.is_none();
                self.ends.retain(|_, end| end.node != self.alone.unwrap_or(node));
                self.scratch.push(output);
            }
        }
    }

    /// What is due to leave: on its way, or held back because the way is blocked.
    fn release(&mut self, output: Output, key: (Instant, u64), now: Instant) {
        let (Output::Frame { link, .. } | Output::HangUp { link, .. }) = output else { return self.scratch.push(output) };
        let Some(end) = self.ends.get(&link) else { return };
        if end.silent {
            return;
        }
        let blocked = !self.passes(end.node, end.peer);
        let Some(end) = self.ends.get_mut(&link) else { return };
        match end.held {
            // Others of this link wait until then, and this one behind them.
            Some((_, _, until)) if now < until => {
                self.leaving.insert((until, key.1), Leaving::Output(output));
            }
            held if blocked => {
                let (since, attempts, _) = held.unwrap_or((now, 0, now));
                if now.since(since) >= STALL_LIMIT {
                    return self.sever(link, now);
                }
                let until = now + retransmission_timeout(attempts);
                end.held = Some((since, attempts + 1, until));
                self.leaving.insert((until, key.1), Leaving::Output(output));
            }
            _ => {
                end.held = None;
                if let Output::HangUp { .. } = output {
                    self.ends.swap_remove(&link);
                }
                self.scratch.push(output);
            }
        }
    }

    /// Whose an arrival is, and when it may be handed over.
    fn admit(&mut self, arrival: Arrival, now: Instant) -> Option<Arrival> {
        let node = match &arrival.input {
            Input::Accepted { node, link, from } => {
                let node = self.alone.unwrap_or(*node);
                let peer = Self::peer(*from);
                let direction = self.direction(node, peer, ACCEPTED, link.0);
                self.ends.insert(*link, End { node, peer, direction, held: None, silent: false });
                node
            }
            Input::Connected { link, .. } => {
                // The answer travels too.
                let end = self.ends.get(link)?;
                let (node, peer) = (end.node, end.peer);
                let mut back = self.direction(peer.unwrap_or(node), Some(node), LOOSE, link.0);
                let params = self.plan.model.params(back.link());
                if let Verdict::Once(at) = back.transmit(params, Service::Datagram, Weather::Clear, now, 64) {
                    self.arrive(at, arrival.input);
                    return None;
                }
                node
            }
            Input::Down { link, .. } => {
                let end = self.ends.get_mut(link)?;
                if end.peer.is_some_and(|peer| self.down[peer as usize]) {
                    // A host whose power failed says nothing.
                    end.silent = true;
                    return None;
                }
                let node = end.node;
                self.ends.swap_remove(link);
                node
            }
            Input::Frame { link, .. } | Input::Congested { link, .. } => self.ends.get(link)?.node,
            Input::Hello { node, .. } | Input::Command { node, .. } | Input::Restore { node, .. } => self.alone.unwrap_or(*node),
            Input::StoodStill => return Some(arrival),
        };
        let until = self.paused[node as usize];
        let service = self.conditions.service_time(node);
        let mut at = now.max(until);
        if self.alone.is_none() && matches!(arrival.input, Input::Frame { .. }) && (!service.is_zero() || self.busy[node as usize] > now) {
            self.busy[node as usize] = self.busy[node as usize].max(at) + service;
            at = self.busy[node as usize];
        }
        if at <= now {
            return Some(arrival);
        }
        self.sequence += 1;
        self.arriving.insert((at, self.sequence), Arrival { nanos: at.as_nanos(), ..arrival });
        None
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
