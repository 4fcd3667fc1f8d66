//! A session is an entity: one link of one node to one other, from the dial to the close.
//!
//! Protocols ask with [`Connect`] and [`CloseSession`] and are told with [`SessionOpened`] and [`SessionClosed`].

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::channel::Channel;
use super::node::{Departing, Node};
use super::rest::AppRestExt;
use super::schedule::{AppTickExt, Tick, TickSystems};
use super::time::Instant;
use super::transport::{Dial, HangUp, LinkDown, Service};
use crate::wire::admission::Belonging;
use crate::wire::{Address, CloseReason, NodeId};

/// Links a session to its node.
#[derive(Component, Debug)]
#[relationship(relationship_target = Sessions)]
pub struct SessionOf(pub Entity);

/// The sessions of a node, in no order that may matter. They go when it goes.
#[derive(Component, Default, Debug)]
#[relationship_target(relationship = SessionOf, linked_spawn)]
pub struct Sessions(Vec<Entity>);

/// What a session is and how far it has come.
#[derive(Component, Clone, Debug)]
#[require(Channel, Service)]
pub struct Session {
    /// How far it has come.
    pub phase: SessionPhase,
    /// Who dialled.
    pub role: Role,
    /// The other side, proven by the handshake; `None` before.
    pub remote: Option<NodeId>,
    /// In which network the other side said to be when it was proven.
    pub belonging: Belonging,
    /// Where it was dialled, or where the transport says it comes from.
    pub address: Address,
    /// Where anybody can dial the other side, as far as the transport knows.
    pub reach: Option<Address>,
    /// When it was dialled or accepted.
    pub since: Instant,
}

/// How far a session has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionPhase {
    /// The transport has been asked for a link.
    Dialing,
    /// The link is there, identities are being proven.
    Handshaking,
    /// Both sides know each other: messages flow.
    Established,
    /// It is closed; the entity goes at the end of the tick.
    Closed,
}

/// Which side of a session a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It dialled.
    Initiator,
    /// It accepted.
    Responder,
}

impl Role {
    /// Whether it dialled.
    pub fn is_initiator(self) -> bool {
        self == Self::Initiator
    }
}

/// Limits on the sessions of one node.
#[derive(Resource, Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Most sessions of a node, in whatever phase. Dials beyond are not made, links beyond are refused.
    pub max_sessions: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { max_sessions: 128 }
    }
}

impl SessionLimits {
    /// Most accepted links whose other side has not proven who it is: half of all, so that dials have the other half.
    pub fn max_strangers(&self) -> usize {
        (self.max_sessions / 2).max(1)
    }
}

/// A protocol wants a session with whoever listens at `to`.
///
/// Nothing happens if the node already dials or has a session with that address, or is at its limit.
#[derive(Message, Clone, Copy, Debug)]
pub struct Connect {
    /// Who wants it.
    pub node: Entity,
    /// Where.
    pub to: Address,
    /// When.
    pub at: Instant,
}

/// Identities are proven, messages may flow.
#[derive(Message, Clone, Copy, Debug)]
pub struct SessionOpened {
    /// Whose session.
    pub node: Entity,
    /// The session.
    pub session: Entity,
    /// The other side.
    pub remote: NodeId,
    /// Who dialled.
    pub role: Role,
    /// Where the other side was dialled or comes from.
    pub address: Address,
    /// Where anybody can dial it, if that is known.
    pub reach: Option<Address>,
    /// When.
    pub at: Instant,
}

/// A session shall be closed. It is, before any protocol runs again: in this tick if that is still possible, else in the
/// next, which is then due at once.
#[derive(Message, Clone, Copy, Debug)]
pub struct CloseSession {
    /// The session.
    pub session: Entity,
    /// Why; told to the other side unless the link itself is down.
    pub reason: CloseReason,
    /// When.
    pub at: Instant,
}

/// A session, open or not yet, is no more. Its entity lives until the end of the tick.
#[derive(Message, Clone, Copy, Debug)]
pub struct SessionClosed {
    /// Whose session.
    pub node: Entity,
    /// The session.
    pub session: Entity,
    /// The other side, if it had been proven.
    pub remote: Option<NodeId>,
    /// Where it was dialled or came from.
    pub address: Address,
    /// Who had dialled.
    pub role: Role,
    /// Whether it had been open.
    pub was_open: bool,
    /// Why.
    pub reason: CloseReason,
    /// When.
    pub at: Instant,
}

/// Requests, their execution, and the end of session entities.
pub(super) struct SessionPlugin;

