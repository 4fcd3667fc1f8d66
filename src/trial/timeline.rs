//! The timeline: everything that starts, stops or breaks, with its instant, drawn before the run begins.
//!
//! It is the same in every world of a run, so each can know the truth about nodes that live in another.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::acts::{self, Deed};
use super::streams::{Purpose, stream};
use crate::kernel::Instant;
use crate::link_model::NetworkFault;
use crate::report::Shade;
use crate::scenario::{Churn, FaultKind, Lifetime, Scenario, Selection, SelectionError, Start};

/// What happens to nodes, by ordinal.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// They start, for the first time or again.
    Start {
        /// Which.
        nodes: Vec<u32>,
        /// With what they knew before.
        memory: bool,
    },
    /// They stop without a word.
    Crash(Vec<u32>),
    /// They leave gracefully.
    Leave(Vec<u32>),
    /// They stand still until an instant.
    Pause(Vec<u32>, Instant),
    /// Their clocks run wrong by so many parts per million.
    Drift(Vec<u32>, i32),
    /// The network changes.
    Network(NetworkFault),
    /// Somebody does something.
    Act(Deed),
    /// The secrets of these are stolen.
    Steal(Vec<u32>),
}

/// An action and its instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// What.
    pub action: Action,
}

/// The whole of a run's timeline.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// In order of time; of one instant in the order of the scenario.
    pub moments: Vec<Moment>,
    /// Periods in which something is wrong.
    pub shades: Vec<Shade>,
    /// When the last node starts for the first time.
    pub started_at: Instant,
    /// Times of heals, in seconds.
    pub heals: Vec<f64>,
    /// Times of all changes that faults and churn make, in seconds.
    pub fault_times: Vec<f64>,
}

impl Timeline {
    /// Draws the timeline of `scenario`.
    ///
    /// # Errors
    /// A selection that names nothing.
    pub fn new(scenario: &Scenario, seed: u64) -> Result<Self, SelectionError> {
        let mut timeline = Self::default();
        timeline.start_nodes(scenario);
        timeline.strike(scenario, seed)?;
        if let Some(churn) = &scenario.churn {
            timeline.churn(churn, scenario, seed)?;
        }
        timeline.moments.extend(acts::moments(scenario, seed)?);
        timeline.moments.sort_by_key(|moment| moment.at);
        timeline.fault_times.sort_by(f64::total_cmp);
        // A period is known when it ends; pictures name them from left to right.
        timeline.shades.sort_by(|a, b| a.from.total_cmp(&b.from).then(b.to.total_cmp(&a.to)));
        Ok(timeline)
    }

    fn start_nodes(&mut self, scenario: &Scenario) {
        let all = 0..scenario.nodes;
        match scenario.start {
            Start::Together { .. } => self.add(Instant::ZERO, Action::Start { nodes: all.collect(), memory: false }),
            Start::Join { per_second, seeds } => {
                let (first, later) = (0..seeds.min(scenario.nodes), seeds.min(scenario.nodes)..scenario.nodes);
                self.add(Instant::ZERO, Action::Start { nodes: first.collect(), memory: false });
                for (rank, node) in later.enumerate() {
                    self.started_at = Instant::ZERO + Duration::from_secs_f64((rank + 1) as f64 / per_second);
                    self.add(self.started_at, Action::Start { nodes: vec![node], memory: false });
                }
            }
        }
    }

    fn strike(&mut self, scenario: &Scenario, seed: u64) -> Result<(), SelectionError> {
        let pick = |selection: &Selection| selection.resolve(scenario.nodes, &scenario.groups, seed);
        let end = scenario.duration.as_secs_f64();
        let mut broken_since: Option<(f64, &str)> = None;
        let (mut bursts, mut slow) = (Vec::new(), Vec::new());
        let mut faults: Vec<_> = scenario.faults.iter().collect();
        faults.sort_by_key(|fault| fault.at);
        for fault in faults {
            let at = Instant::ZERO + fault.at;
            let seconds = at.as_secs_f64();
            self.fault_times.push(seconds);
            let mut shade = |to: f64, label: &str| self.shades.push(Shade { from: seconds, to: to.min(end), label: label.to_owned() });
            match &fault.kind {
                FaultKind::Partition(sides) => {
                    broken_since.get_or_insert((seconds, "partition"));
                    let sides = sides.iter().map(pick).collect::<Result<_, _>>()?;
                    self.add(at, Action::Network(NetworkFault::Partition(sides)));
                }
                FaultKind::OneWay(from, to) => {
                    broken_since.get_or_insert((seconds, "one way"));
                    self.add(at, Action::Network(NetworkFault::OneWay(pick(from)?, pick(to)?)));
                }
                FaultKind::Cut(a, b) => {
                    broken_since.get_or_insert((seconds, "cut"));
                    self.add(at, Action::Network(NetworkFault::Cut(pick(a)?, pick(b)?)));
                }
                FaultKind::Heal => {
                    if let Some((from, label)) = broken_since.take() {
                        self.shades.push(Shade { from, to: seconds, label: label.into() });
                    }
                    self.heals.push(seconds);
                    self.add(at, Action::Network(NetworkFault::Heal));
                }
                FaultKind::Crash(nodes) => {
                    shade(seconds, "crash");
                    self.add(at, Action::Crash(pick(nodes)?));
                }
                FaultKind::Restart { nodes, memory } => {
                    shade(seconds, "restart");
                    self.add(at, Action::Start { nodes: pick(nodes)?, memory: *memory });
                }
                FaultKind::Leave(nodes) => {
                    shade(seconds, "leave");
                    self.add(at, Action::Leave(pick(nodes)?));
                }
                FaultKind::Pause { nodes, period } => {
                    shade(seconds + period.as_secs_f64(), "pause");
                    self.fault_times.push(seconds + period.as_secs_f64());
                    self.add(at, Action::Pause(pick(nodes)?, at + *period));
                }
                FaultKind::LossBurst { nodes, loss, period } => {
                    shade(seconds + period.as_secs_f64(), "loss burst");
                    self.fault_times.push(seconds + period.as_secs_f64());
                    let nodes = pick(nodes)?;
                    self.add(at, Action::Network(NetworkFault::LossBurst { nodes: nodes.clone(), loss: Some(loss.clone()) }));
                    bursts.push(Spell { from: at, to: at + *period, nodes, what: loss.clone() });
                }
                FaultKind::ClockDrift { nodes, ppm } => {
                    shade(end, "clock drift");
                    self.add(at, Action::Drift(pick(nodes)?, *ppm));
                }
                FaultKind::Slow { nodes, service_time, period } => {
                    shade(period.map_or(end, |period| seconds + period.as_secs_f64()), "slow");
                    let nodes = pick(nodes)?;
                    let fault = NetworkFault::Slow { nodes: nodes.clone(), service_time: Some(*service_time) };
                    self.add(at, Action::Network(fault));
                    self.fault_times.extend(period.map(|period| seconds + period.as_secs_f64()));
                    let to = period.map_or(Instant::NEVER, |period| at + period);
                    slow.push(Spell { from: at, to, nodes, what: *service_time });
                }
            }
        }
        if let Some((from, label)) = broken_since {
            self.shades.push(Shade { from, to: end, label: label.into() });
        }
        for (at, nodes, loss) in ends(&bursts) {
            self.add(at, Action::Network(NetworkFault::LossBurst { nodes, loss }));
        }
        for (at, nodes, service_time) in ends(&slow) {
            self.add(at, Action::Network(NetworkFault::Slow { nodes, service_time }));
        }
        Ok(())
    }

