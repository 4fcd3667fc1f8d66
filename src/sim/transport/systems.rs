//! The ends of the transport in the schedule.

use bevy_ecs::prelude::*;

use super::arrive::Told;
use super::fabric::Fabric;
use crate::kernel::{BeaconOut, Clock, Dial, FrameOut, HangUp, Node};

pub(super) fn deliver(clock: Res<Clock>, mut fabric: ResMut<Fabric>, mut told: Told) {
    let end = clock.end();
    fabric.earliest = end;
    let mut due = std::mem::take(&mut fabric.due);
    fabric.queue.take_before(end, &mut due);
    for packet in due.drain(..) {
        fabric.arrive(packet, &mut told);
    }
    fabric.due = due;
}

pub(super) fn dial(mut fabric: ResMut<Fabric>, mut dials: MessageReader<Dial>, nodes: Query<&Node>) {
    for Dial { node, session, to, at } in dials.read().copied() {
        if let Ok(node) = nodes.get(node) {
            fabric.dial(node.ordinal, session, to, at);
        }
    }
}

pub(super) fn send_frames(mut fabric: ResMut<Fabric>, mut frames: ResMut<Messages<FrameOut>>) {
    // They are moved, not copied. Ids of messages are of no use here: nobody else reads what a transport has sent.
    for FrameOut { session, at, frame } in frames.drain() {
        fabric.send_frame(session, frame, at);
    }
}

pub(super) fn hang_up(mut fabric: ResMut<Fabric>, mut ends: MessageReader<HangUp>) {
    for HangUp { session, reason, at } in ends.read().copied() {
        fabric.hang_up(session, reason, at);
    }
}

pub(super) fn send_beacons(
    mut fabric: ResMut<Fabric>,
    mut beacons: MessageReader<BeaconOut>,
    nodes: Query<&Node>,
    mut hearers: Local<Vec<u32>>,
) {
    for BeaconOut { node, at, hello } in beacons.read() {
        if let Ok(node) = nodes.get(*node) {
            fabric.send_beacon(node.ordinal, hello, *at, &mut hearers);
        }
    }
}
