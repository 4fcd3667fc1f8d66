//! The tick: one schedule, its sets in the order in which a frame passes them.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use bevy_ecs::schedule::{LogLevel, ScheduleBuildSettings, ScheduleLabel, SingleThreadedExecutor};

use super::agenda::AppAgendaExt;
use super::rest;
use super::time::{Clock, Instant};

/// The schedule that runs once for each quantum of time in which something is due.
#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tick;

/// The sets of a [`Tick`], in order.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TickSystems {
    /// The runner acts: nodes start and stop, faults strike.
    Begin,
    /// Due timers become [`Fired`](super::Fired) messages.
    Fire,
    /// Whoever acts of itself does: the workload speaks.
    Wake,
    /// Transports hand over links and frames: [`LinkUp`](super::LinkUp), [`LinkDown`](super::LinkDown),
    /// [`FrameIn`](super::FrameIn), [`BeaconIn`](super::BeaconIn).
    Receive,
    /// Sessions that were asked to close do; handshakes advance, sessions open.
    Handshake,
    /// Frames are opened, decoded and checked; one typed [`Received`](super::Received) message for each.
    Open,
    /// The protocols, each in its own set, in the order of [`ProtocolSystems`].
    Protocols,
    /// Messages are encoded and encrypted, wanted connections become dials.
    Seal,
    /// Frames, dials and hang-ups go to the transports.
    Send,
    /// Metrics, trace and expectations look at what happened. Closed sessions are despawned when all have.
    Observe,
    /// Messages of this tick are dropped.
    Clear,
}

/// The protocols within [`TickSystems::Protocols`], in order: what a protocol learns, the later ones see in the same tick.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolSystems {
    /// Where others might be.
    Discovery,
    /// Whether a session still answers.
    Liveness,
    /// Who says goodbye.
    Leave,
    /// Who may be there.
    Admission,
    /// Who is there.
    Membership,
    /// Who is no longer.
    Detection,
    /// Who is linked with whom.
    Topology,
    /// What new neighbours are told first.
    Greeting,
    /// What is said to all.
    Broadcast,
    /// What members seal with.
    Prekeys,
    /// What goes to one member.
    Routing,
    /// What is said in a topic.
    Topics,
    /// What people say.
    Chat,
}

/// Adds the [`Tick`] schedule and its sets.
pub(super) struct SchedulePlugin;

impl Plugin for SchedulePlugin {
    fn build(&self, app: &mut App) {
        use {ProtocolSystems as P, TickSystems as T};
        app.init_schedule(Tick)
            .edit_schedule(Tick, |schedule| {
                schedule.set_executor(SingleThreadedExecutor::new());
            })
            .configure_sets(
                Tick,
                (
                    (T::Begin, T::Fire, T::Wake, T::Receive, T::Handshake, T::Open, T::Protocols, T::Seal, T::Send, T::Observe, T::Clear)
                        .chain(),
                    (
                        (P::Discovery, P::Liveness, P::Leave, P::Admission, P::Membership, P::Detection, P::Topology, P::Greeting).chain(),
                        (P::Broadcast, P::Prekeys, P::Routing, P::Topics, P::Chat).chain(),
                    )
                        .chain()
                        .in_set(T::Protocols),
                ),
            )
            .init_resource::<TickMessages>()
            .add_systems(Tick, clear_messages.in_set(T::Clear));
    }
}

/// How the messages of a tick are dropped, by type. One system does it for all: a system for each would take a third of an idle tick.
#[derive(Resource, Default)]
pub(super) struct TickMessages {
    all: Vec<fn(&mut World)>,
    /// Of those that are known to be in few ticks: what is in this one.
    pub few: Vec<fn(&mut World)>,
}

fn clear_messages(world: &mut World) {
    let mut messages = std::mem::take(&mut *world.resource_mut::<TickMessages>());
    messages.all.iter().copied().chain(messages.few.drain(..)).for_each(|clear| clear(world));
    *world.resource_mut() = messages;
}

/// Drops all `M`.
pub(super) fn clear<M: Message>(world: &mut World) {
    world.resource_mut::<Messages<M>>().clear();
}

/// Makes an ambiguous order of systems an error when the schedule is built, as the tests do.
pub fn forbid_ambiguity(app: &mut App) {
    app.edit_schedule(Tick, |schedule| {
        let settings = ScheduleBuildSettings { ambiguity_detection: LogLevel::Error, ..ScheduleBuildSettings::new() };
        schedule.set_build_settings(settings);
    });
}

/// Messages that live for one tick.
pub trait AppTickExt {
    /// Adds `M`. It is dropped at the end of the tick that wrote it, so it flows to later systems only.
    fn add_tick_message<M: Message>(&mut self) -> &mut Self;

    /// Adds `M`, which waits until the one system that drains it runs: what is written after that system waits for the next tick, which is
    /// then due at once. For what flows upstream. There must be a plugin that drains it.
    fn add_waiting_message<M: Message>(&mut self) -> &mut Self;
}

impl AppTickExt for App {
    fn add_tick_message<M: Message>(&mut self) -> &mut Self {
        if !self.world().contains_resource::<Messages<M>>() {
            // `add_message` would also register `M` for the rotation in `App::update`, which never runs here.
            self.init_resource::<Messages<M>>();
            rest::add_kind::<M>(self.world_mut());
            self.world_mut().get_resource_or_init::<TickMessages>().all.push(clear::<M>);
        }
        self
    }

    fn add_waiting_message<M: Message>(&mut self) -> &mut Self {
        if !self.world().contains_resource::<Messages<M>>() {
            self.init_resource::<Messages<M>>().add_agenda_source(|world| {
                let waiting = !world.resource::<Messages<M>>().is_empty();
                waiting.then(|| world.resource::<Clock>().end())
            });
            rest::add_kind::<M>(self.world_mut());
        }
        self
    }
}

/// Runs the tick that holds `at`.
pub fn run_tick(world: &mut World, at: Instant) {
    world.resource_mut::<Clock>().advance_to(at);
    world.schedule_scope(Tick, |world, schedule| {
        rest::learn(world, schedule);
        schedule.run(world);
    });
    // A schedule that is run by hand does not do this, and removals would pile up.
    world.clear_trackers();
}
