//! Which sessions open, and which of two with the same node stay.

use bevy_ecs::prelude::*;

use super::systems::Outlets;
use crate::kernel::{AccessList, CloseSession, Contact, Instant, Role, Session, SessionOpened, SessionPhase, Sessions};
use crate::wire::admission::Belonging;
use crate::wire::{CloseReason, NodeId};

/// A session whose other side has just been proven.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub node: Entity,
    pub session: Entity,
    pub remote: NodeId,
    /// In which network it says to be.
    pub belonging: Belonging,
    /// The side on which a session opens last.
    pub last: Role,
    pub at: Instant,
}

/// Opens a session, unless the other side is the node itself, may not be a member, or another session to it is kept.
///
/// Of two that were dialled from both sides at once both keep the one that the higher id dialled; of two from the same side the newer, for
/// whoever dials again has lost the older. The surplus one is closed by that side only which is the last to have the other open: so neither
/// is ever without.
pub(super) fn admit(
    opening: Opening,
    (me, access): (&Contact, &AccessList),
    mine: &Sessions,
    sessions: &mut Query<&mut Session>,
    out: &mut Outlets,
) {
    let Opening { node, session, remote, belonging, last, at } = opening;
    if remote == me.id {
        out.refuse(session, at, CloseReason::SelfDial);
        return;
    }
    if let Some(reason) = access.refusal(&remote).or_else(|| access.belonging.refusal(belonging)) {
        // It was never open to anybody here; the keys are there, so the last frame tells the other side why.
        if let Ok(mut new) = sessions.get_mut(session) {
            new.phase = SessionPhase::Handshaking;
        }
        out.refuse(session, at, reason);
        return;
    }
    let Ok(mut new) = sessions.get_mut(session) else { return };
    new.belonging = belonging;
    let (role, address, reach) = (new.role, new.address, new.reach);
    let siblings = mine.iter().filter(|other| sessions.get(*other).is_ok_and(|other| is_open_to(other, &remote))).count();
    for other in mine.iter().filter(|other| *other != session) {
        let Ok(existing) = sessions.get(other) else { continue };
        if !is_open_to(existing, &remote) {
            continue;
        }
        let ours_wins = me.id > remote;
        let keep_existing = existing.role != role && (existing.role == Role::Initiator) == ours_wins;
        let (kept_by, surplus) = if keep_existing { (existing.role, session) } else { (role, other) };
        // Of two the other side closes one; if there are more it does not do its part.
        if kept_by != last && siblings <= 2 {
            continue;
        }
        out.close.write(CloseSession { session: surplus, reason: CloseReason::Duplicate, at });
        if keep_existing {
            // It was never open to anybody here.
            if let Ok(mut new) = sessions.get_mut(session) {
                new.phase = SessionPhase::Handshaking;
            }
            return;
        }
    }
    out.opened.write(SessionOpened { node, session, remote, role, address, reach, at });
}

fn is_open_to(session: &Session, remote: &NodeId) -> bool {
    session.phase == SessionPhase::Established && session.remote.as_ref() == Some(remote)
}
