//! What a person, or a script, sees of a node: one picture, taken between two ticks.

use std::net::SocketAddr;
use std::time::Duration;

use crate::crypto::NodeId;
use crate::wire::chat::EntryId;

/// The picture.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The node itself.
    pub id: NodeId,
    /// What it calls itself.
    pub nick: Option<String>,
    /// Where it listens.
    pub listens: SocketAddr,
    /// Name of its network.
    pub network: String,
    /// How it stands with the others.
    pub status: Status,
    /// The other members, online ones first, then by nick.
    pub members: Vec<MemberView>,
    /// Topics by name, the lobby first.
    pub topics: Vec<TopicView>,
    /// Own texts that wait for somebody who may read them.
    pub waiting: usize,
    /// Texts of others that cannot be read (yet).
    pub locked: usize,
}

/// Why there is a connection, or none.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// Members are reached over so many links.
    Connected {
        /// Links of the mesh.
        links: usize,
    },
    /// Nobody is known whom it could ask: no seed, and nobody on the local network.
    Alone,
    /// Somebody is tried.
    Searching {
        /// Attempts that failed in a row.
        failures: u32,
    },
    /// The network is by invitation, and nobody has invited this node yet.
    NotInvited,
    /// This node was removed for good.
    Revoked,
    /// Those who were reached belong to another network, or have another key.
    WrongNetworkKey,
}

/// Another member.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberView {
    /// Who.
    pub id: NodeId,
    /// What it calls itself. Two may call themselves the same.
    pub nick: Option<String>,
    /// Whether it is there.
    pub presence: Presence,
    /// Round-trip time, of those with whom there is a session.
    pub round_trip: Option<Duration>,
    /// Links between this node and it.
    pub hops: Option<u32>,
    /// Who invited it, in a network by invitation.
    pub sponsor: Option<NodeId>,
}

/// Whether a member is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Its heartbeats arrive.
    Online,
    /// It is silent.
    Suspected,
    /// It belongs to the network, but is not there.
    Away,
}

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicView {
    /// Its name.
    pub name: String,
    /// Whether this node subscribes to it.
    pub subscribed: bool,
    /// How many others do.
    pub others: usize,
}

/// A text as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct TextView {
    /// The entry that says it.
    pub id: EntryId,
    /// The name of its topic.
    pub topic: String,
    /// Who said it.
    pub author: NodeId,
    /// What the author calls itself.
    pub nick: Option<String>,
    /// For whom alone it is.
    pub to: Option<NodeId>,
    /// When, by the author's clock: milliseconds since 1970.
    pub time: u64,
    /// What. Bytes that are no UTF-8 are shown in hex.
    pub text: String,
    /// How many members have it, its author among them.
    pub delivered: usize,
    /// How many there are whom it is for, its author among them.
    pub readers: usize,
}
