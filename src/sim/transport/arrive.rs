//! What becomes of packets when they arrive.

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;

use super::endpoint::State;
use super::fabric::Fabric;
use super::flight::{Alarm, EndId, Flight, Head, Parcel};
use super::send::kind;
use super::stall::Gate;
use crate::kernel::{
    AssertedPeer, BeaconIn, FrameIn, Instant, LinkDown, LinkUp, Node, NodeState, Role, Service, SessionLimits, spawn_session,
};
use crate::trial::Trace;
use crate::wire::{Address, CloseReason, NodeId};

/// What the transport tells its world.
#[derive(SystemParam)]
pub(super) struct Told<'w, 's> {
    nodes: Query<'w, 's, &'static Node>,
    limits: Res<'w, SessionLimits>,
    trace: ResMut<'w, Trace>,
    commands: Commands<'w, 's>,
    up: MessageWriter<'w, LinkUp>,
    down: MessageWriter<'w, LinkDown>,
    frames: MessageWriter<'w, FrameIn>,
    beacons: MessageWriter<'w, BeaconIn>,
}

impl Fabric {
    /// The node of a host that is up, and what it does.
    pub(super) fn receiver(&self, to: u32, told: &Told) -> Option<(Entity, NodeState)> {
        let entity = self.hosts[to as usize].up?;
        Some((entity, told.nodes.get(entity).ok()?.state))
    }

    /// A packet is due: hands it over, or puts it back if the receiver is paused, slow, or cut off.
    #[inline]
    pub(super) fn arrive(&mut self, Flight { head, parcel }: Flight, receiver: Option<(Entity, NodeState)>, told: &mut Told) {
        let Head { at, from, to, end, .. } = head;
        let entity = match receiver {
            Some((entity, NodeState::Running)) => entity,
            // A pause that ends within this tick has ended.
            Some((entity, NodeState::Paused { until })) if until < self.earliest => entity,
            Some((_, NodeState::Paused { until })) => {
                let host = &mut self.hosts[to as usize];
                if head.is_served() {
                    host.handed_until = host.handed_until.max(until);
                }
                return self.queue.push(Flight { head: Head { at: until, ..head }, parcel });
            }
            Some((_, NodeState::Down)) | None => {
                self.counts.absent += 1;
                return;
            }
        };
        let to_end = match &parcel {
            Parcel::Alarm(alarm) => return self.ring(*alarm, end, at, told),
            Parcel::Frame(_) | Parcel::SynAck { .. } | Parcel::Fin { .. } => true,
            _ => false,
        };
        if !head.is_served() {
            match self.pass_network(&head, to_end) {
                Gate::Pass => {}
                Gate::Later(at) => return self.queue.push(Flight { head: Head { at, ..head }, parcel }),
                Gate::Drop => return,
            }
            if let Gate::Later(at) = self.pass_slowness(&head) {
                return self.queue.push(Flight { head: head.served_at(at), parcel });
            }
        }
        self.counts.delivered += 1;
        told.trace.frame(at, from, to, head.sender_sequence(), parcel.len() as u32);
        match parcel {
            Parcel::Frame(frame) => match self.endpoints.get(end).map(|endpoint| (endpoint.state, endpoint.session)) {
                Some((State::Open, session)) => {
                    told.frames.write(FrameIn { session, at, frame });
                }
                state => self.refuse_frame(state.map(|(state, _)| state), from, to, end, at),
            },
            Parcel::Beacon(hello) => {
                told.beacons.write(BeaconIn { node: entity, at, hello: *hello });
            }
            Parcel::Syn { from: peer_end, id, dial, again } => {
                let syn = Syn { from, to, peer_end, id, dial, again, at };
                self.accept(syn, entity, told);
            }
            Parcel::SynAck { from: peer_end, id } => self.open(end, (from, to), peer_end, id, at, told),
            Parcel::Refuse(reason) => {
                if let Some(State::Dialing { .. }) = self.state(end) {
                    self.tell_down(end, reason, at, told);
                }
            }
            Parcel::Fin { from: peer_end, reason } => {
                self.send_loose(to, from, peer_end, Parcel::FinAck, at);
                self.tell_down(end, reason, at, told);
            }
            Parcel::FinAck => {
                if let Some(State::Closing(_)) = self.state(end) {
                    self.remove(end.slot);
                }
            }
            Parcel::Reset { unknown } => {
                if let Some(slot) = self.find_end(to, from, unknown) {
                    self.tell_down(self.endpoints.id(slot), CloseReason::Reset, at, told);
                }
            }
            Parcel::Alarm(_) => {}
        }
    }

    fn state(&mut self, end: EndId) -> Option<State> {
        self.endpoints.get(end).map(|endpoint| endpoint.state)
    }

    /// The end at `node` of a link whose other end is `peer_end` at `peer`.
    fn find_end(&mut self, node: u32, peer: u32, peer_end: EndId) -> Option<u32> {
        let ends = &self.ports[node as usize].ends;
        ends.iter().copied().find(|slot| {
            let endpoint = self.endpoints.at(*slot);
            endpoint.peer == peer && endpoint.peer_end == peer_end
        })
    }

