//! A model of a network of nodes that follow the rules, without ECS: sessions open after a moment, messages take a while or are
//! lost, and whoever hears from a member by whichever path holds it for alive.

mod around;
mod verdict;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::TopologyConfig;
use super::components::Topology;
use super::rules::{Action, Scene};
use super::silence::LISTEN_INTERVAL;
use crate::crypto::NodeId;
use crate::kernel::{AddressBook, Contact, Instant, LinkState, NodeClock};
use crate::wire::{Address, TopologyMessage};

const SECOND: Duration = Duration::from_secs(1);
/// Silence after which a member is suspected, about as long as phi takes at the soonest, and suspicion after which it is forgotten.
pub(super) const SUSPECT: Duration = Duration::from_secs(8);
const FORGET: Duration = Duration::from_secs(60);
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

enum Event {
    Start(usize),
    Deliver { from: usize, to: usize, message: TopologyMessage },
    Wake { node: usize, due: Instant },
    Audit(usize),
    Listen(usize),
    Opened { node: usize, peer: usize, dialled: bool },
    Closed { node: usize, peer: usize },
    DialEnds { node: usize, to: usize },
    Discover(usize),
    Gossip,
}

struct Member {
    me: Contact,
    topology: Topology,
    book: AddressBook,
    paths: LinkState,
    rng: ChaCha8Rng,
    neighbors: BTreeSet<usize>,
    heard: BTreeMap<usize, Instant>,
    /// Frames from neighbours.
    frames: BTreeMap<usize, u64>,
    component: Option<usize>,
    up: bool,
}

/// The network.
pub(super) struct Model {
    pub config: TopologyConfig,
    /// Chance that a message is lost.
    pub loss: f64,
    /// Whether members publish their links.
    pub publishes: bool,
    members: Vec<Member>,
    /// Who is on which side of a partition.
    sides: Vec<u8>,
    sessions: BTreeMap<(usize, usize), Instant>,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    events: BTreeMap<u64, Event>,
    sequence: u64,
    rng: ChaCha8Rng,
    pub now: Instant,
    /// Links made and given up so far.
    pub changes: u64,
    pub messages: u64,
    pub probes: u64,
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

impl Model {
    /// `nodes` nodes; all but the first know the first's address.
    pub fn new(nodes: usize, config: TopologyConfig, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let contacts: Vec<Contact> =
            (0..nodes).map(|index| Contact { id: NodeId(rng.random()), address: Address::Memory(index as u32) }).collect();
        let members = contacts.iter().map(|me| Member {
            me: *me,
            topology: Topology::default(),
            book: AddressBook::default(),
            paths: LinkState::default(),
            rng: ChaCha8Rng::from_seed(rng.random()),
            neighbors: BTreeSet::new(),
            heard: BTreeMap::new(),
            frames: BTreeMap::new(),
            component: None,
            up: false,
        });
        let mut members: Vec<Member> = members.collect();
        for member in members.iter_mut().skip(1) {
            member.book.hear(contacts[0].id, contacts[0].address);
        }
        let mut model = Self {
            config,
            loss: 0.0,
            publishes: false,
            members,
            sides: vec![0; nodes],
            sessions: BTreeMap::new(),
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            sequence: 0,
            rng,
            now: Instant::ZERO,
            changes: 0,
            messages: 0,
            probes: 0,
        };
        model.schedule(SECOND, Event::Gossip);
        model
    }

    /// Starts a node after `wait`.
    pub fn start(&mut self, node: usize, wait: Duration) {
        self.schedule(wait, Event::Start(node));
    }

    /// Cuts the network: nodes with different numbers do not reach each other.
    pub fn split(&mut self, side: impl Fn(usize) -> u8) {
        self.sides = (0..self.members.len()).map(side).collect();
    }

    pub fn crash(&mut self, node: usize) {
        self.members[node].up = false;
    }

