//! Systems that act on messages only are not run in a tick in which none waits for them. In most ticks of a node one protocol has
//! something to do, and to run the others for nothing took a third of the time.

use bevy_app::App;
use bevy_ecs::component::ComponentId;
use bevy_ecs::prelude::*;
use bevy_ecs::schedule::{Schedule, ScheduleConfigs};
use bevy_ecs::system::{ScheduleSystem, SystemAccess};

use super::schedule::Tick;

/// A group of systems that act on messages only.
#[derive(SystemSet, Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Group(usize);

/// A kind of messages.
struct Kind {
    id: ComponentId,
    waits: fn(&World) -> bool,
    /// Systems of groups write it, and none of them takes it.
    only_written: bool,
}

/// The kinds of messages, and which of them each group acts on.
#[derive(Resource, Default)]
pub(super) struct Rest {
    kinds: Vec<Kind>,
    /// Of each group whether a message of a kind waits; `None` until that has been found out, and then it runs.
    groups: Vec<Option<Vec<fn(&World) -> bool>>>,
    /// Whether none rests.
    sleepless: bool,
}

impl Rest {
    fn is_awake(&self, group: usize, world: &World) -> bool {
        self.sleepless || self.groups[group].as_ref().is_none_or(|kinds| kinds.iter().any(|waits| waits(world)))
    }
}

/// Adds a kind of messages.
pub(super) fn add_kind<M: Message>(world: &mut World) {
    let id = world.register_component::<Messages<M>>();
    let waits = |world: &World| !world.resource::<Messages<M>>().is_empty();
    world.get_resource_or_init::<Rest>().kinds.push(Kind { id, waits, only_written: false });
}

/// Systems that rest.
pub trait AppRestExt {
    /// Adds systems to the tick that act on messages only. They are not run in a tick in which, when the first of them would be, no
    /// message waits that any of them could take.
    fn add_message_systems<S>(&mut self, systems: impl IntoScheduleConfigs<ScheduleSystem, S>) -> &mut Self;

    /// What such systems write, and none reads or drains but in the group that writes it: `M` is no reason to run those that may write it. It must
    /// have been added.
    fn add_only_written<M: Message>(&mut self) -> &mut Self;
}

impl AppRestExt for App {
    fn add_message_systems<S>(&mut self, systems: impl IntoScheduleConfigs<ScheduleSystem, S>) -> &mut Self {
        let mut rest = self.world_mut().get_resource_or_init::<Rest>();
        let group = rest.groups.len();
        rest.groups.push(None);
        let systems: ScheduleConfigs<ScheduleSystem> = systems.into_configs();
        let awake = move |world: &World| world.resource::<Rest>().is_awake(group, world);
        self.configure_sets(Tick, Group(group).run_if(awake)).add_systems(Tick, systems.in_set(Group(group)))
    }

    fn add_only_written<M: Message>(&mut self) -> &mut Self {
        let id = self.world_mut().register_component::<Messages<M>>();
        let mut rest = self.world_mut().get_resource_or_init::<Rest>();
        let kind = rest.kinds.iter_mut().find(|kind| kind.id == id);
        debug_assert!(kind.is_some(), "messages are added before they are called only written");
        if let Some(kind) = kind {
            kind.only_written = true;
        }
        self
    }
}

/// Lets all systems run in every tick, as a test does: nothing but time may depend on who rests.
pub fn forbid_rest(app: &mut App) {
    app.world_mut().get_resource_or_init::<Rest>().sleepless = true;
}

/// Finds out what each group acts on: what its systems have access to. If `schedule` cannot be built, whoever runs it will hear why.
pub(super) fn learn(world: &mut World, schedule: &mut Schedule) {
    let Ok(built) = schedule.initialize(world) else { return };
    let Some(mut rest) = world.get_resource_mut::<Rest>() else { return };
    let Rest { kinds, groups, .. } = &mut *rest;
    if built.is_none() && groups.iter().all(Option::is_some) {
        return;
    }
    for (number, group) in groups.iter_mut().enumerate() {
        let Ok(members) = schedule.graph().systems_in_set(Group(number).intern()) else { continue };
        let Ok(systems) = schedule.systems_with_access() else { continue };
        let accesses: Vec<_> = systems.filter(|(key, _)| members.contains(key)).map(|(_, system)| system.access()).collect();
        let takes = |kind: &&Kind| accesses.iter().any(|access| may_take(access, kind));
        *group = Some(kinds.iter().filter(takes).map(|kind| kind.waits).collect());
    }
}

fn may_take(access: &SystemAccess, kind: &Kind) -> bool {
    match access {
        SystemAccess::None => false,
        SystemAccess::Exclusive => true,
        SystemAccess::Shared(access) => {
            let access = access.combined_access();
            access.has_read(kind.id) && !(kind.only_written && access.has_write(kind.id))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kernel::{AppTickExt, Instant, KernelPlugin, run_tick};

    #[derive(Message)]
    struct Asked;
    #[derive(Message)]
    struct Drained;
    #[derive(Message)]
    struct Answer;
    #[derive(Resource, Default)]
    struct Runs(u32);

    #[test]
    fn a_group_runs_when_something_waits_for_one_of_it_and_not_for_what_it_only_writes() {
        let mut app = App::empty();
        app.add_plugins(KernelPlugin { quantum: Duration::from_millis(1) })
            .init_resource::<Runs>()
            .add_tick_message::<Asked>()
            .add_waiting_message::<Drained>()
            .add_tick_message::<Answer>()
            .add_only_written::<Answer>()
            .add_message_systems(
                (
                    |_: MessageReader<Asked>, _: MessageWriter<Answer>, mut runs: ResMut<Runs>| runs.0 += 1,
                    |mut drained: ResMut<Messages<Drained>>| drained.clear(),
                )
                    .chain(),
            );
        // Whoever builds the schedule first, the groups are found out.
        app.world_mut().schedule_scope(Tick, |world, schedule| schedule.initialize(world).map(drop)).unwrap();
        let mut tick = 0;
        let mut runs = |app: &mut App| {
            tick += 1;
            run_tick(app.world_mut(), Instant::from_nanos(tick * 1_000_000));
            std::mem::take(&mut app.world_mut().resource_mut::<Runs>().0)
        };
        assert_eq!(runs(&mut app), 0);
        app.world_mut().write_message(Asked);
        assert_eq!((runs(&mut app), runs(&mut app)), (1, 0));
        app.world_mut().write_message(Drained);
        assert_eq!((runs(&mut app), runs(&mut app)), (1, 0));
        app.world_mut().write_message(Answer);
        assert_eq!(runs(&mut app), 0);
    }
}
