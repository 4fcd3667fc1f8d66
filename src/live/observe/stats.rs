//! How the nodes of a world are at one instant, as plain data.

use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::Serialize;

use super::super::recorder::RecordCounts;
use super::super::sockets::SocketCounts as Counts;
use super::census::{Backlog, Flows, Listening, Meter, PeerTraffic, Tally, TickCount, TickTimes, UnixAtZero};
use super::counted::{TopicStats, refused, topics_of};
use crate::gate::Gate;
use crate::kernel::{
    AddressBook, Contact, Counter, Instant, Neighbors, Node, Refusals, Session, SessionPhase, SessionTraffic, Sessions, Standing, Traffic,
    timers_fired,
};
use crate::mesh::admission::Admission;
use crate::mesh::broadcast::Broadcast;
use crate::mesh::chat::Chat;
use crate::mesh::liveness::RoundTrip;
use crate::mesh::membership::Membership;
use crate::mesh::routing::RoutingCounts;
use crate::mesh::topics::Topics;
use crate::wire::Protocol;

/// A world and its nodes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stats {
    /// The nodes, by ordinal.
    pub nodes: Vec<NodeStats>,
    /// Traffic of all nodes together, by protocol.
    pub protocols: Vec<ProtocolStats>,
    /// What was refused by all nodes together: the name of the reason, and how often.
    pub refusals: Vec<(&'static str, u64)>,
    /// Datagrams that all nodes together have refused or lost: what became of them, and how often.
    pub datagrams: Vec<(&'static str, u64)>,
    /// Ticks since the world began.
    pub ticks: u64,
    /// Timers that fired since the world began.
    pub timers_fired: u64,
    /// How long ticks took.
    pub tick_times: TickTimes,
    /// What is counted where the world ends, by sockets, gate and recorder: each by the name of its metric, with what it says.
    pub edges: Vec<(&'static str, &'static str, u64)>,
}

/// Traffic of a protocol, in frames.
#[derive(Clone, Debug, Serialize)]
pub struct ProtocolStats {
    /// Its name.
    pub name: &'static str,
    /// What was sent.
    pub sent: Tally,
    /// What was received and accepted.
    pub received: Tally,
}

/// A node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeStats {
    /// Its identity in hex.
    pub id: String,
    /// The IP address that it tells others.
    pub ip: String,
    /// The port that it tells others.
    pub port: u16,
    /// Whether it is up.
    pub up: bool,
    /// Seconds since it last started.
    pub uptime: f64,
    /// What was counted.
    pub meter: Meter,
    /// Its sessions by how far they have come.
    pub phases: Phases,
    /// Whom it knows by how they stand.
    pub standings: Standings,
    /// Members that it knows besides itself, suspected ones included.
    pub members: usize,
    /// Links of the mesh.
    pub neighbors: usize,
    /// Links over which it pushes broadcasts: its branches of the tree.
    pub eager: usize,
    /// Its open sessions, by the identity of the other side.
    pub sessions: Vec<SessionStats>,
    /// The topics that it takes part in.
    pub topics: Vec<TopicStats>,
    /// What chat and admission have refused, could not open or did not answer: what, and how often.
    pub refused: Vec<(&'static str, u64)>,
}

/// How many sessions have come how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phases {
    /// Asked for.
    pub dialing: usize,
    /// Proving identities.
    pub handshaking: usize,
    /// Open.
    pub established: usize,
}

/// How many peers stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standings {
    /// Heard of.
    pub heard: usize,
    /// Members whose heartbeats arrive.
    pub alive: usize,
    /// Members that are suspected.
    pub suspected: usize,
    /// Members that were forgotten.
    pub lost: usize,
}

/// An open session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionStats {
    /// Identity of the other side, in hex.
    pub peer: String,
    /// IP address of the other side.
    pub ip: String,
    /// When it opened, in whole seconds of Unix time.
    pub since_unix: u64,
    /// How long it has been open, in seconds.
    pub open_for: f64,
    /// What went over it.
    pub flows: Flows,
    /// The same by protocol, but for frames that were refused.
    pub protocols: Vec<ProtocolStats>,
    /// Round-trip times, once a pong has come.
    pub rtt: Option<Rtt>,
    /// What waits to be sent, if the transport says so.
    pub backlog: Option<Backlog>,
}

/// Round-trip times, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rtt {
    /// Of the last answered ping.
    pub current: f64,
    /// Shortest.
    pub min: f64,
    /// Longest.
    pub max: f64,
    /// Moving average.
    pub average: f64,
}

impl Rtt {
    fn of(trip: &RoundTrip) -> Option<Self> {
        let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
        let (current, min, max, average) = (trip.current?, trip.min?, trip.max?, trip.average?);
        Some(Self { current: millis(current), min: millis(min), max: millis(max), average: millis(average) })
    }
}

/// What is read of a node.
type NodeParts<'a> = (
    Entity,
    &'a Node,
    &'a Contact,
    Option<&'a Meter>,
    // Who has no session has no such component.
    Option<&'a Sessions>,
    &'a AddressBook,
    &'a Neighbors,
    Option<&'a Membership>,
    Option<&'a Broadcast>,
    Option<&'a Topics>,
    (Option<&'a Chat>, Option<&'a Admission>),
);

/// What the sockets of the world count.
#[derive(Resource, Debug, Clone)]
pub struct SocketCounts(pub Arc<Counts>);

/// What is read of a session.
type SessionParts<'a> = (&'a Session, Option<&'a PeerTraffic>, Option<&'a SessionTraffic>, Option<&'a RoundTrip>, Option<&'a Backlog>);

