//! The state machine in a network of its own: random graphs, random delays, losses, partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::entity::Entity;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::effects::{Effect, Moment, Outlet};
use super::tree::Plumtree;
use crate::kernel::{Instant, NodeClock};
use crate::wire::{BroadcastMessage, MessageId, NodeId, Payload, Rumor};

use super::BroadcastConfig;

/// A link is named by the peer it leads to.
fn link(peer: usize) -> Entity {
    Entity::from_raw_u32(peer as u32).unwrap()
}

fn id(node: usize) -> NodeId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&node.to_le_bytes());
    NodeId(id)
}

impl Outlet for Vec<Effect> {
    fn push(&mut self, effect: Effect) {
        Self::push(self, effect);
    }
}

enum Event {
    Frame { from: usize, to: usize, message: BroadcastMessage },
    Timer(usize),
    CompareNotes(usize),
    Publish(usize),
}

struct Net {
    config: BroadcastConfig,
    nodes: Vec<Plumtree>,
    links: BTreeSet<(usize, usize)>,
    /// Frames over a direction arrive in order.
    last_arrival: BTreeMap<(usize, usize), Instant>,
    in_order: bool,
    loss: f64,
    queue: BTreeMap<(Instant, u64), Event>,
    armed: Vec<Instant>,
    sequence: u64,
    rng: ChaCha8Rng,
    published: Vec<MessageId>,
    delivered: Vec<BTreeMap<MessageId, u32>>,
    /// By the second in which they came: deliveries and payloads of no use.
    payloads: BTreeMap<u64, (u64, u64)>,
    refused: u32,
    now: Instant,
}

impl Net {
    fn new(nodes: usize, seed: u64) -> Self {
        let mut net = Self {
            config: BroadcastConfig::default(),
            nodes: (0..nodes).map(|_| Plumtree::default()).collect(),
            links: BTreeSet::new(),
            last_arrival: BTreeMap::new(),
            in_order: true,
            loss: 0.0,
            queue: BTreeMap::new(),
            armed: vec![Instant::NEVER; nodes],
            sequence: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            published: Vec::new(),
            delivered: vec![BTreeMap::new(); nodes],
            payloads: BTreeMap::new(),
            refused: 0,
            now: Instant::ZERO,
        };
        for node in 0..nodes {
            let phase = net.config.summary_interval.mul_f64(net.rng.random_range(0.0..1.0));
            net.schedule(Instant::ZERO + phase, Event::CompareNotes(node));
        }
        net
    }

    /// A connected graph: a random tree, and further links up to about `degree` for each node.
    fn random_graph(nodes: usize, degree: usize, seed: u64) -> Self {
        let mut net = Self::new(nodes, seed);
        for node in 1..nodes {
            let other = net.rng.random_range(0..node);
            net.connect(node, other);
        }
        for _ in 0..(nodes * degree / 2).saturating_sub(nodes - 1) {
            let (a, b) = (net.rng.random_range(0..nodes), net.rng.random_range(0..nodes));
            if a != b {
                net.connect(a, b);
            }
        }
        net
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    fn connect(&mut self, a: usize, b: usize) {
        if !self.links.insert((a.min(b), a.max(b))) {
            return;
        }
        for (node, peer) in [(a, b), (b, a)] {
            self.nodes[node].neighbor_up(link(peer));
            if !self.nodes[node].origins.is_empty() {
                let summary = BroadcastMessage::Summary(self.nodes[node].summary(0));
                self.send(node, peer, summary);
            }
        }
    }

    fn disconnect(&mut self, a: usize, b: usize) {
        self.links.remove(&(a.min(b), a.max(b)));
        self.nodes[a].neighbor_down(link(b));
        self.nodes[b].neighbor_down(link(a));
    }

    fn send(&mut self, from: usize, to: usize, message: BroadcastMessage) {
        if self.loss > 0.0 && self.rng.random_bool(self.loss) {
            return;
        }
        let mut at = self.now + Duration::from_micros(self.rng.random_range(10_000..50_000));
        if self.in_order {
            let last = self.last_arrival.entry((from, to)).or_default();
            at = at.max(*last + Duration::from_nanos(1));
            *last = at;
        }
        self.schedule(at, Event::Frame { from, to, message });
    }

    fn publish(&mut self, node: usize, at: Instant) {
        self.schedule(at, Event::Publish(node));
    }

    fn run_until(&mut self, end: Instant) {
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end) {
            self.now = entry.key().0;
            let event = entry.remove();
            self.handle(event);
        }
        self.now = end;
    }

