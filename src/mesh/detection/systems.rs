//! Heartbeats come in, silence is looked at.

use bevy_ecs::prelude::*;

use super::components::Detector;
use super::phi::Window;
use super::{DetectionConfig, Suspected, SuspicionDistance, Trusted};
use crate::kernel::{AddressBook, Fired, Node, NodeClock, NodeStarted, Standing, Timers};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{Heartbeat, MemberForgotten, MemberJoined};

/// A look at all members is due.
#[derive(Clone, Copy, Debug)]
pub struct Look;

pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    config: Res<DetectionConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut Detector)>,
    mut timers: ResMut<Timers<Look>>,
) {
    for NodeStarted { node: entity, at, .. } in started.read() {
        let Ok((node, clock, mut detector)) = nodes.get_mut(*entity) else { continue };
        // Whoever was away begins to listen now.
        let listened = detector.windows.values().map(Window::last).max();
        if let Some(last) = listened {
            detector.windows.values_mut().for_each(|window| window.forgive(at.since(last)));
        }
        detector.looked = Some(*at);
        timers.set(*entity, node, clock.after(*at, config.check_interval), Look);
    }
}

pub(super) fn drop_departed(
    mut left: MessageReader<MemberLeft>,
    mut forgotten: MessageReader<MemberForgotten>,
    mut nodes: Query<&mut Detector>,
) {
    let left = left.read().map(|message| (message.node, message.member));
    let forgotten = forgotten.read().map(|message| (message.node, message.member));
    for (node, member) in left.chain(forgotten) {
        if let Ok(mut detector) = nodes.get_mut(node) {
            detector.windows.swap_remove(&member);
        }
    }
}

pub(super) fn listen(
    mut joined: MessageReader<MemberJoined>,
    mut heartbeats: MessageReader<Heartbeat>,
    config: Res<DetectionConfig>,
    distance: Res<SuspicionDistance>,
    mut nodes: Query<(&NodeClock, &mut Detector, &mut AddressBook)>,
    mut trusted: MessageWriter<Trusted>,
) {
    for MemberJoined { node, member, at } in joined.read() {
        if let Ok((_, mut detector, _)) = nodes.get_mut(*node) {
            detector.windows.insert(*member, Window::new(*at, &config, distance.0));
        }
    }
    for Heartbeat { node, member, at } in heartbeats.read() {
        let Ok((clock, mut detector, mut book)) = nodes.get_mut(*node) else { continue };
        let Some(window) = detector.windows.get_mut(member) else { continue };
        let since = clock.elapsed(window.last(), *at);
        if since.is_zero() {
            continue;
        }
        window.beat(*at, since, &config, distance.0);
        if std::mem::take(&mut window.suspected) {
            book.set_standing(member, Standing::Alive);
            trusted.write(Trusted { node: *node, member: *member, at: *at });
        }
    }
}

pub(super) fn look(
    mut fired: MessageReader<Fired<Look>>,
    config: Res<DetectionConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut Detector, &mut AddressBook)>,
    mut timers: ResMut<Timers<Look>>,
    mut suspected: MessageWriter<Suspected>,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, mut detector, mut book)) = nodes.get_mut(*entity) else { continue };
        timers.set(*entity, node, clock.after(*at, config.check_interval), Look);
        let Detector { windows, looked } = &mut *detector;
        // A node that stood still itself, as after SIGSTOP, has heard nothing because it did not listen.
        let gap = clock.elapsed(looked.unwrap_or(*at), *at).saturating_sub(config.check_interval);
        if gap > config.check_interval * 2 {
            windows.values_mut().for_each(|window| window.forgive(gap));
        }
        *looked = Some(*at);
        for (member, window) in windows.iter_mut().filter(|(_, window)| !window.suspected) {
            let silence = clock.elapsed(window.last(), *at);
            if window.is_overdue(silence) {
                window.suspected = true;
                book.set_standing(member, Standing::Suspected { since: *at });
                suspected.write(Suspected { node: *entity, member: *member, phi: window.phi(silence, &config), at: *at });
            }
        }
    }
}
