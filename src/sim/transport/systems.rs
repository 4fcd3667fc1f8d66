//! The ends of the transport in the schedule.

use bevy_ecs::prelude::*;

use super::arrive::Told;
use super::fabric::Fabric;
use super::flight::EndId;
use crate::kernel::ahead::{CHUNK, Found, glance, next_chunk};
use crate::kernel::{BeaconOut, Clock, Dial, FrameOut, HangUp, Node};

pub(super) fn deliver(clock: Res<Clock>, mut fabric: ResMut<Fabric>, mut told: Told) {
    let end = clock.end();
    fabric.earliest = end;
    fabric.queue.open(end);
    let (mut to, mut receiver) = (u32::MAX, None);
    for number in 0.. {
        if number % CHUNK == 0 {
            let ends: Found<EndId> = fabric.queue.upcoming(CHUNK).map(|packet| packet.head.end).collect();
            glance(ends.into_iter().map(|end| fabric.endpoints.glance(end)));
        }
        let Some(packet) = fabric.queue.take() else { break };
        // Packets to one node stand together.
        if packet.head.to != to {
            to = packet.head.to;
            receiver = fabric.receiver(to, &told);
        }
        fabric.arrive(packet, receiver, &mut told);
    }
}

pub(super) fn dial(mut fabric: ResMut<Fabric>, mut dials: MessageReader<Dial>, nodes: Query<&Node>) {
    for Dial { node, session, to, at } in dials.read().copied() {
        if let Ok(node) = nodes.get(node) {
            fabric.dial(node.ordinal, session, to, at);
        }
    }
}

pub(super) fn send_frames(mut fabric: ResMut<Fabric>, mut frames: ResMut<Messages<FrameOut>>, mut chunk: Local<Vec<FrameOut>>) {
    // They are moved, not copied. Ids of messages are of no use here: nobody else reads what a transport has sent.
    let mut frames = frames.drain();
    while next_chunk(&mut frames, &mut chunk) {
        let slots: Found<u32> = chunk.iter().filter_map(|frame| fabric.endpoints.slot_of(frame.session)).collect();
        glance(slots.into_iter().map(|slot| fabric.endpoints.glance_from(slot)));
        for FrameOut { session, at, frame } in chunk.drain(..) {
            fabric.send_frame(session, frame, at);
        }
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
