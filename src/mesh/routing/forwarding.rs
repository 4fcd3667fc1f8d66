//! The state machine: what a node does with its own datagrams and with those of others. No ECS, so that it can be tried in any order.

use super::components::Routing;
use super::effects::{Effect, Surroundings};
use super::outstanding::Sent;
use super::waiting::{Item, Own, Parcel};
use crate::crypto::{NodeId, Signature};
use crate::wire::routing::{Datagram, DatagramBody, MAX_HOPS, PURPOSE, RoutingFailure, Undeliverable};
use crate::wire::{CloseReason, RoutingMessage};

impl Routing {
    /// The node itself sends something.
    pub fn send(&mut self, to: NodeId, body: DatagramBody, around: &mut Surroundings) {
        if to == around.me {
            around.effects.push(Effect::Deliver { from: to, body, hops: 0 });
            return;
        }
        match body.to_bytes() {
            Ok(bytes) => {
                let size = bytes.len();
                self.take_on(Parcel::Own(Own { to, body, size, again: None }), around);
            }
            Err(_) => fail(to, Some(body), RoutingFailure::TooLong, around),
        }
    }

    /// A datagram came from `from`.
    ///
    /// # Errors
    /// It breaks a limit, which whoever passed it on should have seen.
    pub fn on_datagram(&mut self, from: NodeId, mut datagram: Box<Datagram>, around: &mut Surroundings) -> Result<(), CloseReason> {
        if !datagram.is_sound() {
            return Err(CloseReason::ProtocolViolation);
        }
        if !around.access.admits(&datagram.source) {
            around.counts.refused += 1;
        } else if datagram.target == around.me {
            self.accept(&datagram, around);
        } else if let Some(hops_left) = datagram.hops_left.checked_sub(1) {
            datagram.hops_left = hops_left;
            self.take_on(Parcel::Passing { datagram, from }, around);
        } else {
            self.refuse(&datagram, RoutingFailure::TooManyHops, around);
        }
        Ok(())
    }

    /// A note about an undeliverable datagram came from `from`.
    ///
    /// # Errors
    /// As [`on_datagram`](Self::on_datagram).
    pub fn on_undeliverable(&mut self, from: NodeId, mut note: Box<Undeliverable>, around: &mut Surroundings) -> Result<(), CloseReason> {
        if note.hops_left > MAX_HOPS {
            return Err(CloseReason::ProtocolViolation);
        }
        if note.source == around.me {
            self.on_own_undeliverable(&note, around);
            return Ok(());
        }
        let next = around.links.next_hop(&note.source, Some(&from)).filter(|next| *next != from);
        match (next, note.hops_left.checked_sub(1)) {
            (Some(next), Some(hops_left)) => {
                note.hops_left = hops_left;
                around.effects.push(Effect::Send(next, RoutingMessage::Undeliverable(note)));
            }
            _ => around.counts.notes_lost += 1,
        }
        Ok(())
    }

    /// The links or keys have changed, or time has passed: sends what there is a way for now, and gives up what has waited long enough.
    pub fn look_again(&mut self, around: &mut Surroundings) {
        for item in self.waiting.take() {
            match way(&item.parcel, item.turn <= around.at, around) {
                Ok(next) => self.pass_on(item.parcel, next, around),
                Err(reason) if item.until <= around.at => self.give_up(item.parcel, reason, around),
                Err(_) => self.waiting.keep(item),
            }
        }
    }

    /// Passes `parcel` on, or keeps it until there is a way.
    fn take_on(&mut self, parcel: Parcel, around: &mut Surroundings) {
        match way(&parcel, false, around) {
            Ok(next) => self.pass_on(parcel, next, around),
            Err(_) if self.waiting.has_room(&parcel) => {
                let after = |duration| around.clock.after(around.at, duration);
                let (turn, until) = (after(around.config.patience / 2), after(around.config.patience));
                self.waiting.keep(Item { parcel, turn, until });
            }
            Err(reason) => {
                around.counts.dropped_full += 1;
                self.give_up(parcel, reason, around);
            }
        }
    }

    fn pass_on(&mut self, parcel: Parcel, next: NodeId, around: &mut Surroundings) {
        let datagram = match parcel {
            Parcel::Own(own) => match self.seal(own, around) {
                Some(datagram) => Box::new(datagram),
                None => return,
            },
            Parcel::Passing { datagram, .. } => {
                around.counts.forwarded += 1;
                datagram
            }
        };
        around.effects.push(Effect::Send(next, RoutingMessage::Datagram(datagram)));
    }

