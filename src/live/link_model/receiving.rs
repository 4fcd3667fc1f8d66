//! What reaches a world: whose it is, and when it may be handed over.

use super::{ACCEPTED, End, LOOSE, LinkShaper};
use crate::gate::{Arrival, Input};
use crate::kernel::{Instant, Service};
use crate::link_model::{Verdict, Weather};

impl LinkShaper {
    /// Whose an arrival is, and when it may be handed over.
    pub(super) fn admit(&mut self, arrival: Arrival, now: Instant) -> Option<Arrival> {
        let node = match &arrival.input {
            Input::Accepted { node, link, from } => {
                let node = self.alone.unwrap_or(*node);
                let peer = Self::peer(*from);
                let direction = self.direction(node, peer, ACCEPTED, link.0);
                self.ends.insert(*link, End { node, peer, direction, held: None, silent: false });
                node
            }
            Input::Connected { link, .. } => {
                // The answer travels too.
                let end = self.ends.get(link)?;
                let (node, peer) = (end.node, end.peer);
                let mut back = self.direction(peer.unwrap_or(node), Some(node), LOOSE, link.0);
                let params = self.plan.model.params(back.link());
                if let Verdict::Once(at) = back.transmit(params, Service::Datagram, Weather::Clear, now, 64) {
                    self.arrive(at, arrival.input);
                    return None;
                }
                node
            }
            Input::Down { link, .. } => {
                let end = self.ends.get_mut(link)?;
                if end.peer.is_some_and(|peer| self.down[peer as usize]) {
                    // A host whose power failed says nothing.
                    end.silent = true;
                    return None;
                }
                let node = end.node;
                self.ends.swap_remove(link);
                node
            }
            Input::Frame { link, .. } | Input::Congested { link, .. } => self.ends.get(link)?.node,
            Input::Hello { node, .. } | Input::Command { node, .. } | Input::Restore { node, .. } => self.alone.unwrap_or(*node),
            Input::StoodStill => return Some(arrival),
        };
        let until = self.paused[node as usize];
        let service = self.conditions.service_time(node);
        let mut at = now.max(until);
        if self.alone.is_none() && matches!(arrival.input, Input::Frame { .. }) && (!service.is_zero() || self.busy[node as usize] > now) {
            self.busy[node as usize] = self.busy[node as usize].max(at) + service;
            at = self.busy[node as usize];
        }
        if at <= now {
            return Some(arrival);
        }
        self.sequence += 1;
        self.arriving.insert((at, self.sequence), Arrival { nanos: at.as_nanos(), ..arrival });
        None
    }
}
