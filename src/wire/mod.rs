//! Every message that crosses a link: the protocol's table of contents.
//!
//! [`WireMessage`] is closed: one variant for each protocol, whose messages stand in a file of their own. What is inside an
//! encrypted frame is one encoded `WireMessage`; what is around it is in [`frame`]. Everything is bounded before it is
//! allocated (see [`limits`]), and nothing here knows about entities, clocks or sockets.

pub mod address;
pub mod admission;
pub mod beacon;
pub mod broadcast;
pub mod chat;
pub mod close;
pub mod codec;
pub mod frame;
pub mod leave;
pub mod limits;
pub mod liveness;
pub mod membership;
pub mod replay;
pub mod routing;
pub mod topics;
pub mod topology;

pub use address::Address;
pub use admission::AdmissionMessage;
pub use beacon::Hello;
pub use broadcast::{Announcement, BroadcastMessage, Mark, MessageId, Payload, Rumor, Stretch};
pub use close::{CloseReason, SessionMessage};
pub use codec::{CodecError, decode, encode, encoded_len};
pub use frame::{Frame, FrameKind, ModelledBody, ModelledFrame};
pub use leave::LeaveMessage;
pub use limits::MAX_FRAME;
pub use liveness::LivenessMessage;
pub use membership::MembershipMessage;
pub use replay::ReplayWindow;
pub use routing::RoutingMessage;
pub use topics::{TopicId, TopicMessage};
pub use topology::TopologyMessage;

pub use crate::crypto::NodeId;

/// Calls `$callback!` with the list of protocols: `field: Variant(Message, how it is held) = index, "name", "what it is";`.
/// Messages that are long and rare are boxed, so that those that are many stay small.
///
/// This is the one place that names them all. [`WireMessage`], [`Protocol`] and the router of received messages are made
/// from it, so a protocol that is added here is everywhere.
macro_rules! for_each_protocol {
    ($callback:path) => {
        $callback! {
            session: Session(SessionMessage, SessionMessage) = 0, "session", "The session itself: its orderly end.";
            liveness: Liveness(LivenessMessage, LivenessMessage) = 1, "liveness", "Pings and pongs.";
            leave: Leave(LeaveMessage, Box<LeaveMessage>) = 2, "leave", "Goodbyes.";
            membership: Membership(MembershipMessage, Box<MembershipMessage>) = 3, "membership", "Scuttlebutt: digests and deltas.";
            topology: Topology(TopologyMessage, Box<TopologyMessage>) = 4, "topology", "Requests for links of the mesh, and their answers.";
            broadcast: Broadcast(BroadcastMessage, BroadcastMessage) = 5, "broadcast", "Plumtree: payloads, announcements and repairs.";
            routing: Routing(RoutingMessage, RoutingMessage) = 6, "routing", "Messages to one member, over several hops.";
            admission: Admission(AdmissionMessage, Box<AdmissionMessage>) = 7, "admission", "Invitations and revocations.";
            topics: Topics(TopicMessage, Box<TopicMessage>) = 8, "topics", "Plumtree, a tree for each topic.";
        }
    };
}
pub(crate) use for_each_protocol;

macro_rules! define_wire_message {
    ($($field:ident: $variant:ident($message:ty, $held:ty) = $index:literal, $name:literal, $doc:literal;)*) => {
        /// One message between two members, of whichever protocol.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub enum WireMessage {
            $(#[doc = $doc] $variant($held),)*
        }

        /// The protocols that share a session, and what lies outside of one.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Protocol {
            $(#[doc = $doc] $variant = $index,)*
            /// Frames that open a session.
            Handshake,
            /// Hellos on the local segment.
            Discovery,
        }

        impl Protocol {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)* Self::Handshake, Self::Discovery];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// Its name in results and metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Handshake => "handshake",
                    Self::Discovery => "discovery",
                }
            }
        }

        impl WireMessage {
            /// The protocol it belongs to.
            pub const fn protocol(&self) -> Protocol {
                match self {
                    $(Self::$variant(_) => Protocol::$variant,)*
                }
            }
        }

        $(impl From<$message> for WireMessage {
            fn from(message: $message) -> Self {
                Self::$variant(message.into())
            }
        })*
    };
}
for_each_protocol!(define_wire_message);

impl WireMessage {
    /// Whether nothing is lost for good without it: announcements and comparisons, which come again. To a peer that does not read, these
    /// are dropped first.
    pub fn is_lazy(&self) -> bool {
        match self {
            Self::Broadcast(message) => message.is_lazy(),
            Self::Topics(message) => message.message.is_lazy(),
            Self::Membership(message) => matches!(**message, MembershipMessage::Syn(_)),
            Self::Admission(message) => matches!(**message, AdmissionMessage::Hash(_)),
            _ => false,
        }
    }
}

/// How a [`WireMessage`] holds an `M`: as it is, or boxed.
pub(crate) trait Held<M> {
    /// The message.
    fn release(self) -> M;
}

impl<M> Held<M> for M {
    fn release(self) -> M {
        self
    }
}

impl<M> Held<M> for Box<M> {
    fn release(self) -> M {
        *self
    }
}
