//! What passes the gate.

use serde::{Deserialize, Serialize};

use crate::kernel::Instant;
use crate::wire::{Address, CloseReason, Hello, NodeId, Payload, TopicId};

/// Names a link. The gate gives even numbers to those it dials, the transport odd ones to those it accepts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LinkId(pub u64);

/// Something enters the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// When, in nanoseconds of the world's time.
    pub nanos: u64,
    /// What.
    pub input: Input,
}

impl Arrival {
    /// `input` at `at`.
    pub fn new(at: Instant, input: Input) -> Self {
        Self { nanos: at.as_nanos(), input }
    }

    /// When.
    pub fn at(&self) -> Instant {
        Instant::from_nanos(self.nanos)
    }
}

/// What enters the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A link that was dialled is up.
    Connected {
        /// Which.
        link: LinkId,
        /// Where it leads, once names are resolved.
        to: Address,
    },
    /// A link was accepted.
    Accepted {
        /// By which node.
        node: u32,
        /// Its name.
        link: LinkId,
        /// Where it comes from.
        #[serde(with = "inbound")]
        from: Address,
    },
    /// A link could not be made, broke, or was closed by the other side.
    Down {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// A frame came in.
    Frame {
        /// Over which link.
        link: LinkId,
        /// Its bytes.
        bytes: Box<[u8]>,
    },
    /// The other side of a link began to read too slowly, or reads again.
    Congested {
        /// Which link.
        link: LinkId,
        /// Whether it reads too slowly.
        congested: bool,
    },
    /// Somebody on the local segment said hello.
    Hello {
        /// Who heard it.
        node: u32,
        /// What was said.
        hello: Hello,
    },
    /// The process stood still until now, as after SIGSTOP or while the machine slept: timers that are overdue wait for nobody.
    StoodStill,
    /// The node's owner wants something.
    Command {
        /// Of which node.
        node: u32,
        /// What.
        command: Command,
    },
    /// What earlier lives of a node have kept, as it left them: in the tick in which the node starts.
    Restore {
        /// Whose.
        node: u32,
        /// What stands for the name of each row, and what it holds, encrypted.
        rows: Vec<(Box<[u8]>, Box<[u8]>)>,
    },
}

/// What the owner of a node wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Say something to all members.
    Publish(Payload),
    /// Write a key of the node's namespace; `None` deletes it.
    SetKey {
        /// Which.
        key: String,
        /// Its value.
        value: Option<Vec<u8>>,
    },
    /// Say goodbye and stop.
    Shutdown,
    /// Say a text in a topic.
    Say {
        /// In which.
        topic: TopicId,
        /// What.
        text: Box<[u8]>,
    },
    /// Say a text to one member.
    SayTo {
        /// To whom.
        to: NodeId,
        /// What.
        text: Box<[u8]>,
    },
    /// Subscribe to a topic.
    JoinTopic(String),
    /// Subscribe to it no more.
    LeaveTopic(String),
    /// Send something to one member.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        payload: Payload,
    },
    /// Make somebody a member.
    Invite(NodeId),
    /// Remove a member for good.
    Revoke(NodeId),
}

/// What leaves the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Open a link.
    Dial {
        /// Who dials.
        node: u32,
        /// Its name.
        link: LinkId,
        /// Where to.
        to: Address,
        /// When.
        at: Instant,
    },
    /// The other side of a link has proven who it is: it is no longer a stranger to the transport.
    Proven {
        /// Which link.
        link: LinkId,
        /// Who it is.
        remote: NodeId,
    },
    /// Send a frame.
    Frame {
        /// Over which link.
        link: LinkId,
        /// Its bytes.
        bytes: Box<[u8]>,
        /// When.
        at: Instant,
    },
    /// Close a link, after what was sent over it.
    HangUp {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
        /// When.
        at: Instant,
    },
    /// Say hello on the local segment.
    Hello {
        /// Who says it.
        node: u32,
        /// What.
        hello: Hello,
        /// When.
        at: Instant,
    },
    /// Keep a row, before anything is sent that left in the same tick.
    Persist {
        /// Whose.
        node: u32,
        /// What stands for its name.
        row: Box<[u8]>,
        /// What it holds, encrypted; `None` deletes it.
        value: Option<Box<[u8]>>,
    },
    /// A node is down without a word: its links end at once.
    Vanish {
        /// Which.
        node: u32,
    },
}

/// Where an accepted link comes from does not cross a link, but a recording holds it.
mod inbound {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::wire::Address;

    pub fn serialize<S: Serializer>(from: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        match from {
            Address::Inbound(socket) => (Some(*socket), None::<u32>),
            Address::Memory(ordinal) => (None, Some(*ordinal)),
            _ => (None, None),
        }
        .serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        match <(Option<SocketAddr>, Option<u32>)>::deserialize(deserializer)? {
            (Some(socket), _) => Ok(Address::Inbound(socket)),
            (None, Some(ordinal)) => Ok(Address::Memory(ordinal)),
            (None, None) => Err(serde::de::Error::custom("a link that comes from nowhere")),
        }
    }
}
