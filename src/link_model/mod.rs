//! The link model: what the network between two nodes does to a frame. Pure, without ECS, so that any transport can carry it.
//!
//! - [`LinkModel`]: what a scenario says about links, compiled: for each pair of node classes one set of [`LinkParams`].
//! - [`Direction`]: the state of one direction of one link; [`Direction::transmit`] says what becomes of a frame.
//! - [`Conditions`]: what faults do to the network at present: partitions, cuts, loss bursts, slow nodes.
//!
//! On a [`Service::Stream`](crate::kernel::Service) a frame is never lost: [`Verdict::Stalled`] asks the transport to try again
//! after a retransmission time-out ([`retransmission_timeout`], RFC 6298 with the minimum that Linux uses).

mod conditions;
mod direction;
mod matrix;
mod model;
mod params;
mod random;

pub use conditions::{Conditions, NetworkFault, Weather};
pub use direction::{Direction, DirectionName, Lost, STALL_BYTES, STALL_FRAMES, STALL_LIMIT, Verdict, retransmission_timeout};
pub use matrix::{Matrix, MatrixError};
pub use model::{LinkModel, LinkModelError};
pub use params::LinkParams;
