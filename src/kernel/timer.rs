//! Typed timers: a protocol sets a `T` for a node, and reads [`Fired<T>`] in the tick that holds its instant.
//!
//! A timer is never cancelled: whoever receives it looks whether it still means something. Timers of a node that crashed
//! or was replaced die silently, those of a paused node fire when it resumes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemId;

use super::agenda::{Agenda, AppAgendaExt};
use super::calendar::{CalendarQueue, Scheduled};
use super::node::Node;
use super::rest;
use super::schedule::{Tick, TickMessages, TickSystems, clear};
use super::time::{Clock, Instant};

/// The timers of one type, of all nodes.
#[derive(Resource, Debug)]
pub struct Timers<T: Send + Sync + 'static> {
    queue: CalendarQueue<Entry<T>>,
    sequence: u64,
    fired: u64,
    next: Next,
}

/// When the next timer is due, of whatever kind. It is shared by all kinds, so that none need be asked in a tick in which none is due.
#[derive(Clone, Debug)]
struct Next(Arc<AtomicU64>);

impl Next {
    fn get(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn bring_forward(&self, at: Instant) {
        self.0.fetch_min(at.as_nanos(), Ordering::Relaxed);
    }

    fn put(&self, at: Instant) {
        self.0.store(at.as_nanos(), Ordering::Relaxed);
    }
}

/// A timer of `node` is due. Those of one tick come by node, and for one node by instant and in the order in which they were set.
#[derive(Message, Debug, Clone, Copy)]
pub struct Fired<T: Send + Sync + 'static> {
    /// Whose timer.
    pub node: Entity,
    /// When exactly.
    pub at: Instant,
    /// What was set.
    pub timer: T,
}

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    sequence: u64,
    node: Entity,
    epoch: u32,
    timer: T,
}

impl<T> Scheduled for Entry<T> {
    // By node first, so that what touches its memory stands together. Among those of one instant it is the order of setting.
    type Key = (u32, Instant, u64);

    fn at(&self) -> Instant {
        self.at
    }

    fn key(&self) -> (u32, Instant, u64) {
        (self.node.index_u32(), self.at, self.sequence)
    }

    fn rank(&self, start: Instant) -> u64 {
        let late = self.at.nanos_since(start).min(u64::from(u32::MAX));
        u64::from(self.node.index_u32()) << 32 | late
    }
}

impl<T: Send + Sync + 'static> Timers<T> {
    /// Sets a timer for `entity`, whose [`Node`] component is `node`.
    pub fn set(&mut self, entity: Entity, node: &Node, at: Instant, timer: T) {
        self.sequence += 1;
        let sequence = self.sequence;
        self.queue.push(Entry { at, sequence, node: entity, epoch: node.epoch, timer });
        self.next.bring_forward(at);
    }

    /// Number of timers that are set.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// Adds a type of timer to an app.
pub trait AppTimerExt {
    /// Adds [`Timers<T>`], and [`Fired<T>`] that is written in [`TickSystems::Fire`].
    fn add_timer<T: Send + Sync + 'static>(&mut self) -> &mut Self;
}

impl AppTimerExt for App {
    fn add_timer<T: Send + Sync + 'static>(&mut self) -> &mut Self {
        let quantum = self.world().resource::<Clock>().quantum();
        let next = self.world().resource::<TimerKinds>().next.clone();
        self.insert_resource(Timers::<T> { queue: CalendarQueue::new(quantum), sequence: 0, fired: 0, next })
            .init_resource::<Messages<Fired<T>>>();
        rest::add_kind::<Fired<T>>(self.world_mut());
        let fire = self.world_mut().register_system(fire_timers::<T>);
        let next_at = |world: &World| world.resource::<Timers<T>>().queue.next_at();
        let kind = TimerKind { is_due: is_due::<T>, fire, next_at, clear: clear::<Fired<T>> };
        self.world_mut().resource_mut::<TimerKinds>().kinds.push(kind);
        self.world_mut().resource_mut::<Agenda>().count_timers(|world| world.resource::<Timers<T>>().fired);
        self
    }
}

/// A kind of timers.
struct TimerKind {
    /// Whether one is due before an instant; to be asked before `fire`.
    is_due: fn(&mut World, Instant) -> bool,
    fire: SystemId,
    next_at: fn(&World) -> Option<Instant>,
    /// Drops those that have fired.
    clear: fn(&mut World),
}

/// All kinds of timers.
#[derive(Resource)]
struct TimerKinds {
    kinds: Vec<TimerKind>,
    next: Next,
}

/// Fires timers.
pub(super) struct TimerPlugin;

impl Plugin for TimerPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(TimerKinds { kinds: Vec::new(), next: Next(Arc::new(u64::MAX.into())) })
            .add_agenda_source(|world| {
                let next = world.resource::<TimerKinds>().next.get();
                let clock = world.resource::<Clock>();
                // The instant itself, not the start of its tick: in wall time it would fire before it is due. What is set too late comes with
                // the next tick.
                (next != Instant::NEVER).then(|| next.max(clock.end()))
            })
            .add_systems(Tick, fire.in_set(TickSystems::Fire));
    }
}

