//! What protocols tell becomes events for whoever holds a node, and lines of the log.

use std::sync::{Arc, Mutex, PoisonError};

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use tokio::sync::broadcast;
use tracing::field::DisplayValue;

use super::event::MeshEvent;
use super::throttle::Throttle;
use crate::crypto::NodeId;
use crate::kernel::{AppRestExt, AppTickExt, Contact, Node, SessionClosed, SessionOpened, TickSystems};
use crate::mesh::broadcast::Delivered;
use crate::mesh::detection::{Suspected, Trusted};
use crate::mesh::discovery::{WentOffline, WentOnline};
use crate::mesh::leave::{MemberLeft, Stopped};
use crate::mesh::membership::{MemberForgotten, MemberJoined};
use crate::wire::CloseReason;

/// Events kept for a subscriber that does not read; older ones are lost to it, and it is told how many.
const BUFFER: usize = 4096;

/// Where the events of a world go: each with the ordinal of its node. Those of a tick wait until what it has left to be kept is kept.
#[derive(Resource, Clone, Debug)]
pub struct Events(pub broadcast::Sender<(u32, MeshEvent)>, Arc<Mutex<Vec<(u32, MeshEvent)>>>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(BUFFER).0, Arc::default())
    }
}

/// Turns what protocols tell into [`MeshEvent`]s and lines of the log.
#[derive(Debug, Clone, Default)]
pub struct EventsPlugin;

impl Plugin for EventsPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Events>()
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<MemberLeft>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<Suspected>()
            .add_tick_message::<Trusted>()
            .add_tick_message::<Delivered>()
            .add_tick_message::<WentOffline>()
            .add_tick_message::<WentOnline>()
            .add_tick_message::<Stopped>()
            .add_message_systems((tell_sessions, tell_members, tell_broadcasts, tell_state).chain().in_set(TickSystems::Observe));
    }
}

/// Tells what happens at nodes.
#[derive(SystemParam)]
struct Teller<'w, 's> {
    nodes: Query<'w, 's, (&'static Node, &'static Contact)>,
    events: Res<'w, Events>,
}

impl Teller<'_, '_> {
    fn tell(&self, node: Entity, event: MeshEvent) {
        if let Ok((node, _)) = self.nodes.get(node) {
            self.events.send(node.ordinal, event);
        }
    }

    /// The node in lines of the log: a process may have many.
    fn name(&self, node: Entity) -> Option<DisplayValue<NodeId>> {
        self.nodes.get(node).ok().map(|(_, contact)| tracing::field::display(contact.id))
    }
}

/// Warnings that others can cause.
#[derive(Default)]
struct Warnings {
    own_key: Throttle,
    their_key: Throttle,
    garbage: Throttle,
    admission: Throttle,
}

impl Warnings {
    /// Says what to do about a session that was refused for good, if it is to be said now.
    fn give(&mut self, me: Option<DisplayValue<NodeId>>, closed: &SessionClosed) {
        let SessionClosed { address, reason, at, role, .. } = closed;
        let (throttle, advice) = match reason {
            CloseReason::WrongNetworkKey if role.is_initiator() => (
                &mut self.own_key,
                "refused for another network key than theirs: check --network and --network-key; tried on, ever more slowly",
            ),
            CloseReason::WrongNetworkKey => {
                (&mut self.their_key, "a node with another network key was refused: if it is yours, check its --network and --network-key")
            }
            CloseReason::OtherAdmission => (
                &mut self.admission,
                "no connection, for one network is open and the other by invitation: members of the latter are all started with --invite-only",
            ),
            CloseReason::OtherNetwork => (
                &mut self.admission,
                "no connection, for both belong to networks by invitation, and not to the same: whoever is to change begins anew, with another --data-dir",
            ),
            CloseReason::ForgedIdentity | CloseReason::BadHandshake | CloseReason::UnknownVersion | CloseReason::FrameTooLong => {
                (&mut self.garbage, "somebody who does not speak as a node does was refused: another program, another version, or a scan")
            }
            _ => return,
        };
        if let Some(count) = throttle.count(*at) {
            tracing::warn!(node = me, %address, reason = reason.name(), count, "{advice}");
        }
    }
}

impl Events {
    pub(super) fn tell(&self, nodes: &Query<&Node>, node: Entity, event: MeshEvent) {
        if let Ok(node) = nodes.get(node) {
            self.send(node.ordinal, event);
        }
    }

