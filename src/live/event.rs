//! What a node tells whoever holds it.

use std::sync::Arc;

use crate::crypto::NodeId;
use crate::mesh::admission::AdmissionError;
use crate::mesh::chat::ChatError;
use crate::mesh::topics::TopicError;
use crate::wire::chat::EntryId;
use crate::wire::routing::RoutingFailure;
use crate::wire::{Address, CloseReason};

/// Something happened at a node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MeshEvent {
    /// A member is known for the first time, or again.
    NodeJoined(NodeId),
    /// A member said goodbye, or was silent for so long that it is forgotten.
    NodeLeft {
        /// Who.
        id: NodeId,
        /// Whether it said goodbye.
        graceful: bool,
    },
    /// A member is silent: it may be gone.
    NodeSuspected {
        /// Who.
        id: NodeId,
        /// How much it is suspected.
        phi: f64,
    },
    /// A member that was suspected is there.
    NodeTrusted(NodeId),
    /// Somebody said something to all.
    BroadcastReceived {
        /// Who said it.
        origin: NodeId,
        /// Its number among what this life of the origin has said.
        sequence: u64,
        /// What was said.
        payload: Arc<[u8]>,
        /// Hops from there.
        hops: u16,
    },
    /// A session with another node is open.
    Connected {
        /// With whom.
        id: NodeId,
        /// Where it was dialled or comes from.
        address: Address,
    },
    /// A session with another node is no more.
    Disconnected {
        /// With whom.
        id: NodeId,
        /// Why.
        reason: CloseReason,
    },
    /// A session could not be opened.
    Refused {
        /// With whom, as far as it was known.
        address: Address,
        /// Why.
        reason: CloseReason,
    },
    /// A text can be read that another has said. Each is told once, also over restarts.
    ChatMessageReceived {
        /// Who said it.
        sender_pub_key: [u8; 32],
        /// What the sender calls itself.
        nick: Option<String>,
        /// What.
        plaintext: Box<[u8]>,
        /// In which topic; what is said to one only stands in the lobby.
        topic: String,
        /// To whom alone.
        to: Option<NodeId>,
        /// The entry of the log that says it.
        id: EntryId,
        /// When, by the sender's clock: milliseconds since 1970.
        time: u64,
    },
    /// The node itself has said a text; what waited for somebody to read it is said now.
    ChatMessageSent {
        /// What.
        plaintext: Box<[u8]>,
        /// In which topic.
        topic: String,
        /// To whom alone.
        to: Option<NodeId>,
        /// The entry of the log that says it.
        id: EntryId,
        /// When.
        time: u64,
    },
    /// A text that the node shall say waits until it can.
    ChatMessageWaits {
        /// What.
        plaintext: Box<[u8]>,
        /// In which topic.
        topic: String,
        /// To whom alone.
        to: Option<NodeId>,
        /// Whether the node has yet to find out where its log stopped in an earlier life. Else nobody is known yet who could read it.
        unsettled: bool,
        /// Whether it is on the disk, and outlives the node.
        kept: bool,
    },
    /// More of those whom a text of the node is for have it than was known. Members who only pass it on do not count.
    Delivered {
        /// The entry that says it.
        id: EntryId,
        /// How many have it, the node itself among them.
        members: usize,
    },
    /// A text is not said.
    ChatRefused {
        /// What.
        plaintext: Box<[u8]>,
        /// In which topic, if its name is known.
        topic: String,
        /// To whom alone.
        to: Option<NodeId>,
        /// Why.
        reason: ChatError,
    },
    /// Something is not done with a topic.
    TopicRefused {
        /// Its name, if it is known.
        name: Option<String>,
        /// Why.
        reason: TopicError,
    },
    /// A member has signed two entries with one number: it runs twice, or lies.
    ForkSeen(NodeId),
    /// A member has sent something to this node.
    MessageReceived {
        /// Who.
        from: NodeId,
        /// What.
        payload: Arc<[u8]>,
    },
    /// Something that was sent to a member did not arrive, as far as is known.
    SendFailed {
        /// To whom.
        to: NodeId,
        /// What.
        payload: Arc<[u8]>,
        /// Why.
        reason: RoutingFailure,
    },
    /// Somebody was invited, perhaps the node itself.
    MemberAdmitted {
        /// Who.
        id: NodeId,
        /// By whom; the founder by itself.
        sponsor: NodeId,
    },
    /// Somebody was removed for good, perhaps the node itself.
    MemberRevoked {
        /// Who.
        id: NodeId,
        /// What it called itself.
        nick: Option<String>,
        /// By whom.
        by: NodeId,
    },
    /// A member has spoken for a revocation, and more must before it takes effect.
    RevocationProposed {
        /// Of whom, perhaps the node itself.
        id: NodeId,
        /// Who has spoken, perhaps the node itself.
        by: NodeId,
        /// How many have by now.
        said: usize,
        /// How many it takes.
        needed: usize,
    },
    /// An invitation or a revocation is not made.
    AdmissionRefused {
        /// Of whom.
        id: NodeId,
        /// Why.
        reason: AdmissionError,
    },
    /// Whether what the node says and hears outlives it has changed.
    Kept {
        /// Why it does not, if it does not.
        unsaved: Option<String>,
    },
    /// Nobody could be reached for some time. The node goes on trying.
    Offline,
    /// Somebody is reached again.
    Online,
    /// The node has said goodbye and stopped.
    Stopped,
}