/// Fires what is due, of all kinds. In most ticks that is one or none: a system for each kind would run for nothing.
fn fire(world: &mut World) {
    let end = world.resource::<Clock>().end();
    let mut all = world.resource_mut::<TimerKinds>();
    if all.next.get() >= end {
        return;
    }
    let kinds = std::mem::take(&mut all.kinds);
    let mut next = Instant::NEVER;
    for kind in &kinds {
        if (kind.is_due)(world, end) {
            // It is registered, takes nothing and gives nothing.
            let fired = world.run_system(kind.fire);
            debug_assert!(fired.is_ok(), "timers are fired: {fired:?}");
            world.resource_mut::<TickMessages>().few.push(kind.clear);
        }
        next = (kind.next_at)(world).map_or(next, |due| due.min(next));
    }
    let mut all = world.resource_mut::<TimerKinds>();
    all.next.put(next);
    all.kinds = kinds;
}

fn is_due<T: Send + Sync + 'static>(world: &mut World, end: Instant) -> bool {
    world.resource_mut::<Timers<T>>().queue.pass(end)
}

fn fire_timers<T: Send + Sync + 'static>(
    clock: Res<Clock>,
    mut timers: ResMut<Timers<T>>,
    nodes: Query<&Node>,
    mut fired: MessageWriter<Fired<T>>,
) {
    let Timers { queue, fired: count, .. } = &mut *timers;
    queue.open(clock.end());
    while let Some(entry) = queue.take() {
        let Ok(node) = nodes.get(entry.node) else { continue };
        if node.epoch != entry.epoch || !node.is_up() {
            continue;
        }
        if let Some(until) = node.held_until(entry.at) {
            queue.push(Entry { at: until, ..entry });
        } else {
            *count += 1;
            fired.write(Fired { node: entry.node, at: entry.at, timer: entry.timer });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kernel::{KernelPlugin, NodeState, next_due, run_tick};

    /// An app with one kind of timers and one node.
    fn bench() -> (App, Entity, Node) {
        let mut app = App::empty();
        app.add_plugins(KernelPlugin { quantum: Duration::from_millis(1) }).add_timer::<u8>();
        let node = || Node { ordinal: 0, epoch: 0, state: NodeState::Running };
        let entity = app.world_mut().spawn(node()).id();
        (app, entity, node())
    }

    #[test]
    fn a_timer_that_is_set_too_late_fires_in_the_next_tick_also_if_none_was_due_before() {
        let (mut app, entity, node) = bench();
        let at = Instant::from_nanos(5_200_000);
        run_tick(app.world_mut(), at);
        app.world_mut().resource_mut::<Timers<u8>>().set(entity, &node, at, 7);
        assert_eq!(next_due(app.world()), Some(Instant::from_nanos(6_000_000)));
    }

    #[test]
    fn timers_of_one_tick_fire_by_node_and_for_each_by_instant_and_order_of_setting() {
        let (mut app, first, node) = bench();
        let second = app.world_mut().spawn(node).id();
        for (entity, micros, timer) in [(second, 5_100, 1), (first, 5_300, 2), (second, 5_050, 3), (first, 5_300, 4), (first, 5_200, 5)] {
            let at = Instant::from_nanos(micros * 1000);
            app.world_mut().resource_mut::<Timers<u8>>().set(entity, &node, at, timer);
        }
        app.init_resource::<Heard>().add_systems(
            Tick,
            (|mut fired: MessageReader<Fired<u8>>, mut heard: ResMut<Heard>| {
                heard.0.extend(fired.read().map(|fired| (fired.node, fired.timer)));
            })
            .in_set(TickSystems::Wake),
        );
        run_tick(app.world_mut(), Instant::from_nanos(5_000_000));
        let heard = &app.world().resource::<Heard>().0;
        let of = |entity| heard.iter().filter(move |(node, _)| *node == entity).map(|(_, timer)| *timer);
        assert_eq!((of(first).collect::<Vec<_>>(), of(second).collect::<Vec<_>>()), (vec![5, 2, 4], vec![3, 1]));
        assert_eq!(heard.chunk_by(|a, b| a.0 == b.0).count(), 2, "each node's stand together");
    }

    #[derive(Resource, Default)]
    struct Heard(Vec<(Entity, u8)>);

    #[test]
    fn the_runner_is_told_the_instant_of_a_timer_not_the_start_of_its_tick() {
        let (mut app, entity, node) = bench();
        let [first, second] = [2_300_000, 5_700_000].map(Instant::from_nanos);
        for at in [second, first] {
            app.world_mut().resource_mut::<Timers<u8>>().set(entity, &node, at, 7);
        }
        assert_eq!(next_due(app.world()), Some(first));
        run_tick(app.world_mut(), first);
        assert_eq!(next_due(app.world()), Some(second));
    }
}
