//! What is counted, and where: by node, by session, by world.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::Serialize;

use crate::kernel::Instant;
use crate::wire::Address;

/// How many, and how many bytes in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tally {
    /// Counts one of `bytes`.
    pub fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes as u64;
    }
}

/// What went in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// Frames as they are on the wire, those of handshakes and those that were refused included.
    pub frames: Tally,
    /// Payloads of broadcasts within messages. What is passed on to two peers counts twice.
    pub payloads: Tally,
}

/// What went in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flows {
    /// To the other side.
    pub sent: Flow,
    /// From the other side.
    pub received: Flow,
}

/// What went over a session; on the session entity. It goes when the session goes, the [`Meter`] of the node keeps the sums.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct PeerTraffic {
    /// When the session opened.
    pub opened: Instant,
    /// What went over it.
    pub flows: Flows,
}

/// What happened to a node since its entity is in the world; on the node entity. Counts only grow.
#[derive(Component, Clone, Debug, Serialize)]
pub struct Meter {
    /// When the node last started.
    #[serde(skip)]
    pub started: Option<Instant>,
    /// Whether discovery has given up trying often.
    pub offline: bool,
    /// What went over all its sessions, those that ended included.
    pub flows: Flows,
    /// Attempts to open a session by what became of them: `opened`, or the name of the reason.
    pub handshakes: BTreeMap<&'static str, u64>,
    /// Open sessions that ended, by the name of the reason.
    pub closed: BTreeMap<&'static str, u64>,
    /// Members that became suspected.
    pub suspected: u64,
    /// Suspected members that showed signs of life.
    pub trusted: u64,
    /// Members that became known.
    pub joined: u64,
    /// Members that said goodbye.
    pub left: u64,
    /// Members that were forgotten.
    pub forgotten: u64,
    /// Links of the mesh that were made.
    pub neighbors_up: u64,
    /// Links of the mesh that went.
    pub neighbors_down: u64,
    /// How often it gave up trying often to reach anybody.
    pub went_offline: u64,
    /// How often it was back after that.
    pub went_online: u64,
    /// Broadcasts of its own, and their payloads.
    pub published: Tally,
    /// Broadcasts of others that reached it, each counted once.
    pub delivered: Tally,
    /// Payloads that reached it again.
    pub redundant: u64,
}

/// The result of a handshake that opened a session.
pub(super) const OPENED: &str = "opened";

impl Default for Meter {
    fn default() -> Self {
        Self {
            started: None,
            offline: false,
            flows: Flows::default(),
            // There from the beginning: a rate needs a value before the first increase.
            handshakes: BTreeMap::from([(OPENED, 0)]),
            closed: BTreeMap::new(),
            suspected: 0,
            trusted: 0,
            joined: 0,
            left: 0,
            forgotten: 0,
            neighbors_up: 0,
            neighbors_down: 0,
            went_offline: 0,
            went_online: 0,
            published: Tally::default(),
            delivered: Tally::default(),
            redundant: 0,
        }
    }
}

/// What waits to be sent over a session; on the session entity, if its transport says so.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// How many frames.
    pub frames: u32,
    /// Their bytes.
    pub bytes: u64,
}

/// Upper bounds of the buckets of [`TickTimes`], in seconds.
pub const TICK_BUCKETS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// How long ticks took. Whoever runs the world reports each.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TickTimes {
    /// How many took no longer than the bound of the same index in [`TICK_BUCKETS`], and longer than the one before.
    pub buckets: [u64; TICK_BUCKETS.len()],
    /// How many were reported.
    pub count: u64,
    /// What they took together.
    pub seconds: f64,
}

impl TickTimes {
    /// A tick took so long.
    pub fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        if let Some(bucket) = TICK_BUCKETS.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.seconds += seconds;
    }
}

/// Ticks since the world began.
#[derive(Resource, Default)]
pub(super) struct TickCount(pub u64);

/// Time from the Unix epoch to the beginning of the world.
#[derive(Resource, Default)]
pub(super) struct UnixAtZero(pub Duration);

/// Where the nodes of a swarm listen, by ordinal: to one another they are ordinals.
#[derive(Resource, Default)]
pub(super) struct Listening(pub Vec<SocketAddr>);

impl Listening {
    /// The IP and port of `address`, as far as it has such.
    pub fn ip_and_port(&self, address: Address) -> (String, u16) {
        let socket = match address {
            Address::Socket(socket) | Address::Inbound(socket) => Some(socket),
            Address::Memory(ordinal) => self.0.get(ordinal as usize).copied(),
            Address::Seed(_) => None,
        };
        // Where a socket listens for both families, IPv4 addresses come dressed as IPv6.
        socket.map_or_else(|| (address.to_string(), 0), |socket| (socket.ip().to_canonical().to_string(), socket.port()))
    }
}
