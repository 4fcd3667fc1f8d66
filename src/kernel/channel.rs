//! The way of a message between a protocol and the transport: opened and routed when it comes in, sealed when it goes out.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use super::ahead::{Found, glance, next_chunk};
use super::rest::AppRestExt;
use super::router::{Received, Router};
use super::schedule::{AppTickExt, Tick, TickSystems};
use super::session::{CloseSession, SessionOf};
use super::time::Instant;
use super::traffic::{Refusals, SessionTraffic, Traffic};
use super::transport::{FrameIn, FrameOut, HangUp, Service};
use crate::crypto::NoiseChannel;
use crate::wire::frame::SEAL_OVERHEAD;
use crate::wire::{self, CloseReason, Frame, FrameKind, ModelledBody, ModelledFrame, SessionMessage, WireMessage};

/// Most frames that are kept for a session that is not open yet.
const MAX_EARLY: usize = 8;

/// How the frames of a session are sealed. The handshake sets it when the session opens, whoever closes the session lets it end.
#[derive(Component, Default, Debug)]
// Never in two lines of the cache.
#[repr(align(32))]
pub enum Channel {
    /// Not yet.
    #[default]
    Closed,
    /// The other side may hold it for open already, and what it sends may overtake the last message of the handshake: on a datagram service that
    /// is kept until then.
    Expecting(Vec<Frame>),
    /// Accounted for, not computed.
    Modelled {
        /// Number of the next frame to send.
        next: u64,
        /// Which numbers have come.
        seen: wire::ReplayWindow,
    },
    /// ChaCha20-Poly1305 with the keys of a Noise handshake.
    Noise(Box<NoiseChannel>),
    /// Its session has been closed in this tick: only farewells pass, through what it was before.
    Ending(Box<Channel>),
}

impl Channel {
    /// A channel that models encryption.
    pub fn modelled() -> Self {
        Self::Modelled { next: 0, seen: wire::ReplayWindow::default() }
    }

    fn expects_more(&self) -> bool {
        matches!(self, Self::Expecting(early) if early.len() < MAX_EARLY)
    }

    fn keep(&mut self, frame: Frame) {
        if let Self::Expecting(early) = self {
            early.push(frame);
        }
    }

    /// Opens with `open`, and gives what came before.
    pub fn begin(&mut self, open: Self) -> Vec<Frame> {
        match std::mem::replace(self, open) {
            Self::Expecting(early) => early,
            _ => Vec::new(),
        }
    }

    /// Lets nothing pass any more but farewells.
    pub(super) fn end(&mut self) {
        *self = Self::Ending(Box::new(std::mem::take(self)));
    }

    /// The number after the highest that has come: it grows as long as the other side is heard.
    pub fn heard(&self) -> u64 {
        match self {
            Self::Closed | Self::Expecting(_) => 0,
            Self::Modelled { seen, .. } => seen.next(),
            Self::Noise(channel) => channel.heard(),
            Self::Ending(channel) => channel.heard(),
        }
    }

    /// Seals a message.
    ///
    /// # Errors
    /// [`CloseReason::OutOfPhase`] if the session is not open, [`CloseReason::FrameTooLong`] for a message that does not fit.
    #[inline]
    pub fn seal(&mut self, message: WireMessage) -> Result<Frame, CloseReason> {
        match self {
            Self::Closed | Self::Expecting(_) | Self::Ending(_) => Err(CloseReason::OutOfPhase),
            Self::Modelled { next, .. } => {
                let size = wire::encoded_len(&message) + SEAL_OVERHEAD;
                if size > wire::MAX_FRAME {
                    return Err(CloseReason::FrameTooLong);
                }
                let nonce = *next;
                *next += 1;
                let body = ModelledBody::Transport { nonce, message };
                Ok(Frame::Modelled(ModelledFrame { size: size as u32, body }))
            }
            Self::Noise(channel) => {
                let message = wire::encode(&message).map_err(|_| CloseReason::FrameTooLong)?;
                Ok(Frame::Bytes(channel.seal(&message)?))
            }
        }
    }

    /// Opens a transport frame.
    ///
    /// # Errors
    /// Why the session must be closed. [`CloseReason::Replay`] means a number that has come before; over a datagram service
    /// that is the network's doing and the frame is only dropped.
    #[inline]
    pub fn open(&mut self, frame: Frame, service: Service) -> Result<WireMessage, CloseReason> {
        match (self, frame) {
            (Self::Modelled { seen, .. }, Frame::Modelled(ModelledFrame { body: ModelledBody::Transport { nonce, message }, .. })) => {
                seen.accept(nonce, service == Service::Stream)?;
                Ok(message)
            }
            (Self::Noise(channel), Frame::Bytes(bytes)) => {
                let message = channel.open(&bytes, service == Service::Stream)?;
                wire::decode(&message).map_err(|_| CloseReason::Undecodable)
            }
            _ => Err(CloseReason::OutOfPhase),
        }
    }
}

const _: () = assert!(size_of::<Channel>() == 32);

/// A protocol sends `message` over `session`.
#[derive(Message, Clone, Debug)]
pub struct Outgoing {
    /// Over which session.
    pub session: Entity,
    /// When exactly: the instant of what it answers.
    pub at: Instant,
    /// What.
    pub message: WireMessage,
}

/// What the other side is told before a session ends that ends in this tick, also if it was never open to anybody here.
#[derive(Message, Clone, Debug)]
pub struct LastWords {
    /// Over which session.
    pub session: Entity,
    /// What.
    pub message: WireMessage,
}

/// Opening and sealing.
pub(super) struct ChannelPlugin;

