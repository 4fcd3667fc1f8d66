//! What is really so: who runs, who can reach whom, and since when. Every world of a run knows it, from the same timeline.

use bevy_ecs::prelude::*;
use fixedbitset::FixedBitSet;

use super::timeline::Action;
use crate::kernel::Instant;
use crate::link_model::Conditions;

/// The truth about all nodes of a run.
#[derive(Resource, Debug, Clone)]
pub struct Truth {
    up: FixedBitSet,
    nodes: Vec<NodeTruth>,
    /// Which part of the network a node was in, from each change on; empty where nobody needs to know.
    parts: Vec<(Instant, Vec<u32>)>,
}

/// The truth about one node.
#[derive(Debug, Clone, Copy)]
struct NodeTruth {
    /// When it last started or stopped.
    changed: Instant,
    /// The last time it stood still: from and to.
    paused: (Instant, Instant),
}

/// How a node stands to another, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bond {
    /// They could talk all the time since then.
    Reachable(Instant),
    /// The other is down, stopped or cut off since then.
    Gone(Instant),
}

impl Truth {
    /// Before anything started. `track_parts` costs a look at every pair of nodes whenever the network changes.
    pub fn new(nodes: u32, track_parts: bool) -> Self {
        let parts = if track_parts { vec![(Instant::ZERO, vec![0; nodes as usize])] } else { Vec::new() };
        let node = NodeTruth { changed: Instant::ZERO, paused: (Instant::ZERO, Instant::ZERO) };
        Self { up: FixedBitSet::with_capacity(nodes as usize), nodes: vec![node; nodes as usize], parts }
    }

    /// Notes an action. `conditions` is the network after it.
    pub fn apply(&mut self, at: Instant, action: &Action, conditions: &Conditions) {
        match action {
            Action::Start { nodes, .. } => self.set_up(nodes, true, at),
            Action::Crash(nodes) | Action::Leave(nodes) => self.set_up(nodes, false, at),
            Action::Pause(nodes, until) => nodes.iter().for_each(|node| {
                let paused = &mut self.nodes[*node as usize].paused;
                // Pauses that overlap are one.
                *paused = if at < paused.1 { (paused.0, paused.1.max(*until)) } else { (at, *until) };
            }),
            Action::Network(_) if !self.parts.is_empty() => {
                let parts = parts(self.nodes.len() as u32, conditions);
                if self.parts.last().is_none_or(|(_, last)| *last != parts) {
                    self.parts.push((at, parts));
                }
            }
            Action::Network(_) | Action::Drift(..) | Action::Act(_) | Action::Steal(_) => {}
        }
    }

    fn set_up(&mut self, nodes: &[u32], up: bool, at: Instant) {
        for node in nodes {
            if self.up.contains(*node as usize) != up {
                self.up.set(*node as usize, up);
                self.nodes[*node as usize].changed = at;
            }
        }
    }

    /// The nodes that run; a node that stands still counts as running.
    pub fn up(&self) -> &FixedBitSet {
        &self.up
    }

    /// Whether a node runs.
    pub fn is_up(&self, node: u32) -> bool {
        self.up.contains(node as usize)
    }

    /// When a node last started or stopped.
    pub fn changed(&self, node: u32) -> Instant {
        self.nodes[node as usize].changed
    }

    /// How `target` stands to `observer` at `at`.
    pub fn bond(&self, observer: u32, target: u32, at: Instant) -> Bond {
        let (o, t) = (&self.nodes[observer as usize], &self.nodes[target as usize]);
        // Of several causes the first is what the observer notices.
        let down = (!self.up.contains(target as usize)).then_some(t.changed);
        let still = (t.paused.0 <= at && at < t.paused.1).then_some(t.paused.0);
        let mut gone = down.into_iter().chain(still).min();
        let mut since = o.changed.max(t.changed).max(o.paused.1.min(at)).max(t.paused.1.min(at));
        let together = |(_, parts): &(Instant, Vec<u32>)| parts[observer as usize] == parts[target as usize];
        if let Some(last) = self.parts.last() {
            let now = together(last);
            let mut from = last.0;
            for earlier in self.parts.iter().rev().skip(1).take_while(|earlier| together(earlier) == now) {
                from = earlier.0;
            }
            if !now {
                // A target that went down behind the cut was gone when the cut came, if it had started before.
                let began = if down.is_some() { from } else { from.max(t.changed) };
                gone = gone.into_iter().chain([began.max(o.changed)]).min();
            }
            since = since.max(from);
        }
        gone.map_or(Bond::Reachable(since), Bond::Gone)
    }

    /// The running nodes that `observer` can reach now, itself included.
    pub fn reachable(&self, observer: u32) -> FixedBitSet {
        let mut reachable = self.up.clone();
        if let Some((_, parts)) = self.parts.last().filter(|(_, parts)| parts.iter().any(|part| *part != parts[0])) {
            for (node, part) in parts.iter().enumerate() {
                if *part != parts[observer as usize] {
                    reachable.set(node, false);
                }
            }
        }
        reachable
    }

    /// Whether the network is in several parts now.
    pub fn is_split(&self) -> bool {
        self.parts.last().is_some_and(|(_, parts)| parts.iter().any(|part| *part != parts[0]))
    }
}

/// The parts of the network: nodes are in the same if a path joins them over which frames pass both ways.
fn parts(nodes: u32, conditions: &Conditions) -> Vec<u32> {
    let mut part = vec![u32::MAX; nodes as usize];
    let mut outside: Vec<u32> = (0..nodes).collect();
    let mut open = Vec::new();
    for first in 0..nodes {
        if part[first as usize] != u32::MAX {
            continue;
        }
        part[first as usize] = first;
        open.push(first);
        outside.retain(|node| *node != first);
        while let Some(node) = open.pop() {
            outside.retain(|other| {
                let joined = conditions.passes(node, *other) && conditions.passes(*other, node);
                if joined {
                    part[*other as usize] = first;
                    open.push(*other);
                }
                !joined
            });
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link_model::NetworkFault;

    #[test]
    fn an_absence_begins_with_the_first_of_its_causes() {
        let at = Instant::from_nanos;
        let mut conditions = Conditions::new(2);
        let mut truth = Truth::new(2, true);
        truth.apply(at(0), &Action::Start { nodes: vec![0, 1], memory: false }, &conditions);
        let cut = NetworkFault::Partition(vec![vec![1]]);
        conditions.apply(&cut);
        truth.apply(at(20), &Action::Network(cut), &conditions);
        assert_eq!(truth.bond(0, 1, at(25)), Bond::Gone(at(20)));
        truth.apply(at(26), &Action::Pause(vec![1], at(40)), &conditions);
        truth.apply(at(28), &Action::Crash(vec![1]), &conditions);
        assert_eq!(truth.bond(0, 1, at(30)), Bond::Gone(at(20)));
        conditions.apply(&NetworkFault::Heal);
        truth.apply(at(32), &Action::Network(NetworkFault::Heal), &conditions);
        assert_eq!(truth.bond(0, 1, at(33)), Bond::Gone(at(26)), "of those that last");
        truth.apply(at(45), &Action::Start { nodes: vec![1], memory: false }, &conditions);
        assert_eq!(truth.bond(0, 1, at(46)), Bond::Reachable(at(45)));
    }
}
