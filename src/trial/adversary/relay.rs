//! Members who mistreat what they pass on for others.

use std::collections::BTreeMap;
use std::time::Duration;

use bevy_ecs::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::super::streams::{Purpose, stream};
use super::tampering::{alter_body, alter_message, is_foreign, is_foreign_body};
use crate::kernel::{Clock, Contact, Instant, Node, Outgoing, SessionOf};
use crate::mesh::routing::SendTo;

/// Longest time after which something is sent once more.
const LATEST_REPLAY: Duration = Duration::from_secs(5);

/// What a relay does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Harm {
    pub drops: f64,
    pub delays: Duration,
    pub replays: f64,
    pub alters: f64,
}

/// The relays of one world, and what they hold back.
#[derive(Resource)]
pub(super) struct Relays {
    all: BTreeMap<u32, Relay>,
    messages: Held<Outgoing>,
    bodies: Held<SendTo>,
}

struct Relay {
    node: u32,
    harm: Harm,
    rng: ChaCha8Rng,
    /// Number of the next thing that it holds back.
    next: u64,
}

/// What is held back, by instant, node and number.
struct Held<T>(BTreeMap<(Instant, u32, u64), T>);

impl<T> Held<T> {
    fn hold(&mut self, relay: &mut Relay, until: Instant, what: T) {
        relay.next += 1;
        self.0.insert((until, relay.node, relay.next), what);
    }

    /// What was held back until this tick, each with its instant.
    fn release(&mut self, clock: &Clock) -> impl Iterator<Item = (Instant, T)> + use<T> {
        let later = self.0.split_off(&(clock.end(), 0, 0));
        let start = clock.start();
        std::mem::replace(&mut self.0, later).into_iter().map(move |((at, ..), held)| (at.max(start), held))
    }
}

impl Relays {
    pub fn new(relays: &[(u32, Harm)], seed: u64) -> Self {
        let relay = |(node, harm): &(u32, Harm)| {
            (*node, Relay { node: *node, harm: *harm, rng: stream(seed, Purpose::Adversary, *node, 0), next: 0 })
        };
        Self { all: relays.iter().map(relay).collect(), messages: Held(BTreeMap::new()), bodies: Held(BTreeMap::new()) }
    }

    pub fn next_due(&self) -> Option<Instant> {
        let first = [self.messages.0.keys().next(), self.bodies.0.keys().next()];
        first.into_iter().flatten().map(|(at, ..)| *at).min()
    }
}

impl Relay {
    /// Lets through what goes on at once. The draws are the same whatever comes of them, so that one fraction does not change what the others
    /// hit.
    fn mistreat<T: Clone>(&mut self, mut what: T, at: Instant, alter: fn(&mut T, &mut ChaCha8Rng), held: &mut Held<T>) -> Option<T> {
        let Harm { drops, delays, replays, alters } = self.harm;
        let mut hits = |share: f64| self.rng.random::<f64>() < share;
        let (dropped, altered, repeated) = (hits(drops), hits(alters), hits(replays));
        let delay = delays.mul_f64(self.rng.random_range(0.0..1.0));
        let again = LATEST_REPLAY.mul_f64(self.rng.random_range(0.0..1.0));
        if repeated {
            held.hold(self, at + again, what.clone());
        }
        if dropped {
            return None;
        }
        if altered {
            alter(&mut what, &mut self.rng);
        }
        if delay.is_zero() {
            return Some(what);
        }
        held.hold(self, at + delay, what);
        None
    }
}

/// Mistreats what goes over links: datagrams of others, and what others have said in topics and broadcasts.
pub(super) fn pass_on(
    clock: Res<Clock>,
    sessions: Query<&SessionOf>,
    nodes: Query<(&Node, &Contact)>,
    mut relays: ResMut<Relays>,
    mut outgoing: ResMut<Messages<Outgoing>>,
) {
    let Relays { all, messages, .. } = &mut *relays;
    let wanted: Vec<Outgoing> = outgoing.drain().collect();
    for message in wanted {
        let sender = sessions.get(message.session).ok().and_then(|session| nodes.get(session.0).ok());
        let foreign = sender.filter(|(_, me)| is_foreign(&message.message, &me.id));
        let through = match foreign.and_then(|(node, _)| all.get_mut(&node.ordinal)) {
            Some(relay) => {
                let at = message.at;
                relay.mistreat(message, at, |message, rng| alter_message(&mut message.message, rng), messages)
            }
            None => Some(message),
        };
        outgoing.write_batch(through);
    }
    for (at, message) in messages.release(&clock) {
        outgoing.write(Outgoing { at, ..message });
    }
}

/// Mistreats what a node tells another of what others have said, before it is sealed.
pub(super) fn answer(clock: Res<Clock>, nodes: Query<(&Node, &Contact)>, mut relays: ResMut<Relays>, mut asked: ResMut<Messages<SendTo>>) {
    let Relays { all, bodies, .. } = &mut *relays;
    let wanted: Vec<SendTo> = asked.drain().collect();
    for message in wanted {
        let foreign = nodes.get(message.node).ok().filter(|(_, me)| is_foreign_body(&message.body, &me.id));
        let through = match foreign.and_then(|(node, _)| all.get_mut(&node.ordinal)) {
            Some(relay) => {
                let at = message.at;
                relay.mistreat(message, at, |message, rng| alter_body(&mut message.body, rng), bodies)
            }
            None => Some(message),
        };
        asked.write_batch(through);
    }
    for (at, message) in bodies.release(&clock) {
        asked.write(SendTo { at, ..message });
    }
}