    /// Tells an event of node `ordinal` with the next [`flush`](Self::flush).
    pub(super) fn send(&self, ordinal: u32, event: MeshEvent) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push((ordinal, event));
    }

    /// Tells what waits. `kept` says whether all that the node has left to be kept is on the disk by now.
    pub(super) fn flush(&self, kept: bool) {
        for mut event in self.1.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let MeshEvent::ChatMessageWaits { kept: is_kept, .. } = &mut event.1 {
                *is_kept = kept;
            }
            // Nobody may have subscribed.
            let _ = self.0.send(event);
        }
    }
}

/// Reasons that are no news to an operator: the mesh tidies up.
fn is_routine(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::Duplicate | CloseReason::Unwanted | CloseReason::Full | CloseReason::SelfDial)
}

fn tell_sessions(
    mut opened: MessageReader<SessionOpened>,
    mut closed: MessageReader<SessionClosed>,
    mut warnings: Local<Warnings>,
    teller: Teller,
) {
    for SessionOpened { node, remote, address, .. } in opened.read() {
        tracing::info!(node = teller.name(*node), peer = ?remote, %address, "session opened");
        teller.tell(*node, MeshEvent::Connected { id: *remote, address: *address });
    }
    for it in closed.read() {
        let SessionClosed { node, remote, address, was_open, reason, .. } = it;
        let me = teller.name(*node);
        match remote.filter(|_| *was_open) {
            Some(id) => {
                tracing::info!(node = me, peer = ?id, %address, reason = reason.name(), "session closed");
                teller.tell(*node, MeshEvent::Disconnected { id, reason: *reason });
            }
            None => {
                if is_routine(*reason) {
                    tracing::debug!(node = me, %address, reason = reason.name(), "session not needed");
                } else {
                    tracing::info!(node = me, %address, reason = reason.name(), "no session");
                }
                teller.tell(*node, MeshEvent::Refused { address: *address, reason: *reason });
            }
        }
        warnings.give(teller.name(*node), it);
    }
}

fn tell_members(
    mut joined: MessageReader<MemberJoined>,
    mut left: MessageReader<MemberLeft>,
    mut forgotten: MessageReader<MemberForgotten>,
    mut suspected: MessageReader<Suspected>,
    mut trusted: MessageReader<Trusted>,
    teller: Teller,
) {
    for MemberJoined { node, member, .. } in joined.read() {
        tracing::info!(node = teller.name(*node), peer = ?member, "member joined");
        teller.tell(*node, MeshEvent::NodeJoined(*member));
    }
    for MemberLeft { node, member, .. } in left.read() {
        tracing::info!(node = teller.name(*node), peer = ?member, reason = "goodbye", "member left");
        teller.tell(*node, MeshEvent::NodeLeft { id: *member, graceful: true });
    }
    for MemberForgotten { node, member, .. } in forgotten.read() {
        tracing::info!(node = teller.name(*node), peer = ?member, reason = "silence", "member forgotten");
        teller.tell(*node, MeshEvent::NodeLeft { id: *member, graceful: false });
    }
    for Suspected { node, member, phi, .. } in suspected.read() {
        tracing::info!(node = teller.name(*node), peer = ?member, phi, "member suspected");
        teller.tell(*node, MeshEvent::NodeSuspected { id: *member, phi: *phi });
    }
    for Trusted { node, member, .. } in trusted.read() {
        tracing::info!(node = teller.name(*node), peer = ?member, "member trusted again");
        teller.tell(*node, MeshEvent::NodeTrusted(*member));
    }
}

fn tell_broadcasts(mut delivered: MessageReader<Delivered>, teller: Teller) {
    for Delivered { node, rumor, round, .. } in delivered.read() {
        let (origin, sequence, payload) = (rumor.id.origin, rumor.id.sequence, rumor.payload.0.clone());
        teller.tell(*node, MeshEvent::BroadcastReceived { origin, sequence, payload, hops: *round });
    }
}

fn tell_state(
    mut offline: MessageReader<WentOffline>,
    mut online: MessageReader<WentOnline>,
    mut stopped: MessageReader<Stopped>,
    teller: Teller,
) {
    for WentOffline { node, .. } in offline.read() {
        tracing::warn!(node = teller.name(*node), "offline: nobody can be reached; trying on, more slowly");
        teller.tell(*node, MeshEvent::Offline);
    }
    for WentOnline { node, .. } in online.read() {
        tracing::info!(node = teller.name(*node), "online again");
        teller.tell(*node, MeshEvent::Online);
    }
    for Stopped { node, .. } in stopped.read() {
        tracing::info!(node = teller.name(*node), "stopped");
        teller.tell(*node, MeshEvent::Stopped);
    }
}
