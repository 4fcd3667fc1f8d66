//! Goodbyes are said, checked, passed on and heard.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;

use super::components::Goodbyes;
use super::{MemberLeft, Stopped};
use crate::crypto::NodeId;
use crate::kernel::{
    AddressBook, CloseSession, Contact, Departing, Fired, Incarnation, Instant, Keys, Node, NodeClock, NodeStarted, Outgoing, Received,
    Refusals, Session, SessionPhase, Sessions, Shutdown, Timers,
};
use crate::wire::{CloseReason, LeaveMessage};

/// From the goodbye to the end of the sessions, and from there to the end.
const LINGER: Duration = Duration::from_millis(200);

/// The next step of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say goodbye after all, to who was asked to while it stood still.
    Say,
    /// Close the sessions.
    Close,
    /// Be gone.
    Stop,
}

/// Sends a goodbye over all open sessions of a node but one.
#[derive(SystemParam)]
pub(super) struct Flood<'w, 's> {
    nodes: Query<'w, 's, &'static Sessions>,
    sessions: Query<'w, 's, &'static Session>,
    outgoing: MessageWriter<'w, Outgoing>,
}

impl Flood<'_, '_> {
    fn send(&mut self, node: Entity, except: Option<Entity>, at: Instant, message: &LeaveMessage) {
        let Ok(all) = self.nodes.get(node) else { return };
        for session in all.iter().filter(|session| Some(*session) != except) {
            if self.sessions.get(session).is_ok_and(|state| state.phase == SessionPhase::Established) {
                self.outgoing.write(Outgoing { session, at, message: message.clone().into() });
            }
        }
    }
}

/// What the leaver signs.
fn statement(member: &NodeId, incarnation: u64) -> Vec<u8> {
    [b"murmuration goodbye 1".as_slice(), &member.0, &incarnation.to_le_bytes()].concat()
}

/// A node that starts is there again.
pub(super) fn begin(mut started: MessageReader<NodeStarted>, mut commands: Commands) {
    for NodeStarted { node, .. } in started.read() {
        commands.entity(*node).remove::<Departing>();
    }
}

pub(super) fn say(
    mut asked: MessageReader<Shutdown>,
    mut resumed: MessageReader<Fired<Step>>,
    nodes: Query<(&Node, &NodeClock, &Contact, &Keys, &Incarnation)>,
    mut timers: ResMut<Timers<Step>>,
    mut flood: Flood,
    mut commands: Commands,
) {
    let resumed = resumed.read().filter(|fired| fired.timer == Step::Say).map(|fired| Shutdown { node: fired.node, at: fired.at });
    for Shutdown { node: entity, at } in asked.read().copied().chain(resumed) {
        let Ok((node, clock, me, keys, incarnation)) = nodes.get(entity) else { continue };
        // A process that is stopped says nothing before it resumes: nor does its timer fire.
        if node.held_until(at).is_some() {
            timers.set(entity, node, at, Step::Say);
            continue;
        }
        let signature = keys.0.sign(&statement(&me.id, incarnation.0));
        let goodbye = LeaveMessage::Goodbye { member: me.id, incarnation: incarnation.0, signature };
        flood.send(entity, None, at, &goodbye);
        // Those who hear it hang up; nobody shall be dialled in their place.
        commands.entity(entity).insert(Departing);
        timers.set(entity, node, clock.after(at, LINGER), Step::Close);
        timers.set(entity, node, clock.after(at, LINGER * 2), Step::Stop);
    }
}

pub(super) fn hear(
    mut received: MessageReader<Received<LeaveMessage>>,
    mut nodes: Query<(&Contact, &Keys, &AddressBook, &mut Goodbyes)>,
    mut left: MessageWriter<MemberLeft>,
    mut close: MessageWriter<CloseSession>,
    mut refusals: ResMut<Refusals>,
    mut flood: Flood,
) {
    for Received { node, session, at, message } in received.read() {
        let LeaveMessage::Goodbye { member, incarnation, signature } = message;
        let Ok((me, keys, book, mut heard)) = nodes.get_mut(*node) else { continue };
        // Of its own, of a life that is over, or heard before: nothing new.
        let outlived = book.get(member).is_some_and(|peer| peer.incarnation > *incarnation);
        if *member == me.id || outlived || heard.contains(member, *incarnation) {
            continue;
        }
        if member.verify(&statement(member, *incarnation), signature, keys.0.mode()).is_err() {
            refusals.count(CloseReason::ForgedIdentity);
            close.write(CloseSession { session: *session, reason: CloseReason::ForgedIdentity, at: *at });
            continue;
        }
        heard.insert(*member, *incarnation);
        left.write(MemberLeft { node: *node, member: *member, incarnation: *incarnation, at: *at });
        flood.send(*node, Some(*session), *at, message);
    }
}

pub(super) fn go(
    mut fired: MessageReader<Fired<Step>>,
    nodes: Query<&Sessions>,
    mut close: MessageWriter<CloseSession>,
    mut stopped: MessageWriter<Stopped>,
) {
    for Fired { node, at, timer } in fired.read().copied() {
        match timer {
            Step::Say => {}
            Step::Close => {
                let sessions = nodes.get(node).into_iter().flat_map(|sessions| sessions.iter());
                close.write_batch(sessions.map(|session| CloseSession { session, reason: CloseReason::Leaving, at }));
            }
            Step::Stop => {
                stopped.write(Stopped { node, at });
            }
        }
    }
}
