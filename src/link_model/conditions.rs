//! What faults do to the network at present.

use std::fmt;
use std::time::Duration;

use fixedbitset::FixedBitSet;

use crate::scenario::Loss;

/// The state of the network as faults have made it. While nothing is wrong, asking it costs one branch.
///
/// Worlds that share a run hold one each and apply the same faults in the same ticks.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    nodes: usize,
    /// Side of each node; empty without a partition.
    side: Vec<u16>,
    /// Frames from the first set to the second do not pass.
    blocked: Vec<(FixedBitSet, FixedBitSet)>,
    /// Number of each node's burst in `bursts`, counted from 1, 0 for none; empty if there is none at all.
    burst_of: Vec<u16>,
    bursts: Vec<Loss>,
    /// Nanoseconds that each node needs for a frame; empty if none is slow.
    service: Vec<u64>,
}

/// A change of the network, for nodes by ordinal.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkFault {
    /// Frames pass only within these sets; nodes in none form one more. Replaces an earlier partition.
    Partition(Vec<Vec<u32>>),
    /// Frames from the first set to the second do not pass. Adds to what is there.
    OneWay(Vec<u32>, Vec<u32>),
    /// Frames between the two sets do not pass. Adds to what is there.
    Cut(Vec<u32>, Vec<u32>),
    /// All of the above ends.
    Heal,
    /// Frames from or to these nodes are lost, on top of what links lose; `None` ends it.
    LossBurst {
        /// Which nodes.
        nodes: Vec<u32>,
        /// How many frames.
        loss: Option<Loss>,
    },
    /// These nodes need so long for each frame they receive; `None` ends it.
    Slow {
        /// Which nodes.
        nodes: Vec<u32>,
        /// Time for one frame.
        service_time: Option<Duration>,
    },
}

/// For people, in a list of events.
impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(sides) => {
                f.write_str("partition:")?;
                sides.iter().try_for_each(|side| write!(f, " {} nodes |", side.len()))?;
                f.write_str(" the rest")
            }
            Self::OneWay(from, to) => write!(f, "one-way partition: {} nodes no longer reach {}", from.len(), to.len()),
            Self::Cut(a, b) => write!(f, "cut between {} and {} nodes", a.len(), b.len()),
            Self::Heal => f.write_str("heal"),
            Self::LossBurst { nodes, loss } => {
                write!(f, "loss burst {} for {} nodes", if loss.is_some() { "begins" } else { "ends" }, nodes.len())
            }
            Self::Slow { nodes, service_time: Some(time) } => write!(f, "{} nodes need {time:?} for a frame", nodes.len()),
            Self::Slow { nodes, service_time: None } => write!(f, "{} nodes are no longer slow", nodes.len()),
        }
    }
}

