//! What is in flight between two nodes.

use crate::kernel::{Instant, Scheduled};
use crate::wire::{CloseReason, Frame, Hello, NodeId};

/// Bytes of a packet that opens, closes or resets a link: headers of IP and TCP, with some options.
const CONTROL_LEN: usize = 64;
/// Bytes of a hello: what it holds and the headers of IP and UDP.
const BEACON_LEN: usize = 96;
/// Set in the sequence of a packet that a slow receiver has already served.
const SERVED: u64 = 1 << 63;

/// A packet on its way. It lies in the queue itself: pushing it writes where the last one was written.
#[derive(Debug)]
pub struct Flight {
    pub(super) head: Head,
    pub(super) parcel: Parcel,
}

/// When, from whom, to whom: 32 bytes. Packets to one receiver are ordered by instant, sender, and the sender's own sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) at: Instant,
    pub(super) sequence: u64,
    pub(super) from: u32,
    pub(super) to: u32,
    /// The receiver's endpoint, where there is one.
    pub(super) end: EndId,
}

/// Names an endpoint of a node, within the world in which the node lives. It is chosen by that node and told to the other side
/// when a link is opened, like a connection id of QUIC, so that nobody has to search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EndId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// What a packet is.
#[derive(Debug)]
pub(super) enum Parcel {
    /// A frame of a session.
    Frame(Frame),
    /// A hello on the local segment. Boxed, for it is long and rare.
    Beacon(Box<Hello>),
    /// Open a link.
    Syn {
        /// The dialler's endpoint.
        from: EndId,
        /// Who says to dial.
        id: NodeId,
        /// Number of the dial among those of the dialler.
        dial: u32,
        /// It may have come before.
        again: bool,
    },
    /// The link is open.
    SynAck {
        /// The acceptor's endpoint.
        from: EndId,
        /// Who says to accept.
        id: NodeId,
    },
    /// The link is not opened.
    Refuse(CloseReason),
    /// The link is closed.
    Fin {
        /// The endpoint that closes.
        from: EndId,
        /// Why.
        reason: CloseReason,
    },
    /// The end of the link has been seen.
    FinAck,
    /// A packet came for an endpoint that does not exist.
    Reset {
        /// That endpoint.
        unknown: EndId,
    },
    /// Nothing that travels: the node's own transport has something to do.
    Alarm(Alarm),
}

/// What a transport has to do for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Send the SYN again, or give up.
    Dial,
    /// Send again what waits.
    Retransmit,
    /// Tell that the link is broken.
    Break(CloseReason),
    /// Forget a link whose other side does not confirm its end.
    Linger,
}

impl Parcel {
    /// Bytes on the wire.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.len(),
            Self::Beacon(_) => BEACON_LEN,
            _ => CONTROL_LEN,
        }
    }

    /// The other copy, of a packet that arrives twice.
    pub(super) fn copy(&self) -> Self {
        match self {
            Self::Frame(frame) => Self::Frame(frame.clone()),
            Self::Beacon(hello) => Self::Beacon(hello.clone()),
            Self::Syn { from, id, dial, .. } => Self::Syn { from: *from, id: *id, dial: *dial, again: true },
            Self::SynAck { from, id } => Self::SynAck { from: *from, id: *id },
            Self::Refuse(reason) => Self::Refuse(*reason),
            Self::Fin { from, reason } => Self::Fin { from: *from, reason: *reason },
            Self::FinAck => Self::FinAck,
            Self::Reset { unknown } => Self::Reset { unknown: *unknown },
            Self::Alarm(alarm) => Self::Alarm(*alarm),
        }
    }
}

impl Head {
    /// Number among what the sender has sent.
    pub(super) fn sender_sequence(&self) -> u64 {
        self.sequence & !SERVED
    }

    /// Whether a slow receiver has had its time for it.
    pub(super) fn is_served(&self) -> bool {
        self.sequence & SERVED != 0
    }

    /// The same, handed over at `at` after having waited for a slow receiver.
    pub(super) fn served_at(self, at: Instant) -> Self {
        Self { at, sequence: self.sequence | SERVED, ..self }
    }
}

impl Scheduled for Flight {
    // By receiver first.
    type Key = (u32, Instant, u32, u64);

    fn at(&self) -> Instant {
        self.head.at
    }

    fn key(&self) -> (u32, Instant, u32, u64) {
        let Head { at, sequence, from, to, .. } = self.head;
        (to, at, from, sequence)
    }

    fn rank(&self, start: Instant) -> u64 {
        let late = self.head.at.nanos_since(start).min(u64::from(u32::MAX));
        u64::from(self.head.to) << 32 | late
    }
}
