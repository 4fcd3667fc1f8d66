//! Nodes without a world: their state machines, and what is under way between them.

use std::collections::VecDeque;
use std::time::Duration;

use bevy_ecs::prelude::Entity;

use super::effects::{Effect, Keyring, Surroundings};
use super::{Routing, RoutingConfig, RoutingCounts};
use crate::crypto::{CryptoMode, ErasingRng, Identity, NodeId, Secret, prekey_pair};
use crate::kernel::{AccessList, Instant, LinkState, Neighbor, Neighbors, NodeClock, OwnPrekey, Prekeys};
use crate::wire::membership::Prefix;
use crate::wire::routing::{Datagram, DatagramBody, RoutingFailure};
use crate::wire::{Payload, RoutingMessage};

const NETWORK: [u8; 8] = *b"murmur 1";

pub fn text(bytes: &[u8]) -> DatagramBody {
    DatagramBody::Raw(Payload(bytes.into()))
}

/// Some nodes, their state machines, and what is under way between them.
pub struct Bed {
    pub nodes: Vec<Member>,
    pub config: RoutingConfig,
    pub now: Instant,
    pub counts: RoutingCounts,
    /// From, to, what.
    pub flights: VecDeque<(usize, usize, RoutingMessage)>,
    /// At whom, from whom, what, hops.
    pub delivered: Vec<(usize, usize, DatagramBody, u8)>,
    /// At whom, to whom, what, why.
    pub failed: Vec<(usize, NodeId, Option<DatagramBody>, RoutingFailure)>,
}

pub struct Member {
    pub identity: Identity,
    pub prekeys: Prekeys,
    pub access: AccessList,
    pub links: LinkState,
    pub rng: ErasingRng,
    pub life: u64,
    pub routing: Routing,
}

pub fn prekey(random: u8) -> OwnPrekey {
    let (secret, public) = prekey_pair(&[random; 32]);
    OwnPrekey { secret, public, since: Instant::ZERO, until: None, restored: false }
}

fn neighbors(ids: impl Iterator<Item = NodeId>) -> Neighbors {
    let mut neighbors = Neighbors::default();
    for (index, id) in ids.enumerate() {
        neighbors.insert(Neighbor { session: Entity::from_raw_u32(index as u32).unwrap(), id });
    }
    neighbors
}

impl Bed {
    /// Nodes that know these links, and one another's prekeys.
    pub fn new(count: u8, links: &[(usize, usize)]) -> Self {
        let member = |number: u8| Member {
            identity: Identity::from_seed([number; 32], CryptoMode::Modelled),
            prekeys: Prekeys { own: [prekey(number)].into_iter().collect(), ..Prekeys::default() },
            access: AccessList::default(),
            links: LinkState::default(),
            rng: Secret([number; 32]).into(),
            life: 1,
            routing: Routing::default(),
        };
        let (nodes, config) = ((0..count).map(member).collect(), RoutingConfig::default());
        let (counts, flights) = (RoutingCounts::default(), VecDeque::new());
        let mut bed = Self { nodes, config, now: Instant::ZERO, counts, flights, delivered: Vec::new(), failed: Vec::new() };
        let all: Vec<_> = (0..bed.nodes.len()).map(|node| (bed.id(node), bed.nodes[node].prekeys.own[0].public)).collect();
        bed.nodes.iter_mut().for_each(|node| node.prekeys.others.extend(all.iter().copied()));
        (0..bed.nodes.len()).for_each(|node| bed.believe(node, links));
        bed
    }

    pub fn id(&self, node: usize) -> NodeId {
        self.nodes[node].identity.id()
    }

    /// Node `who` is told these links, its own among them.
    pub fn believe(&mut self, who: usize, links: &[(usize, usize)]) {
        let of = |node: usize| links.iter().filter_map(move |&(a, b)| if a == node { Some(b) } else { (b == node).then_some(a) });
        let own = neighbors(of(who).map(|other| self.id(other)));
        let said: Vec<Vec<Prefix>> =
            (0..self.nodes.len()).map(|node| of(node).map(|other| Prefix::from(&self.id(other))).collect()).collect();
        for (node, prefixes) in said.into_iter().enumerate().filter(|(node, _)| *node != who) {
            let id = self.id(node);
            self.nodes[who].links.set(id, prefixes);
        }
        let id = self.id(who);
        self.nodes[who].links.follow(id, &own);
    }

    /// Node `who` begins another life with what was on its disk: prekeys, but not what has come. It announces a new one; who `knows` learns it.
    pub fn restart(&mut self, who: usize, random: u8, knows: &[usize]) {
        let id = self.id(who);
        let Member { prekeys, life, routing, .. } = &mut self.nodes[who];
        (*life, *routing) = (*life + 1, Routing::default());
        prekeys.own.iter_mut().for_each(|own| own.restored = true);
        prekeys.own.push(prekey(random));
        let newest = prekey(random).public;
        for node in knows {
            self.nodes[*node].prekeys.others.insert(id, newest);
        }
    }

    pub fn act<R>(&mut self, node: usize, act: impl FnOnce(&mut Routing, &mut Surroundings) -> R) -> R {
        let Member { identity, prekeys, access, links, rng, life, routing } = &mut self.nodes[node];
        let mut effects = Vec::new();
        let mut around = Surroundings {
            at: self.now,
            clock: &NodeClock::default(),
            config: &self.config,
            me: identity.id(),
            life: *life,
            network: &NETWORK,
            keys: Keyring { identity, prekeys, rng },
            access,
            links,
            counts: &mut self.counts,
            effects: &mut effects,
        };
        let outcome = act(routing, &mut around);
        let ids: Vec<NodeId> = self.nodes.iter().map(|node| node.identity.id()).collect();
        let place = |id: &NodeId| ids.iter().position(|known| known == id).unwrap();
        for effect in effects {
            match effect {
                Effect::Send(to, message) => self.flights.push_back((node, place(&to), message)),
                Effect::Deliver { from, body, hops } => self.delivered.push((node, place(&from), body, hops)),
                Effect::Fail { to, body, reason } => self.failed.push((node, to, body, reason)),
            }
        }
        outcome
    }

    pub fn send(&mut self, from: usize, to: usize, body: DatagramBody) {
        let to = self.id(to);
        self.act(from, |routing, around| routing.send(to, body, around));
    }

    pub fn arrive(&mut self, from: usize, to: usize, message: RoutingMessage) {
        let from = self.id(from);
        let outcome = self.act(to, |routing, around| match message {
            RoutingMessage::Datagram(datagram) => routing.on_datagram(from, datagram, around),
            RoutingMessage::Undeliverable(note) => routing.on_undeliverable(from, note, around),
        });
        assert_eq!(outcome, Ok(()));
    }

    /// Lets everything arrive that is under way.
    pub fn run(&mut self) {
        while let Some((from, to, message)) = self.flights.pop_front() {
            self.arrive(from, to, message);
        }
    }

    /// Lets time pass, and everybody look again.
    pub fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        (0..self.nodes.len()).for_each(|node| self.act(node, Routing::look_again));
        self.run();
    }

    /// The datagram that is under way.
    pub fn caught(&mut self) -> Datagram {
        match self.flights.pop_front() {
            Some((_, _, RoutingMessage::Datagram(datagram))) => *datagram,
            other => panic!("{other:?} is no datagram"),
        }
    }
}
