//! What a person, or a script, sees of a node: one picture, taken between two ticks.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::crypto::NodeId;
use crate::mesh::topics::TopicCounts;
use crate::wire::CloseReason;
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
    /// Why what is said is lost when the node ends, if it is.
    pub unsaved: Option<String>,
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
        /// Why the last one failed.
        last: Option<CloseReason>,
    },
    /// The network is by invitation, and nobody has invited this node yet.
    NotInvited,
    /// It has founded a network and invited nobody yet, and those whom it reaches have not invited it.
    Strangers,
    /// This node was removed for good.
    Revoked {
        /// By whom, if that was shown: its nick and the beginning of its key.
        by: Option<String>,
    },
    /// Those who were reached belong to another network, or have another key.
    WrongNetworkKey,
    /// Those who were reached belong to an open network and the node's is by invitation, or the other way round.
    OtherAdmission {
        /// Whether the node's network is by invitation.
        invite_only: bool,
        /// Whether it is in one already, and does not wait for one.
        settled: bool,
    },
    /// Those who were reached belong to another network by invitation.
    OtherNetwork,
    /// All other members are away.
    AllAway {
        /// How many there are.
        members: usize,
    },
}

/// One plain sentence.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { links: 1 } => f.write_str("connected over 1 link"),
            Self::Connected { links } => write!(f, "connected over {links} links"),
            Self::Alone => f.write_str("nobody else is known yet: waiting for somebody to come"),
            Self::Searching { failures: 0, .. } => f.write_str("looking for others"),
            Self::Searching { failures, last } => {
                write!(f, "Recovering... nobody is reached after {failures} attempt{}", if *failures == 1 { "" } else { "s" })?;
                last.map_or(Ok(()), |reason| write!(f, ": {}", plainly(reason)))
            }
            Self::NotInvited => f.write_str("Recovering... not invited: ask a member to invite your key"),
            Self::Strangers => {
                f.write_str("others are there, but neither has invited the other: invite their key, or have them invite yours")
            }
            Self::Revoked { by: Some(by) } => write!(f, "revoked: you were revoked by {by}, and that is for good"),
            Self::Revoked { by: None } => f.write_str("revoked: this key was removed from the network, and that is for good"),
            Self::OtherAdmission { invite_only: true, settled: true } => f.write_str(
                "Recovering... somebody was kept out who was started without --invite-only: members of this network must be started with it",
            ),
            Self::OtherAdmission { invite_only: true, settled: false } => f.write_str(
                "Recovering... the network of those who were reached is open, and this node waits for an invitation: to join them start without --invite-only",
            ),
            Self::OtherAdmission { invite_only: false, .. } => f.write_str(
                "Recovering... the network of those who were reached is by invitation: start with --invite-only, and ask a member to invite your key",
            ),
            Self::OtherNetwork => f.write_str(
                "Recovering... those who were reached belong to another network by invitation: to join them begin anew, with another --data-dir",
            ),
            Self::AllAway { members: 1 } => f.write_str("nobody is here: the other member is away"),
            Self::AllAway { members } => write!(f, "nobody is here: all {members} other members are away"),
            Self::WrongNetworkKey => f.write_str("Recovering... those who were reached have another network or network key than this node"),
        }
    }
}

/// Why there is no session, for people.
pub(super) fn plainly(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Unreachable => "the address cannot be reached",
        CloseReason::ConnectionRefused => "nobody listens there",
        CloseReason::HandshakeTimeout => "the other side does not answer",
        CloseReason::TooManySessions | CloseReason::Full => "the other side has too many connections",
        CloseReason::SelfDial => "the address is this node's own",
        CloseReason::UnknownVersion => "the other side runs another version",
        CloseReason::Leaving => "the other side was leaving",
        CloseReason::Reset => "the connection broke",
        CloseReason::OtherAdmission => "one network is open, and the other by invitation",
        CloseReason::OtherNetwork => "the other side belongs to another network by invitation",
        other => other.name(),
    }
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
    /// Whether this node passes on what it does not read.
    pub relay: bool,
    /// What this node has done in it since it takes part.
    pub counts: TopicCounts,
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
