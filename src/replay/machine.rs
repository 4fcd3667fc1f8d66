//! A world that runs on a recording.

use bevy_app::App;
use bevy_ecs::prelude::*;

use super::digest::{Chain, State};
use super::header::{Header, Setup};
use super::keys::Keys;
use crate::gate::{self, Arrival, Gate, GatePlugin, Link, LinkId, Output, spawn_node};
use crate::kernel::{Clock, Instant, KernelPlugin, Outgoing, Session, SessionPhase, Tick, TickSystems, next_due};
use crate::mesh::MeshPlugins;

/// A world that runs on a recording.
pub struct Machine {
    world: World,
    ordinal: u32,
    chain: Chain,
    outputs: Vec<Output>,
    counts: Counts,
}

/// How much has left a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Links dialled.
    pub dials: u64,
    /// Links closed.
    pub hang_ups: u64,
    /// Frames sent.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Hellos said on the local network.
    pub hellos: u64,
}

/// The protocols of the messages of a tick, by link, in the order in which they leave: frames themselves are sealed.
#[derive(Resource, Default, Debug)]
pub(super) struct Spoken(pub Vec<(LinkId, &'static str)>);

impl Machine {
    /// The world in which the recorded life begins.
    pub fn new(header: &Header, setup: &Setup, keys: &Keys) -> Self {
        let mut app = App::empty();
        app.add_plugins((KernelPlugin { quantum: setup.quantum }, MeshPlugins(setup.protocols.clone()), GatePlugin));
        app.init_resource::<Spoken>()
            .add_systems(Tick, listen.after(TickSystems::Protocols).before(TickSystems::Seal))
            .add_systems(Tick, forget.in_set(TickSystems::Begin));
        let mut world = std::mem::take(app.world_mut());
        world.resource_mut::<Gate>().continue_after(header.dialled);
        spawn_node(&mut world, header.spec(keys), header.started());
        Self { world, ordinal: header.ordinal, chain: Chain::default(), outputs: Vec::new(), counts: Counts::default() }
    }

    /// Runs the tick at `at` with `arrivals`; what left in it is in [`outputs`](Self::outputs).
    pub fn tick(&mut self, at: Instant, arrivals: Vec<Arrival>) {
        self.outputs.clear();
        gate::run_tick(&mut self.world, at, arrivals, &mut self.outputs);
        self.chain.add(&self.outputs);
        for output in &self.outputs {
            match output {
                Output::Dial { .. } => self.counts.dials += 1,
                Output::HangUp { .. } => self.counts.hang_ups += 1,
                Output::Frame { bytes, .. } => {
                    self.counts.frames += 1;
                    self.counts.bytes += bytes.len() as u64;
                }
                Output::Hello { .. } => self.counts.hellos += 1,
                Output::Proven { .. } | Output::Persist { .. } | Output::Vanish { .. } => {}
            }
        }
    }

    /// What left in the last tick.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The protocols of the frames of the last tick, by link.
    pub(super) fn spoken(&self) -> &[(LinkId, &'static str)] {
        &self.world.resource::<Spoken>().0
    }

    /// The digest of all that has left.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// How much has left.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What the node knows.
    pub fn state(&self) -> State {
        State::of(&self.world, self.ordinal)
    }

    /// When something is due next.
    pub fn next_due(&self) -> Instant {
        next_due(&self.world).unwrap_or(Instant::NEVER)
    }

    /// The length of a tick in nanoseconds.
    pub(super) fn quantum(&self) -> u64 {
        (self.world.resource::<Clock>().quantum().as_nanos() as u64).max(1)
    }

    /// The world, to look into.
    pub fn world(&self) -> &World {
        &self.world
    }
}

fn forget(mut spoken: ResMut<Spoken>) {
    spoken.0.clear();
}

fn listen(mut outgoing: MessageReader<Outgoing>, sessions: Query<(&Session, &Link)>, mut spoken: ResMut<Spoken>) {
    for Outgoing { session, message, .. } in outgoing.read() {
        if let Ok((Session { phase: SessionPhase::Established, .. }, link)) = sessions.get(*session) {
            spoken.0.push((link.id, message.protocol().name()));
        }
    }
}
