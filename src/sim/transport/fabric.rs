//! The network of one world.

use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::prelude::*;

use super::endpoint::{Endpoints, State};
use super::flight::{Alarm, EndId, Flight, Head, Parcel};
use crate::kernel::{CalendarQueue, Instant, Service};
use crate::link_model::{Conditions, LinkModel, Lost, NetworkFault};
use crate::trial::Carrier;
use crate::wire::{CloseReason, NodeId};

/// The network as the nodes of one world see it: their ends of links, and the packets on their way to them.
#[derive(Resource, Debug)]
pub struct Fabric {
    pub(super) model: Arc<LinkModel>,
    pub(super) conditions: Conditions,
    pub(super) service: Service,
    pub(super) quantum: Duration,
    pub(super) seed: u64,
    pub(super) hosts: Vec<Host>,
    pub(super) ports: Vec<Port>,
    pub(super) endpoints: Endpoints,
    pub(super) queue: CalendarQueue<Flight>,
    pub(super) counts: FabricCounts,
    /// End of the running tick: nothing that is sent arrives before.
    pub(super) earliest: Instant,
    world: u16,
    owner: Arc<[u16]>,
    outboxes: Vec<Vec<Flight>>,
    /// An outbox that has been emptied, for the next.
    spare: Vec<Vec<Flight>>,
}

/// What became of packets: frames, hellos, and those that open and close links. All counts are of this world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FabricCounts {
    /// Handed over to a running host.
    pub delivered: u64,
    /// Lost by chance, on links and in bursts; on streams they are sent again.
    pub lost: u64,
    /// Lost because too many bytes waited for the rate.
    pub queue_full: u64,
    /// Stopped by a partition or cut; on streams they are sent again.
    pub blocked: u64,
    /// Sent to a host that was down or does not exist.
    pub absent: u64,
    /// Came for an endpoint that was not there any more, or not yet.
    pub unknown: u64,
    /// Links refused because a host had as many as it may.
    pub refused: u64,
    /// Attempts to send again, on streams.
    pub retransmitted: u64,
    /// Links broken: nothing passed for a minute, or too much waited.
    pub broken: u64,
}

/// What every packet from or to a node looks at: 32 bytes, so that those of many nodes fit into the cache.
#[derive(Debug)]
pub(super) struct Host {
    /// Its entity while it is up.
    pub(super) up: Option<Entity>,
    /// Packets it has sent, and alarms it has set, in all its lives.
    sequence: u64,
    /// A slow host is done with what it has by then …
    pub(super) busy_until: Instant,
    /// … and the last of it is handed over then.
    pub(super) handed_until: Instant,
}

/// What only hellos and the packets that open and close links look at.
#[derive(Debug)]
pub(super) struct Port {
    /// Who the node says it is.
    pub(super) id: NodeId,
    /// Its ends of links.
    pub(super) ends: Vec<u32>,
    /// Links it has dialled, in all its lives.
    pub(super) dials: u32,
    /// Packets it has sent that belong to no link, in all its lives.
    pub(super) loose: u32,
}

impl Fabric {
    /// The network of world number `world`. `owner` says for each node of the run in which world it lives; `quantum` is the length
    /// of a tick, at most [`LinkModel::min_latency`].
    pub fn new(model: Arc<LinkModel>, service: Service, world: u16, owner: Arc<[u16]>, quantum: Duration, seed: u64) -> Self {
        let host = || Host { up: None, sequence: 0, busy_until: Instant::ZERO, handed_until: Instant::ZERO };
        let port = || Port { id: NodeId([0; 32]), ends: Vec::new(), dials: 0, loose: 0 };
        let worlds = owner.iter().map(|world| usize::from(*world) + 1).max().unwrap_or(1);
        Self {
            conditions: Conditions::new(model.nodes()),
            model,
            service,
            quantum: quantum.max(Duration::from_nanos(1)),
            seed,
            hosts: std::iter::repeat_with(host).take(owner.len()).collect(),
            ports: std::iter::repeat_with(port).take(owner.len()).collect(),
            endpoints: Endpoints::default(),
            queue: CalendarQueue::new(quantum),
            counts: FabricCounts::default(),
            earliest: Instant::ZERO,
            world,
            owner,
            outboxes: std::iter::repeat_with(Vec::new).take(worlds).collect(),
            spare: Vec::new(),
        }
    }

    /// A network for a run in one world.
    pub fn single(model: Arc<LinkModel>, service: Service, quantum: Duration) -> Self {
        let owner = vec![0; model.nodes() as usize].into();
        let seed = model.seed();
        Self::new(model, service, 0, owner, quantum, seed)
    }

    /// The links.
    pub fn model(&self) -> &LinkModel {
        &self.model
    }