/// The part of [`TickSystems::Handshake`] in which handshakes advance. Sessions are closed before it, and again after it, so that
/// a session that another replaces is gone in the tick in which that other opens.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandshakeSystems;

/// The first of these two times.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseSystems;

impl Plugin for SessionPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<SessionLimits>()
            .add_tick_message::<Connect>()
            .add_tick_message::<SessionOpened>()
            .add_tick_message::<SessionClosed>()
            // A request that comes too late for this tick waits for the next.
            .add_waiting_message::<CloseSession>()
            .add_only_written::<CloseSession>()
            .add_only_written::<Connect>()
            .configure_sets(Tick, HandshakeSystems.in_set(TickSystems::Handshake))
            .add_systems(
                Tick,
                (
                    close_sessions.in_set(TickSystems::Handshake).in_set(CloseSystems).before(HandshakeSystems),
                    close_sessions.in_set(TickSystems::Handshake).after(HandshakeSystems),
                    dial_wanted.in_set(TickSystems::Seal),
                    despawn_closed.in_set(TickSystems::Observe),
                ),
            );
        app.world_mut().register_required_components::<Node, Sessions>();
    }
}

/// Spawns the session entity for a link that a transport accepted or a protocol wants dialled.
pub fn spawn_session(commands: &mut Commands, node: Entity, role: Role, address: Address, at: Instant) -> Entity {
    let phase = match role {
        Role::Initiator => SessionPhase::Dialing,
        Role::Responder => SessionPhase::Handshaking,
    };
    commands
        .spawn((
            Session {
                phase,
                role,
                remote: None,
                belonging: Belonging::default(),
                address,
                reach: Some(address).filter(|address| address.is_public()),
                since: at,
            },
            SessionOf(node),
        ))
        .id()
}

fn close_sessions(
    mut requests: ResMut<Messages<CloseSession>>,
    mut links: MessageReader<LinkDown>,
    mut sessions: Query<(&mut Session, &mut Channel, &SessionOf)>,
    mut hang_up: MessageWriter<HangUp>,
    mut closed: MessageWriter<SessionClosed>,
) {
    let mut close = |session: Entity, reason: CloseReason, at: Instant, link_is_up: bool| {
        let Ok((mut state, mut channel, SessionOf(node))) = sessions.get_mut(session) else { return };
        if state.phase == SessionPhase::Closed {
            return;
        }
        let was_open = state.phase == SessionPhase::Established;
        state.phase = SessionPhase::Closed;
        channel.end();
        if link_is_up {
            hang_up.write(HangUp { session, reason, at });
        }
        let (node, remote, address, role) = (*node, state.remote, state.address, state.role);
        closed.write(SessionClosed { node, session, remote, address, role, was_open, reason, at });
    };
    // Whoever was told why the other side closes knows better than the link, which is only down.
    for CloseSession { session, reason, at } in requests.drain() {
        close(session, reason, at, true);
    }
    for LinkDown { session, reason, at } in links.read() {
        close(*session, *reason, *at, false);
    }
}

fn dial_wanted(
    mut wanted: MessageReader<Connect>,
    limits: Res<SessionLimits>,
    nodes: Query<(Option<&Sessions>, Has<Departing>)>,
    sessions: Query<&Session>,
    mut commands: Commands,
    mut dials: MessageWriter<Dial>,
    mut dialled: Local<IndexMap<Entity, SmallVec<[Address; 4]>, FxBuildHasher>>,
) {
    dialled.clear();
    for Connect { node, to, at } in wanted.read().copied() {
        let Ok((sessions_of, false)) = nodes.get(node) else { continue };
        // Who has no session has no such component either.
        let existing = sessions_of.map(|all| &*all.0).unwrap_or_default();
        let mut open = existing.iter().filter_map(|session| sessions.get(*session).ok());
        // Sessions spawned here exist only after this system. All nodes may dial in one tick: each looks at its own dials.
        let new = dialled.entry(node).or_default();
        if existing.len() + new.len() >= limits.max_sessions
            || open.any(|session| (session.address == to || session.reach == Some(to)) && session.phase != SessionPhase::Closed)
            || new.contains(&to)
        {
            continue;
        }
        new.push(to);
        let session = spawn_session(&mut commands, node, Role::Initiator, to, at);
        dials.write(Dial { node, session, to, at });
    }
}

fn despawn_closed(mut closed: MessageReader<SessionClosed>, mut commands: Commands) {
    for SessionClosed { session, .. } in closed.read() {
        commands.entity(*session).try_despawn();
    }
}