    /// Seals, signs and remembers what the node sends. Fails it if the prekey of the target is unsound.
    fn seal(&mut self, Own { to, body, size, again }: Own, around: &mut Surroundings) -> Option<Datagram> {
        // Under the same number, lest somebody take twice what came after all: it need not be true that it could not be opened.
        let (source, life, number) = (around.me, around.life, again.unwrap_or(self.number + 1));
        let context = Datagram::context(around.network, &source, &to, life, number);
        let keys = &mut around.keys;
        let sealed = body.to_bytes().ok().and_then(|bytes| keys.prekeys.seal(&to, PURPOSE, &context, &bytes, keys.rng).ok());
        let Some((prekey, sealed)) = sealed else {
            fail(to, Some(body), RoutingFailure::NoKey, around);
            return None;
        };
        self.number = self.number.max(number);
        self.outstanding.remember(Sent { number, life, to, prekey, body: Some(body), size, again: again.is_some(), at: around.at });
        around.counts.sent += 1;
        let unsigned = Datagram { source, target: to, life, number, hops_left: MAX_HOPS, prekey, sealed, signature: Signature([0; 64]) };
        Some(Datagram::sign(keys.identity, around.network, unsigned))
    }

    fn give_up(&mut self, parcel: Parcel, reason: RoutingFailure, around: &mut Surroundings) {
        match parcel {
            Parcel::Own(Own { to, body, .. }) => fail(to, Some(body), reason, around),
            Parcel::Passing { datagram, .. } => self.refuse(&datagram, reason, around),
        }
    }

    /// Tells the source of `datagram` that it does not arrive.
    fn refuse(&mut self, datagram: &Datagram, reason: RoutingFailure, around: &mut Surroundings) {
        let Datagram { source, life, number, target, .. } = *datagram;
        let note = Undeliverable { source, life, number, target, hops_left: MAX_HOPS, reason };
        around.counts.undeliverable += 1;
        if source == around.me {
            // It has come round to where it began.
            self.on_own_undeliverable(&note, around);
        } else if let Some(next) = around.links.next_hop(&source, None) {
            around.effects.push(Effect::Send(next, RoutingMessage::Undeliverable(Box::new(note))));
        } else {
            around.counts.notes_lost += 1;
        }
    }

    fn on_own_undeliverable(&mut self, note: &Undeliverable, around: &mut Surroundings) {
        let Some(sent) = self.outstanding.take(note.number, note.life, &note.target, around.at) else {
            around.counts.unbelieved += 1;
            return;
        };
        let Sent { to, prekey, body, size, again, .. } = sent;
        // The target may have changed its prekey while the datagram was under way, and announced the new one meanwhile.
        let newer = around.keys.prekeys.others.get(&to).is_some_and(|newest| newest.id() != prekey);
        match body {
            Some(body) if note.reason == RoutingFailure::NoKey && newer && !again => {
                self.take_on(Parcel::Own(Own { to, body, size, again: Some(note.number) }), around);
            }
            body => fail(to, body, note.reason, around),
        }
    }

    /// Opens a datagram for this node.
    fn accept(&mut self, datagram: &Datagram, around: &mut Surroundings) {
        let Datagram { source, target, life, number, prekey, ref sealed, .. } = *datagram;
        // Before the signature, which is dear: who repeats what has come costs nothing.
        if !self.heard.is_new(&source, life, number) {
            around.counts.replayed += 1;
            return;
        }
        let keys = &around.keys;
        if datagram.verify(around.network, keys.identity.mode()).is_err() {
            around.counts.forged += 1;
            return;
        }
        // With those of an earlier life it does not open what may have come in that life: its source seals it anew, under the same number.
        if !keys.prekeys.own.iter().any(|own| !own.restored && own.public.id() == prekey) {
            self.refuse(datagram, RoutingFailure::NoKey, around);
            return;
        }
        self.heard.accept(source, life, number, around.at);
        let context = Datagram::context(around.network, &source, &target, life, number);
        let opened = keys.prekeys.open_once(prekey, PURPOSE, &context, sealed).ok();
        match opened.and_then(|bytes| DatagramBody::from_bytes(&bytes).ok()) {
            Some(body) => {
                around.counts.delivered += 1;
                around.effects.push(Effect::Deliver { from: source, body, hops: datagram.hops() });
            }
            None => around.counts.malformed += 1,
        }
    }
}

/// The neighbour to pass `parcel` to. Only if it `may_turn` is that the one it comes from.
fn way(parcel: &Parcel, may_turn: bool, around: &mut Surroundings) -> Result<NodeId, RoutingFailure> {
    let next = match parcel {
        Parcel::Own(own) if !around.keys.prekeys.others.contains_key(&own.to) => return Err(RoutingFailure::NoKey),
        Parcel::Own(own) => around.links.next_hop(&own.to, None),
        Parcel::Passing { datagram, from } => around.links.next_hop(&datagram.target, Some(from)).filter(|next| may_turn || next != from),
    };
    next.ok_or(RoutingFailure::NoRoute)
}

fn fail(to: NodeId, body: Option<DatagramBody>, reason: RoutingFailure, around: &mut Surroundings) {
    around.counts.failed += 1;
    around.effects.push(Effect::Fail { to, body, reason });
}
