//! What hellos cost. They go beside all sessions, so nobody else counts them.

use bevy_ecs::prelude::*;

use crate::kernel::{BeaconIn, BeaconOut, Traffic};
use crate::wire::{Protocol, beacon};

/// Counts each hello once when it is said, whoever hears it, and once for each who does.
pub(super) fn count_hellos(mut said: MessageReader<BeaconOut>, mut heard: MessageReader<BeaconIn>, mut traffic: ResMut<Traffic>) {
    let protocol = Protocol::Discovery as usize;
    said.read().for_each(|beacon| traffic.sent[protocol].add(beacon::encoded_len(&beacon.hello)));
    heard.read().for_each(|beacon| traffic.received[protocol].add(beacon::encoded_len(&beacon.hello)));
}