    /// What became of packets in this world: losses are counted where the sender lives.
    pub fn counts(&self) -> FabricCounts {
        self.counts
    }

    /// Packets and alarms that wait in this world.
    pub fn in_flight(&self) -> usize {
        self.queue.len()
    }

    /// Start of the earliest tick in which something is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.queue.next_due()
    }

    /// Takes what was sent to nodes of `world`. All of it is due after the running tick.
    pub fn take_outbox(&mut self, world: u16) -> Vec<Flight> {
        let spare = self.spare.pop().unwrap_or_default();
        self.outboxes.get_mut(usize::from(world)).map(|outbox| std::mem::replace(outbox, spare)).unwrap_or_default()
    }

    /// Takes in what nodes of other worlds sent to nodes of this one.
    pub fn receive(&mut self, mut flights: Vec<Flight>) {
        flights.drain(..).for_each(|flight| self.queue.push(flight));
        if self.spare.len() < self.outboxes.len() {
            self.spare.push(flights);
        }
    }

    /// Puts a packet on its way; it arrives at `at`, and not in this tick.
    #[inline]
    pub(super) fn launch(&mut self, from: u32, to: u32, end: EndId, parcel: Parcel, at: Instant) {
        let host = &mut self.hosts[from as usize];
        host.sequence += 1;
        let head = Head { at: at.max(self.earliest), sequence: host.sequence, from, to, end };
        match self.owner.get(to as usize) {
            Some(world) if *world == self.world => self.queue.push(Flight { head, parcel }),
            Some(world) => self.outboxes[usize::from(*world)].push(Flight { head, parcel }),
            None => self.counts.absent += 1,
        }
    }

    /// Wakes the transport of `node` for one of its ends.
    pub(super) fn set_alarm(&mut self, node: u32, end: EndId, alarm: Alarm, at: Instant) {
        self.launch(node, node, end, Parcel::Alarm(alarm), at);
    }

    /// Removes an end of a link.
    pub(super) fn remove(&mut self, slot: u32) {
        let node = self.endpoints.at(slot).node;
        let ends = &mut self.ports[node as usize].ends;
        if let Some(index) = ends.iter().position(|end| *end == slot) {
            ends.swap_remove(index);
        }
        self.endpoints.remove(slot);
    }

    /// The link does not work any more: the session is told in the next tick, the other side if that can be.
    pub(super) fn break_link(&mut self, slot: u32, reason: CloseReason, now: Instant) {
        self.counts.broken += 1;
        let id = self.endpoints.id(slot);
        let endpoint = self.endpoints.at(slot);
        let (node, peer, peer_end) = (endpoint.node, endpoint.peer, endpoint.peer_end);
        endpoint.stall = None;
        let was = std::mem::replace(&mut endpoint.state, State::Broken);
        if matches!(was, State::Closing(_)) {
            self.remove(slot);
        } else {
            self.set_alarm(node, id, Alarm::Break(reason), self.earliest);
        }
        self.send_loose(node, peer, peer_end, Parcel::Reset { unknown: id }, now);
    }

    pub(super) fn count_loss(&mut self, why: Lost) {
        match why {
            Lost::Chance => self.counts.lost += 1,
            Lost::QueueFull => self.counts.queue_full += 1,
            Lost::Blocked => self.counts.blocked += 1,
        }
    }
}

impl Carrier for Fabric {
    /// Node `ordinal` starts, as `entity`: it listens from now on.
    fn attach(&mut self, ordinal: u32, entity: Entity, id: NodeId) {
        self.detach(ordinal);
        if let Some(host) = self.hosts.get_mut(ordinal as usize) {
            host.up = Some(entity);
            self.ports[ordinal as usize].id = id;
        }
    }

    /// Node `ordinal` stops: its ends of links vanish without a word. Packets to it are lost until it is attached again, and then
    /// answered with a reset if they are for an end that vanished.
    fn detach(&mut self, ordinal: u32) {
        let Some(host) = self.hosts.get_mut(ordinal as usize) else { return };
        host.up = None;
        (host.busy_until, host.handed_until) = (Instant::ZERO, Instant::ZERO);
        for slot in self.ports[ordinal as usize].ends.drain(..) {
            self.endpoints.remove(slot);
        }
    }

    /// Changes the network. Every world must apply the same changes in the same ticks.
    fn apply(&mut self, fault: &NetworkFault) {
        self.conditions.apply(fault);
    }

    /// What faults have made of the network.
    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Packets handed over in this world: all [`FrameIn`](crate::kernel::FrameIn) and [`BeaconIn`](crate::kernel::BeaconIn), and
    /// the packets that open, close and reset links.
    fn delivered(&self) -> u64 {
        self.counts.delivered
    }
}
