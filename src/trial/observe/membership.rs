//! Who believes what of whom, held against the truth.

use std::time::Duration;

use bevy_ecs::prelude::*;
use fixedbitset::FixedBitSet;

use super::super::nodes::{Directory, Planned};
use super::super::timeline::{Action, Moment};
use super::super::trace::Trace;
use super::super::truth::{Bond, Truth};
use super::{Kind, Observations};
use crate::kernel::{Instant, NeighborDown, NeighborUp, Node, NodeStarted, SessionClosed, SessionOpened};
use crate::mesh::detection::{Suspected, Trusted};
use crate::mesh::discovery::{WentOffline, WentOnline};
use crate::mesh::leave::{MemberLeft, Stopped};
use crate::mesh::membership::{MemberForgotten, MemberJoined};
use crate::report::DetectionRow;

/// A suspicion is false if the two could talk for at least this long before it: what a fault caused may take so long to show.
const SETTLED: Duration = Duration::from_secs(10);
/// An absence that nobody noticed counts as missed if it lasted at least this long.
const NOTICEABLE: Duration = Duration::from_secs(20);

pub(super) fn observe_starts(
    mut started: MessageReader<NodeStarted>,
    nodes: Query<&Node>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    for NodeStarted { node, at, with_memory } in started.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        let count = seen.views.len();
        if !with_memory {
            seen.broadcasts.forget(node.ordinal);
            seen.texts.forget(node.ordinal);
            if let Some(view) = seen.views.get_mut(node.ordinal as usize) {
                view.alive = FixedBitSet::with_capacity(count);
                view.suspected = FixedBitSet::with_capacity(count);
                view.alive.insert(node.ordinal as usize);
            }
        }
        let kind = if *with_memory { Kind::Resumed } else { Kind::Started };
        seen.event(&mut trace, *at, node.ordinal, kind, None, 0, String::new);
    }
}

pub(super) fn observe_arrivals(
    mut joined: MessageReader<MemberJoined>,
    nodes: Query<&Node>,
    plan: Res<Planned>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    for MemberJoined { node, member, at } in joined.read() {
        let (Ok(node), Some(member)) = (nodes.get(*node), plan.0.ordinal(member)) else { continue };
        if let Some(view) = seen.views.get_mut(node.ordinal as usize) {
            view.alive.insert(member as usize);
            view.suspected.set(member as usize, false);
        }
        seen.event(&mut trace, *at, node.ordinal, Kind::MemberJoined, Some(member), 0, String::new);
    }
}

pub(super) fn observe_departures(
    mut forgotten: MessageReader<MemberForgotten>,
    mut left: MessageReader<MemberLeft>,
    nodes: Query<&Node>,
    plan: Res<Planned>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    for MemberForgotten { node, member, at } in forgotten.read() {
        let (Ok(node), Some(member)) = (nodes.get(*node), plan.0.ordinal(member)) else { continue };
        seen.lose(node.ordinal, member);
        seen.event(&mut trace, *at, node.ordinal, Kind::MemberForgotten, Some(member), 0, String::new);
    }
    for MemberLeft { node, member, at, .. } in left.read() {
        let (Ok(node), Some(member)) = (nodes.get(*node), plan.0.ordinal(member)) else { continue };
        seen.lose(node.ordinal, member);
        seen.goodbyes.push((node.ordinal, member, *at));
        seen.event(&mut trace, *at, node.ordinal, Kind::MemberLeft, Some(member), 0, String::new);
    }
}

pub(super) fn observe_suspicion(
    mut suspected: MessageReader<Suspected>,
    mut trusted: MessageReader<Trusted>,
    nodes: Query<&Node>,
    plan: Res<Planned>,
    truth: Res<Truth>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    for Suspected { node, member, phi, at } in suspected.read() {
        let (Ok(node), Some(member)) = (nodes.get(*node), plan.0.ordinal(member)) else { continue };
        let observer = node.ordinal;
        let Some(view) = seen.views.get_mut(observer as usize) else { continue };
        view.alive.set(member as usize, false);
        view.suspected.insert(member as usize);
        let verdict = match truth.bond(observer, member, *at) {
            Bond::Gone(since) => {
                let seconds = at.since(since).as_secs_f64();
                seen.detections.push(DetectionRow { observer, target: member, since: since.as_secs_f64(), seconds });
                "gone"
            }
            Bond::Reachable(since) if at.since(since) >= SETTLED => {
                seen.false_suspicions += 1;
                "false"
            }
            Bond::Reachable(_) => "late",
        };
        seen.event(&mut trace, *at, observer, Kind::Suspected, Some(member), 0, || format!("phi {phi:.1}, {verdict}"));
    }
    for Trusted { node, member, at } in trusted.read() {
        let (Ok(node), Some(member)) = (nodes.get(*node), plan.0.ordinal(member)) else { continue };
        if let Some(view) = seen.views.get_mut(node.ordinal as usize) {
            view.suspected.set(member as usize, false);
            view.alive.insert(member as usize);
        }
        seen.event(&mut trace, *at, node.ordinal, Kind::Trusted, Some(member), 0, String::new);
    }
}

