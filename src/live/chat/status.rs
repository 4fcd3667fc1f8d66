//! Why the last attempt to reach somebody failed.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::kernel::{AccessList, NeighborUp, Node, NodeStarted, Role, SessionClosed, Tick, TickSystems};
use crate::wire::CloseReason;

/// Why a node has no links, as far as others or the network have said. On the node entity.
#[derive(Component, Clone, Copy, Default, Debug)]
pub struct LastRefusal {
    /// Why; `None` while it has links.
    pub reason: Option<CloseReason>,
}

/// Remembers it for every node.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefusalPlugin;

impl Plugin for RefusalPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Tick, note.in_set(TickSystems::Observe));
        app.world_mut().register_required_components::<Node, LastRefusal>();
    }
}

/// Reasons that say nothing about why there is no link.
fn is_routine(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::Duplicate | CloseReason::Unwanted)
}

fn note(
    mut started: MessageReader<NodeStarted>,
    mut closed: MessageReader<SessionClosed>,
    mut up: MessageReader<NeighborUp>,
    mut nodes: Query<(&mut LastRefusal, Option<&AccessList>)>,
) {
    for start in started.read() {
        if let Ok((mut last, _)) = nodes.get_mut(start.node) {
            *last = LastRefusal::default();
        }
    }
    for SessionClosed { node, remote, reason, role, .. } in closed.read().filter(|closed| !is_routine(closed.reason)) {
        let Ok((mut last, access)) = nodes.get_mut(*node) else { continue };
        // Whoever comes to a node that waits must not tell it what to do: it knows whom it has asked itself.
        let waits = access.is_some_and(|access| access.unsettled);
        if waits && *role == Role::Responder && *reason == CloseReason::OtherAdmission {
            continue;
        }
        // Whom the node itself has turned away says nothing about the node.
        let own = remote.and_then(|remote| access?.refusal(&remote));
        if own != Some(*reason) {
            last.reason = Some(*reason);
        }
    }
    for NeighborUp { node, .. } in up.read() {
        if let Ok((mut last, _)) = nodes.get_mut(*node) {
            last.reason = None;
        }
    }
}
