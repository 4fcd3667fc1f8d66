//! What every plugin stands on: time, timers, the tick and its sets, node and session entities, the transport seam.
//!
//! A frame's way in: a transport writes [`FrameIn`]; [`Channel`] opens it; the router makes it a [`Received`] message of its
//! protocol. Its way out: a protocol writes [`Outgoing`]; [`Channel`] seals it; the transport reads [`FrameOut`].

mod access;
mod address_book;
mod agenda;
pub(crate) mod ahead;
mod calendar;
mod channel;
mod link_state;
mod neighbors;
mod node;
mod pace;
mod prekeys;
mod rest;
mod router;
mod schedule;
mod session;
mod store;
mod time;
mod timer;
mod traffic;
mod transport;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use std::time::Duration;

pub use access::AccessList;
pub use address_book::{AddressBook, Peer, Standing};
pub use agenda::{Agenda, AppAgendaExt, next_due, timers_fired};
pub use calendar::{CalendarQueue, Scheduled};
pub use channel::{Channel, LastWords, Outgoing};
pub use link_state::{LinkState, MAX_LINKS, Tree};
pub use neighbors::{Neighbor, NeighborDown, NeighborUp, Neighbors};
pub use node::{Contact, Departing, Incarnation, KeyRng, Keys, NetworkTag, Node, NodeClock, NodeRng, NodeStarted, NodeState, Shutdown};
pub use pace::Pace;
pub use prekeys::{OwnPrekey, Prekeys};
pub use rest::{AppRestExt, forbid_rest};
pub use router::Received;
pub use schedule::{AppTickExt, ProtocolSystems, Tick, TickSystems, forbid_ambiguity, run_tick};
pub use session::{
    CloseSession, CloseSystems, Connect, HandshakeSystems, Role, Session, SessionClosed, SessionLimits, SessionOf, SessionOpened,
    SessionPhase, Sessions, spawn_session,
};
pub use store::{Persist, Restored, row};
pub use time::{Clock, Instant};
pub use timer::{AppTimerExt, Fired, Timers};
pub use traffic::{Counter, Refusals, SessionTraffic, Traffic};
pub use transport::{AssertedPeer, BeaconIn, BeaconOut, Dial, FrameIn, FrameOut, HangUp, LinkDown, LinkUp, Service};

/// Adds everything in this module. Must come before all other plugins of the mesh.
#[derive(Debug, Clone, Copy)]
pub struct KernelPlugin {
    /// Length of a tick; see [`Clock`].
    pub quantum: Duration,
}

impl Default for KernelPlugin {
    fn default() -> Self {
        Self { quantum: Duration::from_millis(1) }
    }
}

impl Plugin for KernelPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(Clock::new(self.quantum)).init_resource::<Agenda>().add_plugins((
            schedule::SchedulePlugin,
            timer::TimerPlugin,
            session::SessionPlugin,
            transport::TransportPlugin,
            channel::ChannelPlugin,
            neighbors::NeighborPlugin,
            address_book::AddressBookPlugin,
        ));
        app.world_mut().register_required_components::<Node, AccessList>();
        app.add_tick_message::<NodeStarted>()
            .add_tick_message::<Persist>()
            .add_tick_message::<Restored>()
            .add_tick_message::<Shutdown>()
            .add_only_written::<Persist>()
            .add_systems(Tick, node::incarnate.in_set(TickSystems::Wake));
        router::add_received_messages(app);
    }
}