/// How `world` is at `now`. Changes nothing that a node could notice.
pub fn collect(world: &mut World, now: Instant) -> Stats {
    let mut node_query = world.query::<NodeParts>();
    let mut session_query = world.query::<SessionParts>();
    let world = &*world;
    let unix_at_zero = world.get_resource::<UnixAtZero>().map_or(Duration::ZERO, |offset| offset.0);
    let nowhere = Listening::default();
    let listening = world.get_resource::<Listening>().unwrap_or(&nowhere);
    let mut nodes: Vec<_> = node_query
        .iter(world)
        .map(|(_, node, contact, meter, sessions, book, neighbors, membership, broadcast, topics, refusing)| {
            let sessions: Vec<SessionParts> =
                sessions.into_iter().flat_map(Sessions::iter).filter_map(|session| session_query.get(world, session).ok()).collect();
            let meter = meter.cloned().unwrap_or_default();
            let (ip, port) = listening.ip_and_port(contact.address);
            let stats = NodeStats {
                id: format!("{:?}", contact.id),
                ip,
                port,
                up: node.is_up(),
                uptime: meter.started.filter(|_| node.is_up()).map_or(0.0, |started| now.since(started).as_secs_f64()),
                meter,
                phases: phases(&sessions),
                standings: standings(book),
                members: membership.map_or(0, Membership::len),
                neighbors: neighbors.len(),
                eager: broadcast.map_or(0, |broadcast| broadcast.eager_peers().count()),
                sessions: open_sessions(&sessions, now, unix_at_zero, listening),
                topics: topics.map(topics_of).unwrap_or_default(),
                refused: refused(refusing),
            };
            (node.ordinal, stats)
        })
        .collect();
    nodes.sort_by_key(|(ordinal, _)| *ordinal);
    Stats {
        nodes: nodes.into_iter().map(|(_, stats)| stats).collect(),
        protocols: world.get_resource::<Traffic>().map(protocols).unwrap_or_default(),
        refusals: world.get_resource::<Refusals>().map(refusals).unwrap_or_default(),
        datagrams: world.get_resource::<RoutingCounts>().map(|counts| counts.refusals().to_vec()).unwrap_or_default(),
        ticks: world.get_resource::<TickCount>().map_or(0, |ticks| ticks.0),
        timers_fired: timers_fired(world),
        tick_times: world.get_resource::<TickTimes>().copied().unwrap_or_default(),
        edges: edges(world),
    }
}

fn edges(world: &World) -> Vec<(&'static str, &'static str, u64)> {
    let mut all = Vec::new();
    if let Some(sockets) = world.get_resource::<SocketCounts>() {
        all.extend(sockets.0.list());
    }
    if let Some(gate) = world.get_resource::<Gate>() {
        let shed = "Messages that can wait, dropped because their peer does not read.";
        all.push(("murmuration_shed_messages_total", shed, gate.dropped()));
        let damaged = "Rows of the store that could not be opened: damaged, or of another identity.";
        all.push(("murmuration_damaged_rows_total", damaged, gate.damaged()));
        let full = "Accepted links refused because their node had as many sessions, or as many with strangers, as it may.";
        all.push(("murmuration_full_refused_total", full, gate.refused()));
    }
    if let Some(recorder) = world.get_resource::<RecordCounts>() {
        all.extend(recorder.list());
    }
    all
}

fn phases(sessions: &[SessionParts]) -> Phases {
    let count = |phase: SessionPhase| sessions.iter().filter(|(session, ..)| session.phase == phase).count();
    Phases {
        dialing: count(SessionPhase::Dialing),
        handshaking: count(SessionPhase::Handshaking),
        established: count(SessionPhase::Established),
    }
}

fn standings(book: &AddressBook) -> Standings {
    let mut standings = Standings::default();
    for (_, peer) in book.iter() {
        match peer.standing {
            Standing::Heard => standings.heard += 1,
            Standing::Alive => standings.alive += 1,
            Standing::Suspected { .. } => standings.suspected += 1,
            Standing::Lost => standings.lost += 1,
        }
    }
    standings
}

fn open_sessions(sessions: &[SessionParts], now: Instant, unix_at_zero: Duration, listening: &Listening) -> Vec<SessionStats> {
    let open = sessions.iter().filter(|(session, ..)| session.phase == SessionPhase::Established);
    let mut open: Vec<_> = open
        .filter_map(|(session, traffic, by_protocol, trip, backlog)| {
            let traffic = traffic.copied().unwrap_or_default();
            Some(SessionStats {
                peer: format!("{:?}", session.remote?),
                ip: listening.ip_and_port(session.reach.unwrap_or(session.address)).0,
                since_unix: (unix_at_zero + traffic.opened.since(Instant::ZERO)).as_secs(),
                open_for: now.since(traffic.opened).as_secs_f64(),
                flows: traffic.flows,
                protocols: by_protocol.map_or_else(Vec::new, |traffic| protocols(&traffic.0)),
                rtt: trip.and_then(Rtt::of),
                backlog: backlog.copied(),
            })
        })
        .collect();
    // A peer has one open session. Two would make a page that no Prometheus reads.
    open.sort_by(|a, b| a.peer.cmp(&b.peer));
    open.dedup_by(|a, b| a.peer == b.peer);
    open
}

fn protocols(traffic: &Traffic) -> Vec<ProtocolStats> {
    let tally = |counter: &Counter| Tally { count: counter.frames, bytes: counter.bytes };
    let of = |protocol: &Protocol| {
        let index = *protocol as usize;
        ProtocolStats { name: protocol.name(), sent: tally(&traffic.sent[index]), received: tally(&traffic.received[index]) }
    };
    Protocol::ALL.iter().map(of).collect()
}

fn refusals(refusals: &Refusals) -> Vec<(&'static str, u64)> {
    refusals.iter().map(|(reason, count)| (reason.name(), count)).collect()
}