    fn schedule(&mut self, wait: Duration, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + wait, self.sequence)));
        self.events.insert(self.sequence, event);
    }

    fn delay(&mut self) -> Duration {
        Duration::from_millis(self.rng.random_range(1..80))
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        self.sides[from] == self.sides[to] && self.members[to].up && self.members[from].up
    }

    /// Lets time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(Reverse((at, number))) = self.queue.peek().copied().filter(|Reverse((at, _))| *at <= end) {
            self.queue.pop();
            self.now = at;
            if let Some(event) = self.events.remove(&number) {
                self.handle(event);
            }
        }
        self.now = end;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Start(node) => {
                self.members[node].up = true;
                self.play(node, Topology::start);
                let phase = self.config.rebalance_interval.mul_f64(self.rng.random_range(0.1..1.0));
                self.schedule(phase, Event::Audit(node));
                let listen = LISTEN_INTERVAL.mul_f64(self.rng.random_range(0.1..1.0));
                self.schedule(listen, Event::Listen(node));
                self.schedule(Duration::from_millis(10), Event::Discover(node));
            }
            Event::Deliver { from, to, message } => {
                if self.sessions.contains_key(&pair(from, to)) && self.reaches(from, to) {
                    self.messages += 1;
                    *self.members[to].frames.entry(from).or_default() += 1;
                    self.probes += u64::from(matches!(message, TopologyMessage::Probe { .. }));
                    let id = self.members[from].me.id;
                    self.play(to, |topology, scene| topology.receive(scene, id, &message).expect("honest nodes break no rule"));
                }
            }
            Event::Wake { node, due } => self.play(node, |topology, scene| topology.wake(scene, due)),
            Event::Audit(node) => self.audit(node),
            Event::Listen(node) => self.listen(node),
            Event::Opened { node, peer, dialled } => {
                if self.sessions.contains_key(&pair(node, peer)) {
                    let Contact { id, address } = self.members[peer].me;
                    self.members[node].book.hear(id, address);
                    self.play(node, |topology, scene| topology.opened(scene, id, address, dialled));
                }
            }
            Event::Closed { node, peer } => {
                let id = self.members[peer].me.id;
                if !self.sessions.contains_key(&pair(node, peer)) {
                    self.play(node, |topology, scene| topology.closed(scene, id));
                }
            }
            Event::DialEnds { node, to } => self.end_dial(node, to),
            Event::Discover(node) => self.discover(node),
            Event::Gossip => self.gossip(),
        }
    }

    fn listen(&mut self, node: usize) {
        self.schedule(LISTEN_INTERVAL, Event::Listen(node));
        let member = &self.members[node];
        let frames: BTreeMap<NodeId, u64> = member.frames.iter().map(|(other, frames)| (self.members[*other].me.id, *frames)).collect();
        self.play(node, |topology, scene| topology.listen(scene, |id| frames.get(id).copied().unwrap_or(0)));
    }

    fn audit(&mut self, node: usize) {
        self.schedule(self.config.rebalance_interval, Event::Audit(node));
        self.follow_links(node);
        self.play(node, Topology::audit);
        let now = self.now;
        let idle = self.config.rebalance_interval * 2;
        let mine = self.sessions.iter().filter(|((a, b), since)| (*a == node || *b == node) && now.since(**since) >= idle);
        let unused: Vec<usize> = mine
            .map(|((a, b), _)| if *a == node { *b } else { *a })
            .filter(|peer| !self.members[node].topology.uses(&self.members[*peer].me.id))
            .collect();
        for peer in unused {
            self.close(node, peer);
        }
    }

    fn end_dial(&mut self, node: usize, to: usize) {
        if !self.members[node].up {
            return;
        }
        if self.reaches(node, to) {
            if self.sessions.insert(pair(node, to), self.now).is_none() {
                self.handle(Event::Opened { node: to, peer: node, dialled: false });
                self.handle(Event::Opened { node, peer: to, dialled: true });
            }
        } else {
            self.play(node, |topology, scene| topology.dial_failed(scene, Address::Memory(to as u32)));
        }
    }

    fn dial(&mut self, node: usize, to: usize) {
        if !self.sessions.contains_key(&pair(node, to)) && node != to {
            let wait = if self.reaches(node, to) { self.delay() * 4 } else { DIAL_TIMEOUT };
            self.schedule(wait, Event::DialEnds { node, to });
        }
    }

    fn close(&mut self, node: usize, peer: usize) {
        if self.sessions.remove(&pair(node, peer)).is_some() {
            self.handle(Event::Closed { node, peer });
            let wait = self.delay();
            self.schedule(wait, Event::Closed { node: peer, peer: node });
        }
    }

    fn play(&mut self, node: usize, decide: impl FnOnce(&mut Topology, &mut Scene)) {
        if !self.members[node].up {
            return;
        }
        let mine = self.sessions.keys().filter(|(a, b)| *a == node || *b == node);
        let open: Vec<NodeId> = mine.map(|(a, b)| self.members[if *a == node { *b } else { *a }].me.id).collect();
        let mut actions = Vec::new();
        let member = &mut self.members[node];
        let mut scene = Scene {
            me: member.me,
            now: self.now,
            clock: NodeClock::default(),
            config: &self.config,
            book: &member.book,
            paths: self.publishes.then_some(&member.paths),
            open: &open,
            rng: &mut member.rng,
            actions: &mut actions,
        };
        decide(&mut member.topology, &mut scene);
        // The maximum, those on their way out, and as many silent ones.
        assert!(member.topology.links.len() <= 2 * self.config.max_degree + 2, "links are bounded: {:?}", member.topology.links);
        let index = |model: &Self, id: &NodeId| model.members.iter().position(|member| member.me.id == *id).expect("a node");
        for action in actions {
            match action {
                Action::Send(id, message) => {
                    let to = index(self, &id);
                    let lost = self.rng.random_bool(self.loss);
                    if !lost && self.sessions.contains_key(&pair(node, to)) {
                        let wait = self.delay();
                        self.schedule(wait, Event::Deliver { from: node, to, message });
                    }
                }
                Action::Link(id) => {
                    let other = index(self, &id);
                    assert!(self.members[node].neighbors.insert(other), "a neighbour is made once");
                    self.changes += 1;
                }
                Action::Unlink(id) => {
                    let other = index(self, &id);
                    assert!(self.members[node].neighbors.remove(&other), "only a neighbour is unmade");
                    self.changes += 1;
                }
                Action::Close(id, _) => {
                    let peer = index(self, &id);
                    self.close(node, peer);
                }
                Action::Dial(Address::Memory(to)) => self.dial(node, to as usize),
                Action::Dial(_) => {}
                Action::Wake(due) => self.schedule(due.since(self.now), Event::Wake { node, due }),
            }
        }
    }
}
