//! What a node has sent and may hear of. Notes about anything else are not believed.

use std::collections::VecDeque;
use std::time::Duration;

use crate::crypto::{NodeId, PrekeyId};
use crate::kernel::Instant;
use crate::wire::routing::DatagramBody;

/// Time for which a sent datagram is remembered.
pub const MEMORY: Duration = Duration::from_secs(10);
/// Most datagrams that are remembered. Beyond it the oldest are forgotten.
pub const MAX_OUTSTANDING: usize = 1024;
/// Most bytes of bodies that are kept. Beyond it the oldest are dropped; that they were sent is still remembered.
pub const MAX_BODIES: usize = 1 << 20;

/// A datagram that was sent.
#[derive(Debug)]
pub struct Sent {
    /// Its number.
    pub number: u64,
    /// In which life.
    pub life: u64,
    /// To whom.
    pub to: NodeId,
    /// Sealed to which prekey.
    pub prekey: PrekeyId,
    /// What it says.
    pub body: Option<DatagramBody>,
    /// Length of that when encoded, in bytes.
    pub size: usize,
    /// Whether it has been sent for the second time.
    pub again: bool,
    /// When.
    pub at: Instant,
}

/// All that were sent lately, in the order of their numbers.
#[derive(Default, Debug)]
pub struct Outstanding {
    sent: VecDeque<Sent>,
    /// Of bodies that are kept.
    bytes: usize,
}

impl Outstanding {
    /// Remembers a datagram; that of its number, if it was sent before, was [taken out](Self::take).
    pub fn remember(&mut self, sent: Sent) {
        let now = sent.at;
        while self.sent.front().is_some_and(|oldest| now.since(oldest.at) > MEMORY) || self.sent.len() >= MAX_OUTSTANDING {
            let forgotten = self.sent.pop_front();
            self.bytes -= forgotten.map_or(0, |sent| kept(&sent));
        }
        self.bytes += kept(&sent);
        let place = self.sent.partition_point(|other| other.number < sent.number);
        self.sent.insert(place, sent);
        for old in &mut self.sent {
            if self.bytes <= MAX_BODIES {
                break;
            }
            self.bytes -= kept(old);
            old.body = None;
        }
    }

    /// Takes out the datagram of that number, if it went to `to` in that life, not long before `now`.
    pub fn take(&mut self, number: u64, life: u64, to: &NodeId, now: Instant) -> Option<Sent> {
        let place = self.sent.binary_search_by_key(&number, |sent| sent.number).ok()?;
        let sent = &self.sent[place];
        if sent.life != life || sent.to != *to || now.since(sent.at) > MEMORY {
            return None;
        }
        let sent = self.sent.remove(place)?;
        self.bytes -= kept(&sent);
        Some(sent)
    }
}

fn kept(sent: &Sent) -> usize {
    if sent.body.is_some() { sent.size } else { 0 }
}