    fn handle(&mut self, event: Event) {
        let (config, clock) = (self.config.clone(), NodeClock::default());
        let moment = Moment { at: self.now, clock: &clock, config: &config };
        let mut out = Vec::new();
        let node = match event {
            Event::Frame { from, to, .. } if !self.links.contains(&(from.min(to), from.max(to))) => return,
            Event::Frame { from, to, message } => {
                let (tree, from) = (&mut self.nodes[to], link(from));
                match message {
                    BroadcastMessage::Gossip { round, rumor } => tree.on_gossip(from, round, rumor, &moment, &mut out),
                    BroadcastMessage::IHave(all) => tree.on_ihave(from, &all, &moment, &mut out),
                    BroadcastMessage::Graft(id) => tree.on_graft(from, id.as_deref(), &mut out),
                    BroadcastMessage::Prune => tree.on_prune(from, &moment),
                    BroadcastMessage::Summary(marks) => tree.on_summary(from, &marks, &moment, &mut out),
                    BroadcastMessage::Supplement(marks) => {
                        tree.on_supplement(from, &marks, &moment, &mut out);
                    }
                    BroadcastMessage::SummaryHash(hash) => {
                        if hash != tree.summary_hash() {
                            out.push(Effect::Send(from, BroadcastMessage::Summary(tree.summary(0))));
                        }
                    }
                    BroadcastMessage::Fetch(all) => tree.on_fetch(from, &all, &moment, &mut out),
                    BroadcastMessage::Repair { round, rumor } => tree.on_repair(from, round, rumor, &moment, &mut out),
                    BroadcastMessage::Gone(all) => tree.on_gone(from, &all, &mut out),
                }
                to
            }
            Event::Timer(node) => {
                self.armed[node] = Instant::NEVER;
                self.nodes[node].on_timer(&moment, &mut out);
                node
            }
            Event::CompareNotes(node) => {
                self.schedule(self.now + config.summary_interval, Event::CompareNotes(node));
                let tree = &self.nodes[node];
                if tree.partners() > 0 {
                    let peer = tree.links().nth(self.rng.random_range(0..tree.partners())).unwrap();
                    out.push(Effect::Send(peer, BroadcastMessage::SummaryHash(tree.summary_hash())));
                }
                node
            }
            Event::Publish(node) => {
                let id = self.nodes[node].broadcast(id(node), 1, Payload([7; 10].into()), &moment, &mut out);
                self.published.push(id);
                self.delivered[node].insert(id, 1);
                node
            }
        };
        let second = self.now.as_nanos() / 1_000_000_000;
        for effect in out {
            match effect {
                Effect::Send(peer, message) => self.send(node, peer.index_u32() as usize, message),
                Effect::Deliver { rumor, .. } => {
                    *self.delivered[node].entry(rumor.id).or_default() += 1;
                    self.payloads.entry(second).or_default().0 += 1;
                }
                Effect::Redundant(_) => self.payloads.entry(second).or_default().1 += 1,
                Effect::Refuse(_) => self.refused += 1,
            }
        }
        let due = self.nodes[node].next_due();
        if due < self.armed[node] {
            self.armed[node] = due;
            self.schedule(due.max(self.now), Event::Timer(node));
        }
    }

    /// Redundancy from `from` on, in seconds.
    fn rmr(&self, from: u64) -> f64 {
        let (delivered, redundant) = self.payloads.range(from..).fold((0, 0), |sum, (_, one)| (sum.0 + one.0, sum.1 + one.1));
        redundant as f64 / delivered.max(1) as f64
    }

    fn check_all_have_all_once(&self) -> Result<(), TestCaseError> {
        for (node, delivered) in self.delivered.iter().enumerate() {
            for id in &self.published {
                prop_assert_eq!(delivered.get(id).copied(), Some(1), "node {} and number {} of {}", node, id.sequence, id.origin);
            }
        }
        prop_assert_eq!(self.refused, 0);
        Ok(())
    }
}

