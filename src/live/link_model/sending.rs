//! What a world sends: on its way for as long as the model says, or held back.

use std::time::Duration;

use super::{ACCEPTED, DIALLED, End, LOOSE, Leaving, LinkShaper, place_of};
use crate::gate::{Input, LinkId, Output};
use crate::kernel::{Instant, Service};
use crate::link_model::{STALL_LIMIT, Verdict, Weather, retransmission_timeout};
use crate::wire::CloseReason;

/// Seconds after which a dial that nobody answered is tried again, as the simulator's transport does.
const DIAL_WAITS: [u64; 3] = [1, 2, 4];
/// Bytes of a hello: what it holds and the headers of IP and UDP.
const HELLO_LEN: usize = 96;

impl LinkShaper {
    /// What a world sends over a link.
    fn travel(&mut self, link: LinkId, output: Output, bytes: usize, now: Instant) {
        let Some(end) = self.ends.get_mut(&link) else { return };
        if end.silent {
            return;
        }
        let model = &self.plan.model;
        let params = model.params(end.direction.link());
        let mut sent = now;
        let mut attempt = 0;
        let arrival = loop {
            let weather = end.peer.map_or(Weather::Clear, |peer| self.conditions.between(end.node, peer));
            // What is blocked now may not be when it is due.
            let weather = if matches!(weather, Weather::Blocked) { Weather::Clear } else { weather };
            match end.direction.transmit(params, Service::Stream, weather, sent, bytes) {
                Verdict::Once(at) | Verdict::Twice(at, _) => break Some(at),
                Verdict::Stalled(_) | Verdict::Lost(_) if sent.since(now) < STALL_LIMIT => {
                    sent = sent + retransmission_timeout(attempt);
                    attempt += 1;
                }
                _ => break None,
            }
        };
        match arrival {
            Some(at) => {
                let at = end.direction.in_order(at);
                self.leave(at, Leaving::Output(output));
            }
            None => self.sever(link, now),
        }
    }

    /// A link has made no progress for too long.
    fn sever(&mut self, link: LinkId, now: Instant) {
        self.ends.swap_remove(&link);
        self.scratch.push(Output::HangUp { link, reason: CloseReason::Unreachable, at: now });
        self.arrive(now, Input::Down { link, reason: CloseReason::Unreachable });
    }

    /// A dial is tried: it goes out if the way is free both ways and somebody is there.
    pub(super) fn knock(&mut self, dial: Output, tries: usize, now: Instant) {
        let Output::Dial { link, .. } = &dial else { return };
        let Some(end) = self.ends.get_mut(link) else { return };
        let params = self.plan.model.params(end.direction.link());
        let weather = end.peer.map_or(Weather::Clear, |peer| self.conditions.between(end.node, peer));
        let verdict = end.direction.transmit(params, Service::Datagram, weather, now, 64);
        let (node, peer) = (end.node, end.peer);
        let there = peer.is_none_or(|peer| !self.down[peer as usize] && self.conditions.passes(peer, node));
        match verdict {
            Verdict::Once(at) | Verdict::Twice(at, _) if there => self.leave(at, Leaving::Output(dial)),
            _ => {
                if let Some(wait) = DIAL_WAITS.get(tries) {
                    self.leave(now + Duration::from_secs(*wait), Leaving::Syn(dial, tries + 1));
                }
            }
        }
    }

    pub(super) fn take(&mut self, output: Output, now: Instant) {
        match output {
            Output::Dial { node, link, to, .. } => {
                let (node, peer) = (self.alone.unwrap_or(node), Self::peer(to));
                let direction = self.direction(node, peer, DIALLED, link.0);
                self.ends.insert(link, End { node, peer, direction, held: None, silent: false });
                self.knock(output, 0, now);
            }
            Output::Proven { link, remote } => {
                if self.alone.is_some()
                    && let Some(end) = self.ends.get(&link)
                {
                    let peer = Some(place_of(&remote, self.plan.scenario.nodes));
                    let direction = self.direction(end.node, peer, ACCEPTED, link.0);
                    if let Some(end) = self.ends.get_mut(&link) {
                        (end.peer, end.direction) = (peer, direction);
                    }
                }
                self.scratch.push(output);
            }
            Output::Frame { link, ref bytes, .. } => {
                let bytes = bytes.len();
                self.travel(link, output, bytes, now);
            }
            Output::HangUp { link, .. } => {
                if self.ends.contains_key(&link) {
                    self.travel(link, output, 64, now);
                } else {
                    self.scratch.push(output);
                }
            }
            // The engine has kept them.
            Output::Persist { .. } => {}
            Output::Hello { node, hello, .. } if self.alone.is_none() => {
                let mut hearers = std::mem::take(&mut self.hearers);
                self.plan.model.hearers(node, &mut hearers);
                hearers.retain(|to| !self.down[*to as usize]);
                for to in hearers.iter().copied() {
                    let number = self.sequence;
                    let mut direction = self.direction(node, Some(to), LOOSE, number);
                    let params = self.plan.model.params(direction.link());
                    let weather = self.conditions.between(node, to);
                    if let Verdict::Once(at) | Verdict::Twice(at, _) =
                        direction.transmit(params, Service::Datagram, weather, now, HELLO_LEN)
                    {
                        self.arrive(at, Input::Hello { node: to, hello: hello.clone() });
                    }
                }
                self.hearers = hearers;
            }
            Output::Hello { .. } => self.scratch.push(output),
            Output::Vanish { node } => {
                self.down[node as usize] = self.alone.is_none();
                self.ends.retain(|_, end| end.node != self.alone.unwrap_or(node));
                self.scratch.push(output);
            }
        }
    }

    /// What is due to leave: on its way, or held back because the way is blocked.
    pub(super) fn release(&mut self, output: Output, key: (Instant, u64), now: Instant) {
        let (Output::Frame { link, .. } | Output::HangUp { link, .. }) = output else { return self.scratch.push(output) };
        let Some(end) = self.ends.get(&link) else { return };
        if end.silent {
            return;
        }
        let blocked = !self.passes(end.node, end.peer);
        let Some(end) = self.ends.get_mut(&link) else { return };
        match end.held {
            // Others of this link wait until then, and this one behind them.
            Some((_, _, until)) if now < until => {
                self.leaving.insert((until, key.1), Leaving::Output(output));
            }
            held if blocked => {
                let (since, attempts, _) = held.unwrap_or((now, 0, now));
                if now.since(since) >= STALL_LIMIT {
                    return self.sever(link, now);
                }
                let until = now + retransmission_timeout(attempts);
                end.held = Some((since, attempts + 1, until));
                self.leaving.insert((until, key.1), Leaving::Output(output));
            }
            _ => {
                end.held = None;
                if let Output::HangUp { .. } = output {
                    self.ends.swap_remove(&link);
                }
                self.scratch.push(output);
            }
        }
    }
}
