//! Real sockets as the network of a trial.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

use crate::crypto::NodeId;
use crate::gate::Gate;
use crate::kernel::{BeaconIn, FrameIn, Tick, TickSystems};
use crate::link_model::{Conditions, NetworkFault};
use crate::trial::{Carrier, Trace};

/// What a trial knows of the sockets: who listens, and what the link model makes of the network.
#[derive(Resource, Debug)]
pub(super) struct SocketCarrier {
    conditions: Conditions,
    /// Nodes that have started or stopped since the gate was last told.
    changes: Vec<(u32, Option<Entity>)>,
    delivered: u64,
}

impl SocketCarrier {
    pub(super) fn new(nodes: u32) -> Self {
        Self { conditions: Conditions::new(nodes), changes: Vec::new(), delivered: 0 }
    }
}

impl Carrier for SocketCarrier {
    fn attach(&mut self, ordinal: u32, entity: Entity, _: NodeId) {
        self.changes.push((ordinal, Some(entity)));
    }

    fn detach(&mut self, ordinal: u32) {
        self.changes.push((ordinal, None));
    }

    fn apply(&mut self, fault: &NetworkFault) {
        self.conditions.apply(fault);
    }

    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    fn delivered(&self) -> u64 {
        self.delivered
    }
}

/// Tells the gate who starts and stops, and counts what is delivered.
pub(super) struct SocketCarrierPlugin {
    pub(super) nodes: u32,
}

impl Plugin for SocketCarrierPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(SocketCarrier::new(self.nodes)).init_resource::<Trace>().add_systems(
            Tick,
            (
                tell_gate.after(TickSystems::Begin).before(TickSystems::Fire),
                count.after(TickSystems::Receive).before(TickSystems::Handshake),
                tell_gate.after(TickSystems::Observe).before(TickSystems::Clear),
            ),
        );
    }
}

fn tell_gate(mut carrier: ResMut<SocketCarrier>, mut gate: ResMut<Gate>) {
    for (ordinal, entity) in carrier.changes.drain(..) {
        match entity {
            Some(entity) => gate.attach(ordinal, entity),
            None => gate.detach(ordinal),
        }
    }
}

fn count(mut carrier: ResMut<SocketCarrier>, frames: Res<Messages<FrameIn>>, beacons: Res<Messages<BeaconIn>>) {
    carrier.delivered += (frames.len() + beacons.len()) as u64;
}