    fn churn(&mut self, churn: &Churn, scenario: &Scenario, seed: u64) -> Result<(), SelectionError> {
        let until = churn.until.unwrap_or(scenario.duration).min(scenario.duration);
        for node in churn.nodes.resolve(scenario.nodes, &scenario.groups, seed)? {
            let mut rng = stream(seed, Purpose::Churn, node, 0);
            let mut at = churn.from + draw(&churn.session, &mut rng);
            while at < until {
                let nodes = vec![node];
                let away = if churn.graceful { Action::Leave(nodes.clone()) } else { Action::Crash(nodes.clone()) };
                self.add(Instant::ZERO + at, away);
                let back = (at + draw(&churn.downtime, &mut rng)).min(until);
                self.add(Instant::ZERO + back, Action::Start { nodes, memory: churn.memory });
                self.fault_times.extend([at.as_secs_f64(), back.as_secs_f64()]);
                at = back + draw(&churn.session, &mut rng);
            }
        }
        self.shades.push(Shade { from: churn.from.as_secs_f64(), to: until.as_secs_f64(), label: "churn".into() });
        Ok(())
    }

    fn add(&mut self, at: Instant, action: Action) {
        self.moments.push(Moment { at, action });
    }
}

/// Something that holds for some nodes for a while.
struct Spell<T> {
    from: Instant,
    to: Instant,
    nodes: Vec<u32>,
    what: T,
}

/// What holds for whom from the end of each spell on: the latest of those that go on, or nothing.
fn ends<T: Clone>(spells: &[Spell<T>]) -> Vec<(Instant, Vec<u32>, Option<T>)> {
    let mut ends: BTreeMap<(Instant, Option<usize>), Vec<u32>> = BTreeMap::new();
    for Spell { to, nodes, .. } in spells.iter().filter(|spell| spell.to != Instant::NEVER) {
        for node in nodes {
            let goes_on = |spell: &Spell<T>| spell.from <= *to && *to < spell.to && spell.nodes.binary_search(node).is_ok();
            ends.entry((*to, spells.iter().rposition(goes_on))).or_default().push(*node);
        }
    }
    ends.into_iter().map(|((at, next), nodes)| (at, nodes, next.map(|next| spells[next].what.clone()))).collect()
}

/// Draws from the exponential distribution with mean 1.
fn exponential(rng: &mut ChaCha8Rng) -> f64 {
    -libm::log(1.0 - rng.random::<f64>())
}

/// Draws a lifetime, of at least a millisecond so that a run has an end.
fn draw(lifetime: &Lifetime, rng: &mut ChaCha8Rng) -> Duration {
    let seconds = match *lifetime {
        Lifetime::Constant(time) => time.as_secs_f64() * rng.random_range(0.999..1.001),
        // By inversion, and with the same logarithm on every machine.
        Lifetime::Exponential(mean) => mean.as_secs_f64() * exponential(rng),
        Lifetime::Weibull(scale, shape) => scale.as_secs_f64() * libm::pow(exponential(rng), 1.0 / shape),
    };
    Duration::from_secs_f64(seconds.clamp(1e-3, 1e9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_spells_overlap_the_end_of_one_is_not_the_end_of_the_other() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let spell = |from, to, nodes: &[u32], what| Spell { from: at(from), to: at(to), nodes: nodes.to_vec(), what };
        let spells = [spell(20, 40, &[1, 2], "long"), spell(22, 27, &[1, 3], "short"), spell(27, 30, &[3], "next")];
        assert_eq!(
            ends(&spells),
            [(at(27), vec![1], Some("long")), (at(27), vec![3], Some("next")), (at(30), vec![3], None), (at(40), vec![1, 2], None),]
        );
    }
}
