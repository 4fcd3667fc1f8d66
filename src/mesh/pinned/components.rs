//! Whom a node shall be linked with.

use bevy_ecs::prelude::*;

use crate::kernel::Neighbor;
use crate::wire::Address;

/// The peers that this node dials and keeps dialling; each becomes a neighbour, and so does whoever dials it.
#[derive(Component, Default, Clone, Debug)]
pub struct PinnedPeers(pub Vec<Address>);

/// How often in a row each pinned peer could not be reached, in their order.
#[derive(Component, Default, Clone, Debug)]
pub(super) struct Failures(pub Vec<u8>);

/// Sessions to those who are neighbours over another one. They take its place when it ends, as that of a life that is over does.
#[derive(Component, Default, Clone, Debug)]
pub(super) struct Spares(pub Vec<Neighbor>);