    /// A partition may have come between the sender and the receiver while the packet was in flight.
    #[inline]
    fn pass_network(&mut self, head: &Head, to_end: bool) -> Gate {
        let blocked = !self.conditions.passes(head.from, head.to);
        if blocked {
            self.counts.blocked += 1;
        }
        if to_end && self.service == Service::Stream {
            self.hold_back(head, blocked)
        } else if blocked {
            Gate::Drop
        } else {
            Gate::Pass
        }
    }

    /// A slow host serves one packet after the other. What comes while it has some waits behind them, also when it is not slow any
    /// more.
    #[inline]
    fn pass_slowness(&mut self, head: &Head) -> Gate {
        let time = self.conditions.service_time(head.to);
        let host = &mut self.hosts[head.to as usize];
        if time.is_zero() && host.handed_until < head.at && host.busy_until <= head.at {
            return Gate::Pass;
        }
        host.busy_until = host.busy_until.max(head.at) + time;
        host.handed_until = host.handed_until.max(host.busy_until).max(self.earliest);
        Gate::Later(host.handed_until)
    }

    /// A frame came for an end that does not take it.
    fn refuse_frame(&mut self, state: Option<State>, from: u32, to: u32, end: EndId, at: Instant) {
        self.counts.unknown += 1;
        match state {
            None => self.send_loose(to, from, end, Parcel::Reset { unknown: end }, at),
            // The end of a stream is told for certain; the FIN of a datagram link may have been lost.
            Some(State::Closing(reason)) if self.service == Service::Datagram => self.send_fin(end.slot, reason, at),
            Some(_) => {}
        }
    }

    /// Somebody dials.
    fn accept(&mut self, syn: Syn, entity: Entity, told: &mut Told) {
        let Syn { from, to, peer_end, id, dial, again, at } = syn;
        if (again || self.service == Service::Datagram)
            && let Some(slot) = self.find_end(to, from, peer_end)
        {
            // It has been accepted already. A stream says so for certain; a datagram may have been lost.
            match (self.service, self.endpoints.at(slot).state) {
                (Service::Datagram, State::Open) => self.send_syn_ack(slot, at),
                (Service::Datagram, State::Closing(reason)) => self.send_fin(slot, reason, at),
                _ => {}
            }
            return;
        }
        let ends = &self.ports[to as usize].ends;
        let alive = ends.len() >= told.limits.max_sessions
            && ends.iter().filter(|slot| !matches!(self.endpoints.at(**slot).state, State::Closing(_))).count() >= told.limits.max_sessions;
        if alive {
            self.counts.refused += 1;
            return self.send_loose(to, from, peer_end, Parcel::Refuse(CloseReason::TooManySessions), at);
        }
        let session = spawn_session(&mut told.commands, entity, Role::Responder, Address::Memory(from), at);
        told.commands.entity(session).insert((self.service, AssertedPeer(id)));
        let direction = self.direction(to, from, kind::ACCEPTED, u64::from(dial));
        let end = self.endpoints.insert(session, to, from, peer_end, State::Open, direction);
        self.ports[to as usize].ends.push(end.slot);
        told.up.write(LinkUp { node: entity, session, at });
        self.send_syn_ack(end.slot, at);
    }

    /// A dial was accepted.
    fn open(&mut self, end: EndId, (from, to): (u32, u32), peer_end: EndId, id: NodeId, at: Instant, told: &mut Told) {
        let service = self.service;
        let accepted = self.endpoints.get(end).filter(|endpoint| match endpoint.state {
            State::Dialing { .. } => true,
            _ => endpoint.peer_end == peer_end,
        });
        let Some(endpoint) = accepted else {
            // It was given up meanwhile, or another SYN of the same dial had been accepted.
            self.counts.unknown += 1;
            return self.send_loose(to, from, peer_end, Parcel::Reset { unknown: end }, at);
        };
        if let State::Dialing { .. } = endpoint.state {
            endpoint.state = State::Open;
            endpoint.peer_end = peer_end;
            let (session, node) = (endpoint.session, endpoint.node);
            told.commands.entity(session).try_insert((service, AssertedPeer(id)));
            if let Some(entity) = self.hosts[node as usize].up {
                told.up.write(LinkUp { node: entity, session, at });
            }
        }
    }

    /// The link of an end is no more: tells its session, unless that has hung up itself.
    fn tell_down(&mut self, end: EndId, reason: CloseReason, at: Instant, told: &mut Told) {
        let Some(endpoint) = self.endpoints.get(end) else { return };
        if !matches!(endpoint.state, State::Closing(_)) {
            told.down.write(LinkDown { session: endpoint.session, reason, at });
        }
        self.remove(end.slot);
    }

    /// The transport has something to do for one of its ends.
    fn ring(&mut self, alarm: Alarm, end: EndId, at: Instant, told: &mut Told) {
        match (alarm, self.state(end)) {
            (Alarm::Dial, Some(State::Dialing { .. })) => {
                let has_ended = self.send_syn(end, at);
                if has_ended {
                    self.tell_down(end, CloseReason::Unreachable, at, told);
                }
            }
            (Alarm::Retransmit, Some(_)) => self.retransmit(end, at),
            (Alarm::Break(reason), Some(State::Broken)) => self.tell_down(end, reason, at, told),
            (Alarm::Linger, Some(State::Closing(_))) => self.remove(end.slot),
            _ => {}
        }
    }
}

/// A SYN that arrived.
struct Syn {
    from: u32,
    to: u32,
    peer_end: EndId,
    id: NodeId,
    dial: u32,
    again: bool,
    at: Instant,
}