pub(super) fn observe_goodbyes(
    mut stopped: MessageReader<Stopped>,
    mut offline: MessageReader<WentOffline>,
    mut online: MessageReader<WentOnline>,
    nodes: Query<&Node>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    let stopped = stopped.read().map(|message| (message.node, message.at, Kind::Stopped));
    let offline = offline.read().map(|message| (message.node, message.at, Kind::WentOffline));
    let online = online.read().map(|message| (message.node, message.at, Kind::WentOnline));
    for (node, at, kind) in stopped.chain(offline).chain(online) {
        if let Ok(node) = nodes.get(node) {
            seen.event(&mut trace, at, node.ordinal, kind, None, 0, String::new);
        }
    }
}

pub(super) fn observe_links(
    mut up: MessageReader<NeighborUp>,
    mut down: MessageReader<NeighborDown>,
    mut opened: MessageReader<SessionOpened>,
    mut closed: MessageReader<SessionClosed>,
    nodes: Query<&Node>,
    plan: Res<Planned>,
    mut seen: ResMut<Observations>,
    mut trace: ResMut<Trace>,
) {
    for SessionOpened { node, remote, at, role, .. } in opened.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        let peer = plan.0.ordinal(remote);
        seen.event(&mut trace, *at, node.ordinal, Kind::SessionOpened, peer, 0, || format!("{role:?}").to_lowercase());
    }
    for NeighborUp { node, neighbor, at } in up.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        seen.event(&mut trace, *at, node.ordinal, Kind::LinkUp, plan.0.ordinal(&neighbor.id), 0, String::new);
    }
    for NeighborDown { node, neighbor, at } in down.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        seen.event(&mut trace, *at, node.ordinal, Kind::LinkDown, plan.0.ordinal(&neighbor.id), 0, String::new);
    }
    for SessionClosed { node, remote, reason, at, .. } in closed.read() {
        let Ok(node) = nodes.get(*node) else { continue };
        let peer = remote.and_then(|remote| plan.0.ordinal(&remote));
        seen.event(&mut trace, *at, node.ordinal, Kind::SessionClosed, peer, *reason as u64, || reason.name().to_owned());
    }
}

impl Observations {
    fn lose(&mut self, observer: u32, member: u32) {
        if let Some(view) = self.views.get_mut(observer as usize) {
            view.alive.set(member as usize, false);
            view.suspected.set(member as usize, false);
        }
    }

    /// Counts those who still hold `target` for alive though it has long been gone for them.
    fn count_missed(&mut self, truth: &Truth, here: impl Fn(u32) -> bool, target: u32, at: Instant) {
        for observer in (0..self.views.len() as u32).filter(|observer| here(*observer) && truth.is_up(*observer)) {
            let believed = self.views[observer as usize].alive.contains(target as usize);
            if let (true, Bond::Gone(since)) = (believed && observer != target, truth.bond(observer, target, at))
                && at.since(since.max(truth.changed(observer))) >= NOTICEABLE
            {
                self.missed_detections += 1;
            }
        }
    }
}

/// Looks, before an action changes the truth, for absences that end now and that nobody noticed.
pub fn before_action(world: &mut World, truth: &Truth, moment: &Moment) {
    let ends: Vec<u32> = match &moment.action {
        Action::Start { nodes, .. } => nodes.iter().copied().filter(|node| !truth.is_up(*node)).collect(),
        Action::Network(_) if truth.is_split() => (0..world.resource::<Observations>().views.len() as u32).collect(),
        _ => return,
    };
    missed(world, truth, &ends, moment.at);
}

/// Looks for absences that nobody noticed until the end of the run.
pub(super) fn missed_at_end(world: &mut World, at: Instant) {
    world.resource_scope(|world, truth: Mut<Truth>| {
        let all: Vec<u32> = (0..world.resource::<Observations>().views.len() as u32).collect();
        missed(world, &truth, &all, at);
    });
}

fn missed(world: &mut World, truth: &Truth, targets: &[u32], at: Instant) {
    let (plan, here) = (world.resource::<Planned>().0.clone(), world.resource::<Directory>().world);
    let mut seen = world.resource_mut::<Observations>();
    for target in targets {
        seen.count_missed(truth, |node| plan.owner[node as usize] == here, *target, at);
    }
}
