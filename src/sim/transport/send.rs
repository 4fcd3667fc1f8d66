//! What nodes send.

use std::time::Duration;

use bevy_ecs::prelude::*;

use super::endpoint::State;
use super::fabric::Fabric;
use super::flight::{Alarm, EndId, Parcel};
use crate::kernel::{Instant, Service};
use crate::link_model::{Direction, DirectionName, STALL_LIMIT, Verdict};
use crate::wire::{Address, CloseReason, Frame, Hello};

/// Seconds from each SYN to the next, doubling from the 1 s that RFC 6298 section 2.1 begins with; after the last the dial ends,
/// 10 s after it began.
const DIAL_WAITS: [u64; 4] = [1, 2, 4, 3];

/// The endpoint that is not there, or not known yet.
pub(super) const NO_END: EndId = EndId { slot: u32::MAX, generation: u32::MAX };

/// What directions belong to; a part of the names of their random streams.
pub(super) mod kind {
    pub(in super::super) const DIALLED: u8 = 0;
    pub(in super::super) const ACCEPTED: u8 = 1;
    pub(super) const LOOSE: u8 = 2;
}

impl Fabric {
    /// Node `from` dials.
    pub(super) fn dial(&mut self, from: u32, session: Entity, to: Address, now: Instant) {
        let to = match to {
            Address::Memory(ordinal) => ordinal,
            // Nobody of a simulation is there.
            _ => u32::MAX,
        };
        if self.hosts.get(from as usize).is_none_or(|host| host.up.is_none()) {
            return;
        }
        let port = &mut self.ports[from as usize];
        port.dials += 1;
        let dial = port.dials;
        let direction = self.direction(from, to, kind::DIALLED, u64::from(dial));
        let end = self.endpoints.insert(session, from, to, NO_END, State::Dialing { dial, attempts: 0 }, direction);
        self.ports[from as usize].ends.push(end.slot);
        self.send_syn(end, now);
    }

    /// Sends a SYN, or ends the dial. Says whether it has ended.
    pub(super) fn send_syn(&mut self, end: EndId, now: Instant) -> bool {
        let Some(endpoint) = self.endpoints.get(end) else { return false };
        let State::Dialing { dial, attempts } = &mut endpoint.state else { return false };
        let Some(wait) = DIAL_WAITS.get(usize::from(*attempts)) else { return true };
        let again = *attempts > 0;
        *attempts += 1;
        let (from, dial) = (endpoint.node, *dial);
        let id = self.ports[from as usize].id;
        let syn = Parcel::Syn { from: end, id, dial, again };
        // A SYN that is lost is not waited for by what comes after: there is nothing yet.
        self.transmit(end.slot, syn, Service::Datagram, now);
        self.set_alarm(from, end, Alarm::Dial, now + Duration::from_secs(*wait));
        false
    }

    /// A session sends a frame.
    #[inline]
    pub(super) fn send_frame(&mut self, session: Entity, frame: Frame, now: Instant) {
        let Some(slot) = self.endpoints.find(session) else { return };
        if self.endpoints.at(slot).state == State::Open {
            self.transmit(slot, Parcel::Frame(frame), self.service, now);
        }
    }

    /// A session wants its link no more.
    pub(super) fn hang_up(&mut self, session: Entity, reason: CloseReason, now: Instant) {
        let Some(slot) = self.endpoints.find(session) else { return };
        if self.endpoints.at(slot).state == State::Open {
            self.send_fin(slot, reason, now);
        }
        let id = self.endpoints.id(slot);
        let endpoint = self.endpoints.at(slot);
        if endpoint.state == State::Open {
            endpoint.state = State::Closing(reason);
            let node = endpoint.node;
            self.set_alarm(node, id, Alarm::Linger, now + STALL_LIMIT);
        } else {
            self.remove(slot);
        }
    }

    /// Tells the other side that the link is closed.
    pub(super) fn send_fin(&mut self, slot: u32, reason: CloseReason, now: Instant) {
        let fin = Parcel::Fin { from: self.endpoints.id(slot), reason };
        self.transmit(slot, fin, self.service, now);
    }

    /// Tells the other side that the link is open.
    pub(super) fn send_syn_ack(&mut self, slot: u32, now: Instant) {
        let node = self.endpoints.at(slot).node;
        let id = self.ports[node as usize].id;
        let syn_ack = Parcel::SynAck { from: self.endpoints.id(slot), id };
        self.transmit(slot, syn_ack, self.service, now);
    }

    /// Node `from` says hello on its segments. `hearers` is scratch space.
    pub(super) fn send_beacon(&mut self, from: u32, hello: &Hello, now: Instant, hearers: &mut Vec<u32>) {
        self.model.hearers(from, hearers);
        for to in hearers.iter() {
            self.send_loose(from, *to, NO_END, Parcel::Beacon(Box::new(hello.clone())), now);
        }
    }

    /// Sends a packet that belongs to no link: nobody waits for it if it is lost.
    pub(super) fn send_loose(&mut self, from: u32, to: u32, end: EndId, parcel: Parcel, now: Instant) {
        let port = &mut self.ports[from as usize];
        port.loose = port.loose.wrapping_add(1);
        let number = u64::from(port.loose);
        let mut direction = self.direction(from, to, kind::LOOSE, number);
        let weather = self.conditions.between(from, to);
        let params = self.model.params(direction.link());
        let verdict = direction.transmit(params, Service::Datagram, weather, now, parcel.len());
        self.follow(verdict, from, to, end, parcel);
    }

    /// A direction of a link, with its own random stream.
    pub(super) fn direction(&self, from: u32, to: u32, kind: u8, number: u64) -> Direction {
        Direction::new(DirectionName { seed: self.seed, from, to, kind, number }, self.model.link(from, to))
    }

    /// Sends a packet over a link.
    #[inline]
    fn transmit(&mut self, slot: u32, parcel: Parcel, service: Service, now: Instant) {
        let endpoint = self.endpoints.at(slot);
        let (from, to, end) = (endpoint.node, endpoint.peer, endpoint.peer_end);
        let params = self.model.params(endpoint.direction.link());
        let weather = self.conditions.between(from, to);
        let verdict = endpoint.direction.transmit(params, service, weather, now, parcel.len());
        if service == Service::Datagram {
            return self.follow(verdict, from, to, end, parcel);
        }
        match verdict {
            Verdict::Once(arrival) | Verdict::Twice(arrival, _) if endpoint.stall.is_none() => {
                let at = endpoint.direction.in_order(arrival);
                self.launch(from, to, end, parcel, at);
            }
            Verdict::Once(arrival) | Verdict::Twice(arrival, _) => self.stall(slot, parcel, now, Some(arrival)),
            Verdict::Stalled(why) | Verdict::Lost(why) => {
                self.count_loss(why);
                self.stall(slot, parcel, now, None);
            }
            Verdict::Overflow => self.break_link(slot, CloseReason::Overflow, now),
        }
    }

    /// Does with a datagram what has been decided.
    fn follow(&mut self, verdict: Verdict, from: u32, to: u32, end: EndId, parcel: Parcel) {
        match verdict {
            Verdict::Once(at) => self.launch(from, to, end, parcel, at),
            Verdict::Twice(at, again) => {
                let copy = parcel.copy();
                self.launch(from, to, end, parcel, at);
                self.launch(from, to, end, copy, again);
            }
            Verdict::Lost(why) | Verdict::Stalled(why) => self.count_loss(why),
            Verdict::Overflow => {}
        }
    }
}
