//! What other protocols do around the overlay: they find members, hear of them, and know who is linked with whom.

use std::time::Duration;

use bevy_ecs::entity::Entity;
use rand::RngExt;

use super::{Event, FORGET, Model, SECOND, SUSPECT};
use crate::crypto::NodeId;
use crate::kernel::{Contact, Neighbor, Neighbors, Peer, Standing};
use crate::wire::Address;
use crate::wire::membership::Prefix;

impl Model {
    /// What discovery does: anybody while there is no session, and else now and then one of those who are away.
    pub(super) fn discover(&mut self, node: usize) {
        let alone = !self.sessions.keys().any(|(a, b)| *a == node || *b == node);
        let phase = if alone { self.rng.random_range(0.5..2.0) } else { self.rng.random_range(4.0..6.0) };
        self.schedule(Duration::from_secs_f64(phase), Event::Discover(node));
        let member = &mut self.members[node];
        let found = member.book.pick(&mut member.rng, |_, peer| alone || peer.standing != Standing::Alive);
        if let Some((_, Peer { address: Address::Memory(to), .. })) = found {
            self.dial(node, to as usize);
        }
    }

    /// Heartbeats cross a component within a second; they take another to be believed.
    pub(super) fn gossip(&mut self) {
        self.schedule(SECOND, Event::Gossip);
        let components = self.components();
        // A round with each neighbour.
        for (a, b) in self.sessions.keys().copied().collect::<Vec<_>>() {
            for (from, to) in [(a, b), (b, a)] {
                if self.members[from].neighbors.contains(&to) && self.reaches(from, to) {
                    *self.members[to].frames.entry(from).or_default() += 1;
                }
            }
        }
        let published: Vec<Vec<Prefix>> = (0..self.members.len()).map(|node| self.links_of(node).map(Prefix::from).collect()).collect();
        for node in 0..self.members.len() {
            for other in 0..self.members.len() {
                let together = |a: Option<usize>, b: Option<usize>| a.is_some() && a == b;
                let (mine, theirs) = (&self.members[node], &self.members[other]);
                if node == other || !mine.up {
                    continue;
                }
                let near = together(components[node], components[other]) && together(mine.component, theirs.component);
                let Contact { id, address } = theirs.me;
                let now = self.now;
                let member = &mut self.members[node];
                if near {
                    member.heard.insert(other, now);
                    member.book.insert(id, Peer { address, standing: Standing::Alive, incarnation: 0 });
                    member.paths.set(id, published[other].iter().copied());
                } else if let Some(peer) = member.book.get(&id).copied() {
                    let silence = member.heard.get(&other).map(|heard| now.since(*heard));
                    match peer.standing {
                        Standing::Alive if silence.is_none_or(|silence| silence >= SUSPECT) => {
                            member.book.set_standing(&id, Standing::Suspected { since: now });
                        }
                        Standing::Suspected { since } if now.since(since) >= FORGET => member.book.set_standing(&id, Standing::Lost),
                        _ => {}
                    }
                }
            }
        }
        for (member, component) in self.members.iter_mut().zip(components) {
            member.component = component;
        }
    }

    /// What a node knows of the links is true of its own.
    pub(super) fn follow_links(&mut self, node: usize) {
        let mut neighbors = Neighbors::default();
        for (number, id) in self.links_of(node).enumerate() {
            neighbors.insert(Neighbor { session: Entity::from_raw_u32(number as u32).expect("a number"), id: *id });
        }
        let member = &mut self.members[node];
        member.paths.follow(member.me.id, &neighbors);
    }

    fn links_of(&self, node: usize) -> impl Iterator<Item = &NodeId> {
        self.members[node].neighbors.iter().map(|other| &self.members[*other].me.id)
    }
}