impl Plugin for ChannelPlugin {
    fn build(&self, app: &mut App) {
        app.add_tick_message::<Outgoing>()
            .add_tick_message::<LastWords>()
            .add_only_written::<Outgoing>()
            .add_only_written::<LastWords>()
            .init_resource::<Traffic>()
            .init_resource::<Refusals>()
            .add_systems(
                Tick,
                (
                    (open_frames, obey_close).chain().in_set(TickSystems::Open),
                    (seal_messages, seal_farewells).chain().in_set(TickSystems::Seal),
                ),
            );
    }
}

fn open_frames(
    mut frames: ResMut<Messages<FrameIn>>,
    mut sessions: Query<(&SessionOf, &mut Channel, &Service, Option<&mut SessionTraffic>)>,
    mut router: Router,
    mut traffic: ResMut<Traffic>,
    mut refusals: ResMut<Refusals>,
    mut close: MessageWriter<CloseSession>,
    mut chunk: Local<Vec<FrameIn>>,
) {
    let mut frames = frames.drain();
    while next_chunk(&mut frames, &mut chunk) {
        {
            let found: Found<_> = chunk.iter().filter_map(|frame| sessions.get(frame.session).ok()).collect();
            glance(found.iter().map(|(SessionOf(node), channel, service, _)| (*node, matches!(channel, Channel::Closed), **service)));
        }
        for FrameIn { session, at, frame } in chunk.drain(..) {
            let Ok((SessionOf(node), mut channel, service, of_session)) = sessions.get_mut(session) else { continue };
            // Nobody looks at when it changed: to note it would fetch one more line of memory for each frame.
            let channel = channel.bypass_change_detection();
            let refused = match frame.kind() {
                // The handshake has looked at these already.
                Ok(FrameKind::Handshake | FrameKind::Refusal) => continue,
                _ if matches!(channel, Channel::Ending(_)) => continue,
                Ok(FrameKind::Transport) if channel.expects_more() => {
                    channel.keep(frame);
                    continue;
                }
                Ok(FrameKind::Transport) => {
                    let length = frame.len();
                    match channel.open(frame, *service) {
                        Ok(message) => {
                            let protocol = message.protocol() as usize;
                            traffic.received[protocol].add(length);
                            if let Some(mut of_session) = of_session {
                                of_session.0.received[protocol].add(length);
                            }
                            router.route(Received { node: *node, session, at, message: () }, message);
                            continue;
                        }
                        Err(reason) => reason,
                    }
                }
                Err(reason) => reason,
            };
            refusals.count(refused);
            // Networks that repeat and reorder frames also let them come too early or again: that is nobody's fault.
            let harmless = *service == Service::Datagram && matches!(refused, CloseReason::Replay | CloseReason::OutOfPhase);
            if !harmless {
                *channel = Channel::Closed;
                close.write(CloseSession { session, reason: refused, at });
            }
        }
    }
}

fn obey_close(mut received: MessageReader<Received<SessionMessage>>, mut close: MessageWriter<CloseSession>) {
    for Received { session, at, message: SessionMessage::Close(reason), .. } in received.read() {
        close.write(CloseSession { session: *session, reason: *reason, at: *at });
    }
}

fn seal_messages(
    mut outgoing: ResMut<Messages<Outgoing>>,
    mut sessions: Query<(&mut Channel, Option<&mut SessionTraffic>)>,
    mut traffic: ResMut<Traffic>,
    mut refusals: ResMut<Refusals>,
    mut frames: MessageWriter<FrameOut>,
    mut chunk: Local<Vec<Outgoing>>,
) {
    let mut outgoing = outgoing.drain();
    while next_chunk(&mut outgoing, &mut chunk) {
        {
            let found: Found<_> = chunk.iter().filter_map(|outgoing| sessions.get(outgoing.session).ok()).collect();
            glance(found.iter().map(|(channel, _)| matches!(channel, Channel::Closed)));
        }
        for Outgoing { session, at, message } in chunk.drain(..) {
            let Ok((mut channel, of_session)) = sessions.get_mut(session) else { continue };
            let channel = channel.bypass_change_detection();
            // What is meant for a session that closed in this tick, or is not open yet, goes nowhere.
            if matches!(channel, Channel::Closed | Channel::Expecting(_) | Channel::Ending(_)) {
                continue;
            }
            let protocol = message.protocol() as usize;
            match channel.seal(message) {
                Ok(frame) => {
                    traffic.sent[protocol].add(frame.len());
                    if let Some(mut of_session) = of_session {
                        of_session.0.sent[protocol].add(frame.len());
                    }
                    frames.write(FrameOut { session, at, frame });
                }
                Err(reason) => refusals.count(reason),
            }
        }
    }
}

/// The last frame of a session whose sides know each other says why it ends.
fn seal_farewells(
    mut ends: MessageReader<HangUp>,
    mut words: ResMut<Messages<LastWords>>,
    mut sessions: Query<&mut Channel>,
    mut traffic: ResMut<Traffic>,
    mut frames: MessageWriter<FrameOut>,
) {
    let words: Vec<LastWords> = words.drain().collect();
    for HangUp { session, reason, at } in ends.read() {
        let Ok(mut channel) = sessions.get_mut(*session) else { continue };
        let mut channel = match std::mem::take(&mut *channel) {
            Channel::Ending(open) => *open,
            open => open,
        };
        let words = words.iter().filter(|words| words.session == *session).map(|words| words.message.clone());
        for message in words.chain([SessionMessage::Close(*reason).into()]) {
            let protocol = message.protocol();
            if let Ok(frame) = channel.seal(message) {
                traffic.sent[protocol as usize].add(frame.len());
                frames.write(FrameOut { session: *session, at: *at, frame });
            }
        }
    }
}

#[cfg(test)]
mod tests;