/// What faults do to a frame on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weather<'a> {
    /// Nothing.
    Clear,
    /// It does not pass.
    Blocked,
    /// It may be lost where it starts, and where it ends.
    Lossy([Option<&'a Loss>; 2]),
}

impl Conditions {
    /// A network of `nodes` nodes in which nothing is wrong.
    pub fn new(nodes: u32) -> Self {
        Self { nodes: nodes as usize, ..Self::default() }
    }

    /// Changes the network. Ordinals beyond the last node are passed over.
    pub fn apply(&mut self, fault: &NetworkFault) {
        match fault {
            NetworkFault::Partition(sets) => {
                self.side = vec![0; self.nodes];
                for (set, side) in sets.iter().zip(1..) {
                    self.mark(set, side, |conditions| &mut conditions.side);
                }
            }
            NetworkFault::OneWay(from, to) => self.block(from, to),
            NetworkFault::Cut(one, other) => {
                self.block(one, other);
                self.block(other, one);
            }
            NetworkFault::Heal => {
                self.side = Vec::new();
                self.blocked.clear();
            }
            NetworkFault::LossBurst { nodes, loss } => {
                self.burst_of.resize(self.nodes, 0);
                let burst = loss.as_ref().map_or(0, |loss| {
                    let known = self.bursts.iter().position(|burst| burst == loss);
                    known.unwrap_or_else(|| {
                        self.bursts.push(loss.clone());
                        self.bursts.len() - 1
                    }) + 1
                });
                self.mark(nodes, burst as u16, |conditions| &mut conditions.burst_of);
                if self.burst_of.iter().all(|burst| *burst == 0) {
                    self.burst_of = Vec::new();
                    self.bursts.clear();
                }
            }
            NetworkFault::Slow { nodes, service_time } => {
                self.service.resize(self.nodes, 0);
                let nanos = service_time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
                self.mark(nodes, nanos, |conditions| &mut conditions.service);
                if self.service.iter().all(|nanos| *nanos == 0) {
                    self.service = Vec::new();
                }
            }
        }
    }

    fn mark<T: Copy>(&mut self, nodes: &[u32], value: T, table: impl Fn(&mut Self) -> &mut Vec<T>) {
        let table = table(self);
        for node in nodes {
            if let Some(entry) = table.get_mut(*node as usize) {
                *entry = value;
            }
        }
    }

    fn block(&mut self, from: &[u32], to: &[u32]) {
        let set = |nodes: &[u32]| {
            let mut set = FixedBitSet::with_capacity(self.nodes);
            nodes.iter().filter(|node| (**node as usize) < self.nodes).for_each(|node| set.insert(*node as usize));
            set
        };
        let pair = (set(from), set(to));
        self.blocked.push(pair);
    }

    /// Whether frames pass from one node to another.
    #[inline]
    pub fn passes(&self, from: u32, to: u32) -> bool {
        (self.side.is_empty() && self.blocked.is_empty()) || self.passes_now(from as usize, to as usize)
    }

    fn passes_now(&self, from: usize, to: usize) -> bool {
        self.side.get(from) == self.side.get(to) && !self.blocked.iter().any(|(a, b)| a.contains(from) && b.contains(to))
    }

    /// What becomes of frames from one node to another.
    #[inline]
    pub fn between(&self, from: u32, to: u32) -> Weather<'_> {
        if !self.passes(from, to) {
            return Weather::Blocked;
        }
        if self.burst_of.is_empty() {
            return Weather::Clear;
        }
        match [from, to].map(|node| self.burst(node)) {
            [None, None] => Weather::Clear,
            bursts => Weather::Lossy(bursts),
        }
    }

    fn burst(&self, node: u32) -> Option<&Loss> {
        let burst = *self.burst_of.get(node as usize)?;
        self.bursts.get(usize::from(burst).checked_sub(1)?)
    }

    /// How long `node` needs for a frame it receives.
    #[inline]
    pub fn service_time(&self, node: u32) -> Duration {
        if self.service.is_empty() {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.service.get(node as usize).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_in_no_set_of_a_partition_are_together() {
        let mut network = Conditions::new(6);
        network.apply(&NetworkFault::Partition(vec![vec![0, 1], vec![2, 3]]));
        let passing: Vec<_> = (0..6).flat_map(|a| (0..6).map(move |b| (a, b))).filter(|(a, b)| network.passes(*a, *b)).collect();
        assert!(passing.iter().all(|(a, b)| a / 2 == b / 2) && passing.len() == 12);
        network.apply(&NetworkFault::Partition(vec![vec![5]]));
        assert!(network.passes(0, 4) && !network.passes(5, 4), "a partition replaces the one before");
        network.apply(&NetworkFault::Heal);
        assert!(network.passes(5, 4));
    }

    #[test]
    fn cuts_add_up_and_one_way_is_one_way() {
        let mut network = Conditions::new(4);
        network.apply(&NetworkFault::OneWay(vec![0], vec![1]));
        network.apply(&NetworkFault::Cut(vec![2], vec![0, 3, 99]));
        let blocked: Vec<_> = (0..4).flat_map(|a| (0..4).map(move |b| (a, b))).filter(|(a, b)| !network.passes(*a, *b)).collect();
        assert_eq!(blocked, [(0, 1), (0, 2), (2, 0), (2, 3), (3, 2)]);
        assert_eq!(network.between(0, 1), Weather::Blocked);
    }

    #[test]
    fn bursts_and_slowness_end_where_they_are_ended() {
        let mut network = Conditions::new(4);
        let loss = Loss::Independent(0.5);
        network.apply(&NetworkFault::LossBurst { nodes: vec![1, 2], loss: Some(loss.clone()) });
        assert_eq!(network.between(1, 3), Weather::Lossy([Some(&loss), None]));
        network.apply(&NetworkFault::LossBurst { nodes: vec![1], loss: None });
        assert_eq!(network.between(1, 3), Weather::Clear);
        assert_eq!(network.between(3, 2), Weather::Lossy([None, Some(&loss)]));
        network.apply(&NetworkFault::LossBurst { nodes: vec![2], loss: None });
        assert_eq!(network.between(3, 2), Weather::Clear);

        network.apply(&NetworkFault::Slow { nodes: vec![3], service_time: Some(Duration::from_millis(4)) });
        assert_eq!(network.service_time(3), Duration::from_millis(4));
        network.apply(&NetworkFault::Slow { nodes: vec![3], service_time: None });
        assert_eq!((network.service_time(3), network.service.len()), (Duration::ZERO, 0));
    }
}
