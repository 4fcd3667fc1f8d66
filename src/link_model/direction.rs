//! One direction of one link.

use std::time::Duration;

use super::conditions::Weather;
use super::params::LinkParams;
use super::random::SplitMix;
use crate::kernel::{Instant, Service};
use crate::scenario::Loss;

/// Most frames that may wait on a stream whose way is blocked; with one more the link breaks.
pub const STALL_FRAMES: usize = 8192;
/// Most bytes that may wait so, or for the rate of a stream beyond its queue.
pub const STALL_BYTES: u64 = 16 << 20;
/// A stream that makes no progress for so long breaks.
pub const STALL_LIMIT: Duration = Duration::from_secs(60);

/// Time from the `attempt`-th failed attempt (from 0) in a row to the next: 200 ms, the minimum that Linux uses for the
/// retransmission time-out of RFC 6298, doubled each time up to that document's 60 s (sections 2.5 and 5.5).
pub fn retransmission_timeout(attempt: u32) -> Duration {
    let doubled = Duration::from_millis(200 << attempt.min(20));
    doubled.min(Duration::from_secs(60))
}

/// The state of one direction: 40 bytes.
#[derive(Clone, Debug)]
pub struct Direction {
    stream: SplitMix,
    /// Until when the frames already sent occupy the rate.
    busy_until: Instant,
    /// When the last frame arrives that has been sent in order.
    last: Instant,
    link: u32,
    /// Gilbert-Elliott states, one bit each, set when bad: of the link, of a burst at its start, of a burst at its end.
    bad: u8,
}

/// What names a direction's random stream: nothing else has a part in what it draws.
#[derive(Clone, Copy, Debug)]
pub struct DirectionName {
    /// Seed of the run.
    pub seed: u64,
    /// Sender.
    pub from: u32,
    /// Receiver.
    pub to: u32,
    /// What the direction belongs to: the dialler's half of a link, the acceptor's, a hello …
    pub kind: u8,
    /// Which of this kind: the number of the dial, of the hello …
    pub number: u64,
}

/// What becomes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It arrives then.
    Once(Instant),
    /// It arrives twice.
    Twice(Instant, Instant),
    /// It does not arrive.
    Lost(Lost),
    /// It does not arrive now: on a stream it must be sent again.
    Stalled(Lost),
    /// On a stream: more waits to be sent than may. The link breaks.
    Overflow,
}

/// Why a frame was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// The link loses frames, or a burst does.
    Chance,
    /// Too many bytes wait for the rate.
    QueueFull,
    /// A partition or cut is in its way.
    Blocked,
}

impl Direction {
    /// A direction with the parameters numbered `link` (see [`LinkModel::link`](super::LinkModel::link)).
    pub fn new(name: DirectionName, link: u32) -> Self {
        let DirectionName { seed, from, to, kind, number } = name;
        let stream = SplitMix::named(&[seed, u64::from(from) << 32 | u64::from(to), u64::from(kind), number]);
        Self { stream, busy_until: Instant::ZERO, last: Instant::ZERO, link, bad: UNDRAWN }
    }

    /// The number of its parameters.
    #[inline]
    pub fn link(&self) -> u32 {
        self.link
    }

    /// Sends a frame of `bytes` at `now`; `params` are those numbered [`link`](Self::link).
    #[inline]
    pub fn transmit(&mut self, params: &LinkParams, service: Service, weather: Weather, now: Instant, bytes: usize) -> Verdict {
        match (weather, params.plain) {
            (Weather::Clear, Some(latency)) => Verdict::Once(now.plus_nanos(latency)),
            (Weather::Blocked, _) => lost(service, Lost::Blocked),
            _ => self.transmit_modelled(params, service, weather, now, bytes),
        }
    }

    #[inline]
    fn transmit_modelled(&mut self, params: &LinkParams, service: Service, weather: Weather, now: Instant, bytes: usize) -> Verdict {
        let mut departure = now;
        if let Some((rate, queue)) = params.rate {
            let takes = |bytes: u64| Duration::from_nanos(nanos(bytes, rate));
            let waiting = self.busy_until.since(now);
            // What waits on a stream waits with its sender; only so much of it fits there.
            let room = if service == Service::Stream { queue.saturating_add(STALL_BYTES) } else { queue };
            if waiting > takes(room) {
                return if service == Service::Stream { Verdict::Overflow } else { Verdict::Lost(Lost::QueueFull) };
            }
            departure = self.busy_until.max(now) + takes(bytes as u64);
            self.busy_until = departure;
        }
        let mut is_lost = self.loses(&params.loss, 0);
        if let Weather::Lossy(bursts) = weather {
            for (burst, state) in bursts.into_iter().zip(1..) {
                is_lost |= burst.is_some_and(|loss| self.loses(loss, state));
            }
        }
        if is_lost {
            return lost(service, Lost::Chance);
        }
        let arrival = departure.plus_nanos(params.draw_latency(&mut self.stream));
        if !self.stream.chance(params.duplicate) {
            return Verdict::Once(arrival);
        }
        let Some((rate, _)) = params.rate else {
            let again = departure.plus_nanos(params.draw_latency(&mut self.stream));
            return if service == Service::Stream { Verdict::Once(arrival) } else { Verdict::Twice(arrival, again) };
        };
        self.busy_until = self.busy_until.plus_nanos(nanos(bytes as u64, rate));
        let again = self.busy_until.plus_nanos(params.draw_latency(&mut self.stream));
        if service == Service::Stream { Verdict::Once(arrival) } else { Verdict::Twice(arrival, again) }
    }

    /// When a frame that arrives at `arrival` is handed over: not before those that were sent before it.
    #[inline]
    pub fn in_order(&mut self, arrival: Instant) -> Instant {
        self.last = self.last.max(arrival);
        self.last
    }

    /// Whether the next frame is lost; `state` is the bit of its chain.
    #[inline]
    fn loses(&mut self, loss: &Loss, state: u8) -> bool {
        match *loss {
            Loss::None => false,
            Loss::Independent(probability) => self.stream.chance(probability),
            Loss::GilbertElliott { to_bad, to_good, loss_good, loss_bad } => {
                let bit = 1 << state;
                if self.bad & (bit << 3) != 0 {
                    // The first frame finds the chain in its stationary distribution: short links lose as much as long ones.
                    let always = to_bad + to_good;
                    let is_bad = always > 0.0 && self.stream.chance(to_bad / always);
                    self.bad = self.bad & !(bit << 3) & !bit | if is_bad { bit } else { 0 };
                } else {
                    let leaves = if self.bad & bit != 0 { to_good } else { to_bad };
                    if self.stream.chance(leaves) {
                        self.bad ^= bit;
                    }
                }
                self.stream.chance(if self.bad & bit != 0 { loss_bad } else { loss_good })
            }
        }
    }
}

/// How long so many bytes take at so many a second.
#[inline]
fn nanos(bytes: u64, rate: u64) -> u64 {
    u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(rate)).unwrap_or(u64::MAX)
}

/// The chains whose first state has not been drawn: bit 3 for that of the link, and so on.
const UNDRAWN: u8 = 0b11_1000;

fn lost(service: Service, why: Lost) -> Verdict {
    match service {
        Service::Stream => Verdict::Stalled(why),
        Service::Datagram => Verdict::Lost(why),
    }
}

#[cfg(test)]
mod tests;
