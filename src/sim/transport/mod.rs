//! The in-memory transport: frames of simulated nodes, under the link model and the faults of a scenario.
//!
//! It is the transport of `kernel/transport.rs`, with all that is promised there. What a frame costs is one entry of a queue;
//! an idle link costs its memory and nothing else.
//!
//! A link is opened as in TCP or QUIC: SYN, SYN-ACK, and FIN with the reason when it is hung up; what reaches an endpoint that
//! is gone is answered with RST. These control packets travel like frames and count as such. A host that is down or does not
//! exist answers nothing: a dial sends its SYN after 0, 1, 3 and 7 s and ends after 10 s with `Unreachable`.
//!
//! Over [`Service::Stream`](crate::kernel::Service) a frame that is lost or blocked waits for the retransmission time-out of its
//! link, with all later ones behind it; a link that makes no progress for a minute breaks. If a partition begins while frames
//! are in flight, they too wait for its end (on streams) or are lost (datagrams).
//!
//! Several worlds may share a run ([`Fabric::take_outbox`], [`Fabric::receive`]). Nothing that happens depends on which nodes
//! live in which world: random streams are named by ordinals and dials, packets are ordered by instant, sender and the
//! sender's own sequence.

mod arrive;
mod endpoint;
mod fabric;
mod flight;
mod send;
mod stall;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

pub use fabric::{Fabric, FabricCounts};
pub use flight::Flight;

use crate::kernel::{AppAgendaExt, Tick, TickSystems};
use crate::trial::Trace;

/// Adds the transport. The runner inserts a [`Fabric`] before the first tick.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryTransportPlugin;

impl Plugin for MemoryTransportPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Trace>().add_agenda_source(|world| world.get_resource::<Fabric>().and_then(Fabric::next_due)).add_systems(
            Tick,
            (
                systems::deliver.in_set(TickSystems::Receive),
                (systems::dial, systems::send_frames, systems::hang_up, systems::send_beacons).chain().in_set(TickSystems::Send),
            ),
        );
    }
}

#[cfg(test)]
mod tests;
