//! What a node knows of its links.

use std::collections::VecDeque;

use bevy_ecs::prelude::*;
use smallvec::SmallVec;

use super::probes::Probes;
use super::silence::{Caution, Hearing};
use crate::crypto::NodeId;
use crate::kernel::Instant;
use crate::wire::Address;
use crate::wire::topology::Purpose;

/// The overlay's state at a node. `Neighbors` is what others see of it.
///
/// All of it is bounded: links by the configured maximum, those on their way out, and as many that are silent; the rest by constants.
#[derive(Component, Default, Debug)]
pub struct Topology {
    /// The links, in the order in which they were made.
    pub(super) links: SmallVec<[Link; 4]>,
    /// Requests that wait for their answer, at most one for each kind of purpose.
    pub(super) pending: SmallVec<[Pending; 2]>,
    /// Dials for such requests, likewise.
    pub(super) dialing: SmallVec<[Dialing; 2]>,
    /// Who might be in another part of the mesh, and when it will be asked for a bridge if it still might.
    pub(super) bridging: Option<(NodeId, Instant)>,
    /// To whom, as it seemed at the last audit, a session leads that is all there is between two parts of the mesh.
    pub(super) across: Option<NodeId>,
    /// How the node is getting rid of a link that is too many.
    pub(super) shedding: Option<Shedding>,
    /// Ways of shedding tried in vain since there is one link too many.
    pub(super) shed_turn: u32,
    /// Attempts to find a link that failed since the links last changed.
    pub(super) fruitless: u8,
    /// Who others said may have room.
    pub(super) referrals: VecDeque<(NodeId, Address)>,
    /// When what comes over the links was looked at last.
    pub(super) listened: Instant,
    /// What earlier alarms have taught.
    pub(super) caution: Caution,
    /// When the next look is due, apart from the audit.
    pub(super) wake_at: Option<Instant>,
    /// Questions for ways round a link.
    pub(super) probes: Probes,
}

/// A link of the mesh.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub id: NodeId,
    /// Where the other side accepts sessions.
    pub address: Address,
    /// How many links the other side has, as it last said.
    pub degree: u8,
    /// Since when.
    pub since: Instant,
    /// Until then somebody relies on this link as a way round another: it must not be given up.
    pub held_until: Instant,
    /// It was made for a degree while another was silent, and may go when that one is heard again.
    pub stands_in: bool,
    /// What comes over it.
    pub hearing: Hearing,
}

/// A request without answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub peer: NodeId,
    pub purpose: Purpose,
    /// When it was last sent.
    pub sent: Instant,
    /// How often it was sent.
    pub tries: u8,
}

/// A dial for a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialing {
    pub to: Address,
    pub purpose: Purpose,
    pub since: Instant,
}

/// A link on its way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shedding {
    /// The link.
    pub link: NodeId,
    /// The number of the probe for a way round it; none if its other side was asked to take another neighbour instead.
    pub probe: Option<u32>,
    pub since: Instant,
}
