//! A mesh node is an entity; this is what every protocol may know of it.

use std::time::Duration;

use bevy_ecs::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::time::Instant;
use crate::crypto::{ErasingRng, Identity};
use crate::wire::{Address, NodeId};

/// The node as the runner sees it. Present on every node entity.
#[derive(Component, Clone, Copy, Debug)]
#[require(NodeClock, Incarnation, NetworkTag)]
pub struct Node {
    /// Rank of the node among all nodes of the run, the same in whichever world it lives. It stands for the node in traces.
    pub ordinal: u32,
    /// Grows with each restart; timers of an older epoch never fire.
    pub epoch: u32,
    /// Whether it runs.
    pub state: NodeState,
}

/// Whether a node runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeState {
    /// It runs.
    Running,
    /// It stands still, as after SIGSTOP, until an instant: its timers and frames wait until then, and find it running.
    Paused {
        /// When it runs again.
        until: Instant,
    },
    /// It crashed or left; what remains of it is what a restart with memory starts from.
    Down,
}

impl Node {
    /// Whether it is not down. A node that stands still is up.
    pub fn is_up(&self) -> bool {
        self.state != NodeState::Down
    }

    /// Until when what reaches the node at `at` must wait, if it stands still then.
    pub fn held_until(&self, at: Instant) -> Option<Instant> {
        match self.state {
            NodeState::Paused { until } if at < until => Some(until),
            _ => None,
        }
    }
}

/// What a node does at intervals it does at moments so far apart, its own: to wake up costs more than most of what is done then.
const BEAT: Duration = Duration::from_millis(500);

/// The node's own clock, which may run too fast or too slow.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct NodeClock {
    /// Deviation from true time in parts per million; positive runs fast. Above -1,000,000.
    pub drift_ppm: i32,
    /// Where in each [`BEAT`] the node's moments are.
    beat: Duration,
}

impl NodeClock {
    /// The true instant at which this clock, read at `from`, has advanced by `duration`.
    pub fn after(&self, from: Instant, duration: Duration) -> Instant {
        from + if self.drift_ppm == 0 { duration } else { duration.div_f64(self.rate()) }
    }

    /// When what is done each `interval` from `from` on is done first: after about this `part` of it, and with what else the node
    /// does at intervals. It stays with that if the interval is a multiple of 500 ms; a shorter one has moments of its own.
    pub fn first(&self, from: Instant, interval: Duration, part: f64) -> Instant {
        let wait = interval.mul_f64(part);
        if interval < BEAT {
            return self.after(from, wait);
        }
        let (beat, into) = (BEAT.as_nanos(), self.elapsed(Instant::ZERO, from).as_nanos());
        let next = (beat + self.beat.as_nanos() - into % beat) % beat;
        self.after(from, Duration::from_nanos((next + wait.as_nanos() / beat * beat) as u64))
    }

    /// What this clock measures between two true instants; zero if `to` is earlier.
    pub fn elapsed(&self, from: Instant, to: Instant) -> Duration {
        let elapsed = to.since(from);
        if self.drift_ppm == 0 { elapsed } else { elapsed.mul_f64(self.rate()) }
    }

    fn rate(&self) -> f64 {
        1.0 + f64::from(self.drift_ppm.max(-999_999)) / 1e6
    }
}

/// Who a node is and where it is reached; on a node entity, its own.
#[derive(Component, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contact {
    /// Its public key.
    pub id: NodeId,
    /// The address it tells others.
    pub address: Address,
}

/// Which of its lives the node lives: grows with each start, so that what is left of an earlier life is known as such.
#[derive(Component, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Incarnation(pub u64);

/// Which network a node belongs to, as it says in its hellos and signs with everything it says: whoever says another is left alone.
#[derive(Component, Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetworkTag(pub [u8; 8]);

impl Default for NetworkTag {
    fn default() -> Self {
        Self(*b"murmur 1")
    }
}

/// The node's identity: it signs with it.
#[derive(Component)]
pub struct Keys(pub Identity);

/// The node's own random stream. Every decision of a protocol draws from here and from nowhere else.
#[derive(Component)]
pub struct NodeRng(pub ChaCha8Rng);

/// The random stream that keys and handshakes draw from, apart from [`NodeRng`] so that real and modelled cryptography
/// leave the protocols the same draws. It cannot be run backwards: who steals it opens nothing of what was sealed before.
#[derive(Component)]
pub struct KeyRng(pub ErasingRng);

/// A node starts, or starts again: protocols set their first timers.
#[derive(Message, Clone, Copy, Debug)]
pub struct NodeStarted {
    /// The node.
    pub node: Entity,
    /// When.
    pub at: Instant,
    /// It crashed before and kept its components; false for a node that begins with nothing.
    pub with_memory: bool,
}

impl NodeStarted {
    /// The incarnation that begins with this start: milliseconds since the beginning of time, plus one. Where time is the wall
    /// clock's it grows over restarts of the process too.
    pub fn incarnation(&self) -> Incarnation {
        Incarnation(self.at.as_nanos() / 1_000_000 + 1)
    }
}

/// A node shall leave gracefully: the leave protocol says goodbye.
#[derive(Message, Clone, Copy, Debug)]
pub struct Shutdown {
    /// The node.
    pub node: Entity,
    /// When.
    pub at: Instant,
}

/// The node is about to be gone: it dials nobody any more. On the node entity.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct Departing;

/// Gives a node that starts its incarnation, later than any it had, and its moments.
pub(super) fn incarnate(mut started: MessageReader<NodeStarted>, mut nodes: Query<(&mut Incarnation, &mut NodeClock, &mut NodeRng)>) {
    for start in started.read() {
        if let Ok((mut incarnation, mut clock, mut rng)) = nodes.get_mut(start.node) {
            incarnation.0 = start.incarnation().0.max(incarnation.0 + 1);
            clock.beat = BEAT.mul_f64(rng.0.random_range(0.0..1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_at_intervals_is_done_at_the_nodes_moments() {
        let clock = NodeClock { drift_ppm: 0, beat: Duration::from_millis(120) };
        let from = Instant::from_nanos(7_300_000_000);
        for (seconds, part, expected) in [(1, 0.0, 7_620), (1, 0.4, 7_620), (1, 0.6, 8_120), (5, 0.99, 12_120)] {
            assert_eq!(clock.first(from, Duration::from_secs(seconds), part), Instant::from_nanos(expected * 1_000_000));
        }
    }

    #[test]
    fn what_is_done_more_often_has_moments_of_its_own() {
        let clock = NodeClock { drift_ppm: 0, beat: Duration::from_millis(120) };
        assert_eq!(clock.first(Instant::ZERO, Duration::from_millis(100), 0.5), Instant::from_nanos(50_000_000));
    }
}