fn seconds(seconds: f64) -> Instant {
    Instant::ZERO + Duration::from_secs_f64(seconds)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_node_is_given_every_message_once(
        nodes in 2_usize..40, degree in 2_usize..6, seed in any::<u64>(), speakers in 1_usize..6, in_order in any::<bool>(),
        threshold in proptest::option::of(1_u16..5),
    ) {
        let mut net = Net::random_graph(nodes, degree, seed);
        (net.in_order, net.config.optimization_threshold) = (in_order, threshold);
        for number in 0..30 {
            net.publish((number % speakers) % nodes, seconds(number as f64 * 0.1));
        }
        net.run_until(seconds(25.0));
        net.check_all_have_all_once()?;
    }

    #[test]
    fn what_is_lost_is_repaired(nodes in 2_usize..25, seed in any::<u64>(), loss in 0.0..0.3_f64) {
        let mut net = Net::random_graph(nodes, 4, seed);
        (net.in_order, net.loss) = (false, loss);
        for number in 0..30 {
            net.publish(number % 3 % nodes, seconds(number as f64 * 0.1));
        }
        net.run_until(seconds(120.0));
        net.check_all_have_all_once()?;
    }

    #[test]
    fn what_was_said_in_a_partition_crosses_the_first_bridge(half in 2_usize..12, seed in any::<u64>(), loss in 0.0..0.1_f64) {
        let nodes = 2 * half;
        let mut net = Net::random_graph(nodes, 4, seed);
        net.loss = loss;
        // Each half is connected by itself.
        for node in (0..half - 1).chain(half..nodes - 1) {
            net.connect(node, node + 1);
        }
        for number in 0..60 {
            net.publish([0, half][number % 2], seconds(number as f64 * 0.5));
        }
        net.run_until(seconds(8.0));
        let crossing: Vec<_> = net.links.iter().copied().filter(|(a, b)| *a < half && *b >= half).collect();
        for (a, b) in crossing {
            net.disconnect(a, b);
        }
        net.run_until(seconds(20.0));
        net.connect(half - 1, nodes - 1);
        net.run_until(seconds(120.0));
        net.check_all_have_all_once()?;
    }
}

#[test]
fn on_a_static_graph_the_tree_settles_and_redundancy_vanishes() {
    for (seed, speakers) in [(1, 1), (2, 10), (3, 10), (4, 40)] {
        let mut net = Net::random_graph(300, 5, seed);
        for number in 0..400 {
            net.publish(number * 7 % 300 % speakers, seconds(number as f64 * 0.05));
        }
        net.run_until(seconds(30.0));
        let by_second: Vec<_> = net.payloads.iter().map(|(second, (new, old))| format!("{second}: {new}+{old}")).collect();
        assert!(net.rmr(10) < 0.02, "{speakers} speakers: {} after 10 s; {by_second:?}", net.rmr(10));
        let eager: usize = net.nodes.iter().map(|tree| tree.eager_peers().count()).sum();
        assert!((598..=620).contains(&eager), "{speakers} speakers: {eager} eager ends of 598 in a tree");
    }
}

#[test]
fn a_summary_hash_tells_who_lacks_what() {
    let mut trees = [Plumtree::default(), Plumtree::default()];
    for (tree, upto) in trees.iter_mut().zip([[20, 9], [19, 10]]) {
        for (origin, upto) in upto.into_iter().enumerate() {
            tree.origins.get_or_make((id(origin), 1)).fill(1, upto);
        }
    }
    assert_ne!(trees[0].summary_hash(), trees[1].summary_hash());
}

/// Two sides of a split, of which the second has numbers 1 to 3 only of an origin that is not there any more, and what becomes of it.
fn after_a_split(numbers: impl Iterator<Item = u64> + Clone) -> Net {
    let mut net = Net::new(5, 1);
    let (config, clock) = (net.config.clone(), NodeClock::default());
    for node in 0..4 {
        for sequence in numbers.clone().filter(|number| node < 2 || *number <= 3) {
            let rumor = Rumor { id: MessageId { origin: id(9), life: 1, sequence }, shapes: false, payload: Payload([7; 10].into()) };
            let moment = Moment { at: net.now, clock: &clock, config: &config };
            net.nodes[node].on_repair(link(8), 0, Arc::new(rumor), &moment, &mut Vec::new());
        }
    }
    [(0, 1), (2, 3), (1, 2)].into_iter().for_each(|(a, b)| net.connect(a, b));
    net.run_until(seconds(100.0));
    net
}

#[test]
fn what_an_origin_said_last_crosses_though_something_before_died_with_it() {
    for last_lost in [5, 303] {
        let net = after_a_split((1..=3).chain(last_lost + 1..=last_lost + 7));
        for (node, tree) in net.nodes[..4].iter().enumerate() {
            let seen = tree.origins.get(&(id(9), 1)).unwrap();
            assert_eq!((seen.upto(), seen.contains_all(last_lost + 1, last_lost + 7)), (3, true), "node {node}, up to {last_lost} lost");
        }
    }
}

#[test]
fn who_comes_when_all_logs_have_moved_on_is_soon_told_what_is_gone_also_beyond_what_died() {
    let mut net = after_a_split((1..=3).chain(6..=7));
    net.nodes.iter_mut().for_each(|tree| tree.log = super::log::Log::default());
    net.connect(4, 0);
    net.run_until(seconds(160.0));
    assert_eq!(net.nodes[4].summary_hash(), net.nodes[0].summary_hash());
    assert_eq!(net.refused, 0);
}
