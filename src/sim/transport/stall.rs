//! What waits on a stream: frames at the sender that must be sent again, and frames in flight that a partition overtook.

use std::collections::VecDeque;
use std::time::Duration;

use super::endpoint::State;
use super::fabric::Fabric;
use super::flight::{Alarm, EndId, Head, Parcel};
use crate::kernel::Instant;
use crate::link_model::{STALL_BYTES, STALL_FRAMES, STALL_LIMIT, Verdict, retransmission_timeout};
use crate::wire::CloseReason;

/// Frames that have been sent but not handed over, because the first of them was lost. The time-out is the link's, as in TCP.
#[derive(Debug)]
pub(super) struct Stall {
    queue: VecDeque<Waiting>,
    bytes: u64,
    /// When there was progress last.
    since: Instant,
    /// Failed attempts in a row.
    attempts: u32,
    retry_at: Instant,
}

#[derive(Debug)]
struct Waiting {
    parcel: Parcel,
    /// When it arrives, and waits for those before it; `None` if it must be sent again.
    arrival: Option<Instant>,
}

/// What is in flight to an end of a stream is held back while a partition is in its way, and tried again as the sender would.
#[derive(Debug)]
pub(super) struct Hold {
    since: Instant,
    attempts: u32,
    /// The beginning of a tick, so that nothing of that tick can come before what waits for it.
    until: Instant,
}

/// Whether a packet that is due is handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gate {
    /// Now.
    Pass,
    /// Not before then.
    Later(Instant),
    /// Never.
    Drop,
}

impl Fabric {
    /// Puts `parcel`, sent at `now`, behind what waits at `slot`; `arrival` if it got through.
    pub(super) fn stall(&mut self, slot: u32, parcel: Parcel, now: Instant, arrival: Option<Instant>) {
        let endpoint = self.endpoints.at(slot);
        let node = endpoint.node;
        let retry_at = now + retransmission_timeout(0);
        let new = endpoint.stall.is_none();
        let stall =
            endpoint.stall.get_or_insert_with(|| Box::new(Stall { queue: VecDeque::new(), bytes: 0, since: now, attempts: 0, retry_at }));
        stall.bytes += parcel.len() as u64;
        stall.queue.push_back(Waiting { parcel, arrival });
        if stall.queue.len() > STALL_FRAMES || stall.bytes > STALL_BYTES {
            self.break_link(slot, CloseReason::Overflow, now);
        } else if new {
            self.set_alarm(node, self.endpoints.id(slot), Alarm::Retransmit, retry_at);
        }
    }

    /// Sends again what was lost, hands over what has no lost frame before it.
    pub(super) fn retransmit(&mut self, end: EndId, now: Instant) {
        let Some(endpoint) = self.endpoints.get(end) else { return };
        let Some(mut stall) = endpoint.stall.take_if(|stall| stall.retry_at <= now) else { return };
        let (node, peer, peer_end) = (endpoint.node, endpoint.peer, endpoint.peer_end);
        let params = self.model.params(endpoint.direction.link());
        let weather = self.conditions.between(node, peer);
        for waiting in stall.queue.iter_mut().filter(|waiting| waiting.arrival.is_none()) {
            self.counts.retransmitted += 1;
            match endpoint.direction.transmit(params, self.service, weather, now, waiting.parcel.len()) {
                Verdict::Once(arrival) | Verdict::Twice(arrival, _) => waiting.arrival = Some(arrival),
                Verdict::Stalled(_) | Verdict::Lost(_) => {}
                Verdict::Overflow => return self.break_link(end.slot, CloseReason::Overflow, now),
            }
        }
        let mut progress = false;
        while let Some(Waiting { arrival: Some(arrival), .. }) = stall.queue.front() {
            let at = self.endpoints.at(end.slot).direction.in_order(*arrival);
            let Some(Waiting { parcel, .. }) = stall.queue.pop_front() else { break };
            stall.bytes -= parcel.len() as u64;
            self.launch(node, peer, peer_end, parcel, at);
            progress = true;
        }
        if stall.queue.is_empty() {
            return;
        }
        if progress {
            stall.since = now;
            stall.attempts = 0;
        } else {
            stall.attempts += 1;
        }
        if now.since(stall.since) >= STALL_LIMIT {
            return self.break_link(end.slot, CloseReason::Unreachable, now);
        }
        stall.retry_at = (now + retransmission_timeout(stall.attempts)).min(stall.since + STALL_LIMIT);
        self.set_alarm(node, end, Alarm::Retransmit, stall.retry_at);
        self.endpoints.at(end.slot).stall = Some(stall);
    }

    /// Until when a packet to an end of a stream is held back, because its way is `blocked` or that of one before it was.
    #[inline]
    pub(super) fn hold_back(&mut self, head: &Head, blocked: bool) -> Gate {
        match self.endpoints.get(head.end) {
            None if blocked => Gate::Drop,
            Some(endpoint) if blocked || endpoint.hold.is_some() => self.hold_back_now(head, blocked),
            _ => Gate::Pass,
        }
    }

    fn hold_back_now(&mut self, head: &Head, blocked: bool) -> Gate {
        let quantum = self.quantum.as_nanos() as u64;
        let Some(endpoint) = self.endpoints.get(head.end) else { return Gate::Drop };
        let at = head.at;
        if endpoint.state == State::Broken {
            return Gate::Drop;
        }
        if let Some(hold) = endpoint.hold.as_deref().filter(|hold| at < hold.until) {
            return Gate::Later(hold.until);
        }
        if !blocked {
            endpoint.hold = None;
            return Gate::Pass;
        }
        let hold = endpoint.hold.get_or_insert_with(|| Box::new(Hold { since: at, attempts: 0, until: at }));
        if at.since(hold.since) >= STALL_LIMIT {
            self.break_link(head.end.slot, CloseReason::Unreachable, at);
            return Gate::Drop;
        }
        let retry_at = (at + retransmission_timeout(hold.attempts)).min(hold.since + STALL_LIMIT).max(at + Duration::from_nanos(1));
        hold.attempts += 1;
        hold.until = Instant::from_nanos(retry_at.as_nanos().next_multiple_of(quantum));
        Gate::Later(hold.until)
    }
}
