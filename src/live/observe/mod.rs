//! What a live node shows of itself: metrics for Prometheus, its health, and statistics.
//!
//! [`MeterPlugin`] counts in the world. Whoever runs the world answers a [`Scrape`] with what [`collect`] finds there, between two ticks
//! and only when somebody asks. The [`Server`] turns the answer into pages, away from the world.
//!
//! A world may hold many nodes. What a node counts carries its identity as the label `node`; what the world counts for all its nodes
//! together carries none.

mod census;
mod counted;
mod family;
mod json;
mod machine;
mod page;
mod server;
mod stats;
mod systems;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use tokio::sync::{mpsc, oneshot};

pub use census::{Backlog, Flow, Flows, Meter, PeerTraffic, TICK_BUCKETS, Tally, TickTimes};
pub use counted::TopicStats;
pub use json::{health, statistics};
pub use machine::MachineStats;
pub use page::render;
pub use server::{BindError, MAX_CONNECTIONS, REQUEST_TIME, SCRAPE_TIME, Server};
pub use stats::{NodeStats, Phases, ProtocolStats, Rtt, SessionStats, SocketCounts, Standings, Stats, collect};

use crate::gate::ShedSystems;
use crate::kernel::{
    AppRestExt, AppTickExt, Instant, NeighborDown, NeighborUp, Node, Session, SessionClosed, SessionOpened, SessionTraffic, Tick,
    TickSystems,
};
use crate::mesh::broadcast::{Delivered, Published, Redundant};
use crate::mesh::detection::{Suspected, Trusted};
use crate::mesh::discovery::{WentOffline, WentOnline};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{MemberForgotten, MemberJoined};

/// Somebody wants to know how the nodes of a world are.
#[derive(Debug)]
pub struct Scrape(pub oneshot::Sender<Stats>);

/// Where the server asks. Whoever runs the world holds the other end.
pub type StatsSource = mpsc::Sender<Scrape>;

impl Scrape {
    /// Answers with how `world` is at `now`, unless the asker has given up.
    pub fn answer(self, world: &mut World, now: Instant) {
        if !self.0.is_closed() {
            // An asker that gives up meanwhile has its answer already: that there was none.
            let _ = self.0.send(collect(world, now));
        }
    }
}

/// Counts what happens to the nodes of a world. Must be added after the kernel, and before the first node.
#[derive(Debug, Clone, Default)]
pub struct MeterPlugin {
    /// Time from the Unix epoch to [`Instant::ZERO`] of the world: zero where the world's time is Unix time.
    pub unix_at_zero: Duration,
    /// Where the nodes of a swarm listen, by ordinal.
    pub listening: Vec<SocketAddr>,
}

impl Plugin for MeterPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(census::UnixAtZero(self.unix_at_zero))
            .insert_resource(census::Listening(self.listening.clone()))
            .init_resource::<TickTimes>()
            .init_resource::<census::TickCount>()
            // A protocol that is switched off tells nothing, but its messages must exist to be read.
            .add_tick_message::<SessionOpened>()
            .add_tick_message::<SessionClosed>()
            .add_tick_message::<NeighborUp>()
            .add_tick_message::<NeighborDown>()
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<MemberLeft>()
            .add_tick_message::<Suspected>()
            .add_tick_message::<Trusted>()
            .add_tick_message::<WentOffline>()
            .add_tick_message::<WentOnline>()
            .add_tick_message::<Published>()
            .add_tick_message::<Delivered>()
            .add_tick_message::<Redundant>()
            .add_systems(
                Tick,
                (
                    // Frames are taken out of their queues by whoever opens, seals and sends them: they are counted on the way there.
                    systems::count_frames_in.after(TickSystems::Receive).before(TickSystems::Handshake),
                    systems::count_payloads_in.after(TickSystems::Open).before(TickSystems::Protocols),
                    systems::count_payloads_out.after(TickSystems::Protocols).after(ShedSystems).before(TickSystems::Seal),
                    systems::count_frames_out.after(TickSystems::Seal).before(TickSystems::Send),
                    systems::count_tick.in_set(TickSystems::Observe),
                ),
            )
            .add_message_systems(
                (systems::count_sessions, systems::count_members, systems::count_broadcasts).chain().in_set(TickSystems::Observe),
            );
        app.world_mut().register_required_components::<Node, Meter>();
        app.world_mut().register_required_components::<Session, PeerTraffic>();
        app.world_mut().register_required_components::<Session, SessionTraffic>();
    }
}
