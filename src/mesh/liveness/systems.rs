//! Pings go out, pongs come back, or time runs out.

use std::time::Duration;

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::components::Pings;
use super::{LivenessConfig, RoundTrip};
use crate::kernel::{CloseSession, Fired, Node, NodeClock, NodeRng, Outgoing, Received, Session, SessionOpened, SessionPhase, Timers};
use crate::wire::{CloseReason, LivenessMessage};

/// The first ping of a session comes within this time, so that its round-trip time is known early.
const FIRST: Duration = Duration::from_secs(1);

/// A ping is due, or one has waited too long for its pong.
#[derive(Clone, Copy, Debug)]
pub struct PingTimer(Entity);

pub(super) fn begin(
    mut opened: MessageReader<SessionOpened>,
    mut nodes: Query<(&Node, &NodeClock, &mut NodeRng)>,
    mut sessions: Query<&mut Pings>,
    mut timers: ResMut<Timers<PingTimer>>,
) {
    for SessionOpened { node: entity, session, at, .. } in opened.read() {
        let (Ok((node, clock, mut rng)), Ok(mut pings)) = (nodes.get_mut(*entity), sessions.get_mut(*session)) else { continue };
        pings.next_at = clock.first(*at, FIRST, rng.0.random_range(0.0..1.0));
        timers.set(*entity, node, pings.next_at, PingTimer(*session));
    }
}

pub(super) fn answer(
    mut received: MessageReader<Received<LivenessMessage>>,
    nodes: Query<&NodeClock>,
    mut sessions: Query<(&mut Pings, &mut RoundTrip)>,
    mut outgoing: MessageWriter<Outgoing>,
) {
    for Received { node, session, at, message } in received.read() {
        match message {
            LivenessMessage::Ping(number) => {
                outgoing.write(Outgoing { session: *session, at: *at, message: LivenessMessage::Pong(*number).into() });
            }
            LivenessMessage::Pong(number) => {
                let (Ok(clock), Ok((mut pings, mut trip))) = (nodes.get(*node), sessions.get_mut(*session)) else { continue };
                // A number that is not waited for is a forgery, a repetition, or too late.
                if let Some(place) = pings.unanswered.iter().position(|(waiting, _)| waiting == number) {
                    let (_, sent) = pings.unanswered.remove(place);
                    let sample = clock.elapsed(sent, *at);
                    // Where frames come in wall time, what made the tick due may have let a timer fire a little before its instant.
                    if !sample.is_zero() {
                        trip.add(sample);
                    }
                    // The session lives: what was lost before need not be waited for.
                    pings.unanswered.retain(|(waiting, _)| *waiting > *number);
                }
            }
        }
    }
}

pub(super) fn ping(
    mut fired: MessageReader<Fired<PingTimer>>,
    config: Res<LivenessConfig>,
    nodes: Query<(&Node, &NodeClock)>,
    mut sessions: Query<(&Session, &mut Pings)>,
    mut timers: ResMut<Timers<PingTimer>>,
    mut outgoing: MessageWriter<Outgoing>,
    mut close: MessageWriter<CloseSession>,
) {
    for Fired { node: entity, at, timer: PingTimer(session) } in fired.read().copied() {
        let (Ok((node, clock)), Ok((state, mut pings))) = (nodes.get(entity), sessions.get_mut(session)) else { continue };
        if state.phase != SessionPhase::Established {
            continue;
        }
        let oldest = pings.unanswered.first().map(|(_, sent)| clock.after(*sent, config.timeout));
        if oldest.is_some_and(|due| due <= at) {
            close.write(CloseSession { session, reason: CloseReason::PingTimeout, at });
            continue;
        }
        if pings.next_at <= at {
            let number = pings.next;
            pings.next += 1;
            pings.unanswered.push((number, at));
            pings.next_at = clock.after(at, config.interval);
            outgoing.write(Outgoing { session, at, message: LivenessMessage::Ping(number).into() });
        }
        let oldest = pings.unanswered.first().map(|(_, sent)| clock.after(*sent, config.timeout));
        timers.set(entity, node, oldest.map_or(pings.next_at, |due| due.min(pings.next_at)), PingTimer(session));
    }
}
