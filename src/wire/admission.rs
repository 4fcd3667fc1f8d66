//! Who belongs to an invite-only network: a set of signed records that only grows.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{CloseReason, NodeId};
use crate::crypto::{Identity, Signature};

/// Most records of a network.
pub const MAX_RECORDS: usize = 4_000;
/// Most records of its target that a revocation lets stand.
pub const MAX_STANDING: usize = 256;
/// Most records that are asked for at once.
pub const MAX_WANTED: usize = 256;

/// Admission between two members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AdmissionMessage {
    /// A hash of all records of the sender, zero if it has none; who has another answers with what it has.
    Hash([u8; 16]),
    /// The records that the sender has, first the one that founded the network; who has others sends them, and asks for those it lacks.
    Have(Vec<RecordId>),
    /// Send these, in this order; at most [`MAX_WANTED`].
    Want(Vec<RecordId>),
    /// These.
    Records(Vec<Record>),
}

/// Whose network a node says to be in when it proves who it is: between two that are not in the same there is no session, or each would take
/// the other's members for its own.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Belonging {
    /// One that is open to whoever has its key.
    #[default]
    Open,
    /// None yet: it waits for an invitation, or has founded a network and invited nobody.
    Seeking,
    /// The one by invitation that begins with this record.
    Network(RecordId),
}

impl Belonging {
    /// Bytes of one.
    pub const LENGTH: usize = 17;

    /// As it stands in a proof.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        match self {
            Self::Open => {}
            Self::Seeking => bytes[0] = 1,
            Self::Network(RecordId(id)) => {
                bytes[0] = 2;
                bytes[1..].copy_from_slice(&id);
            }
        }
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave; `None` if it is nothing that that gives.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let [kind, id @ ..] = bytes;
        let belonging = match kind {
            0 => Self::Open,
            1 => Self::Seeking,
            _ => Self::Network(RecordId(*id)),
        };
        (belonging.to_bytes() == *bytes).then_some(belonging)
    }

    /// Why there is no session with somebody who is in `other`, if there is none.
    pub fn refusal(self, other: Self) -> Option<CloseReason> {
        match (self, other) {
            (Self::Open, Self::Open) => None,
            (Self::Open, _) | (_, Self::Open) => Some(CloseReason::OtherAdmission),
            (Self::Network(ours), Self::Network(theirs)) if ours != theirs => Some(CloseReason::OtherNetwork),
            _ => None,
        }
    }
}

/// Names a record: the first half of its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RecordId(pub [u8; 16]);

/// Something that a member has signed about who belongs to the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The network: the name of the record that founded it; zero in that record itself.
    pub network: RecordId,
    /// Who says it.
    pub signer: NodeId,
    /// The signer's wall clock in milliseconds; for people, nothing is decided by it.
    pub time: u64,
    /// What.
    pub statement: Statement,
    /// By the signer.
    pub signature: Signature,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statement {
    /// The network begins, with the signer as its first member and these rules.
    Found(Rules),
    /// Somebody may join.
    Invite(NodeId),
    /// Somebody belongs no more, for good.
    Revoke {
        /// Who.
        target: NodeId,
        /// What the target has said that the signer knows of, ascending: it stands. What it says besides is void.
        standing: Vec<RecordId>,
    },
}

/// The rules of a network, set when it is founded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Who may revoke.
    pub revocation: RevocationRule,
    /// What somebody who joins may read of what was said before.
    pub past: PastRule,
    /// Distinguishes networks of one founder.
    pub nonce: u64,
}

/// Who may revoke a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RevocationRule {
    /// Any member. Fit for small groups that trust each other.
    #[default]
    AnyMember,
    /// Whoever invited it, and whoever invited them, up to the founder.
    Sponsors,
    /// So many members together.
    Quorum(u8),
}

/// What newcomers may read of what was said before they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PastRule {
    /// Everything that somebody still has.
    #[default]
    All,
    /// Nothing.
    Nothing,
    /// The last so many texts of each topic.
    Last(u32),
}

impl Record {
    /// What `identity` says at `time`, in milliseconds.
    pub fn sign(identity: &Identity, network: RecordId, time: u64, statement: Statement) -> Self {
        let mut record = Self { network, signer: identity.id(), time, statement, signature: Signature([0; 64]) };
        record.signature = identity.sign(&record.signed_bytes());
        record
    }

    /// Its name.
    pub fn id(&self) -> RecordId {
        let mut hash = Sha256::new();
        hash.update(self.signed_bytes());
        hash.update(self.signature.0);
        let hash: [u8; 32] = hash.finalize().into();
        RecordId(std::array::from_fn(|index| hash[index]))
    }

    /// What its signer signs. Laid out by hand, so that it does not depend on the encoding of messages: a tag, then the fields; integers
    /// little endian, lists preceded by their length.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(b"murmuration adm1");
        bytes.extend_from_slice(&self.network.0);
        bytes.extend_from_slice(&self.signer.0);
        bytes.extend_from_slice(&self.time.to_le_bytes());
        match &self.statement {
            Statement::Found(Rules { revocation, past, nonce }) => {
                bytes.push(0);
                let (rule, number) = match revocation {
                    RevocationRule::AnyMember => (0, 0),
                    RevocationRule::Sponsors => (1, 0),
                    RevocationRule::Quorum(count) => (2, *count),
                };
                bytes.extend_from_slice(&[rule, number]);
                let (rule, number) = match past {
                    PastRule::All => (0, 0),
                    PastRule::Nothing => (1, 0),
                    PastRule::Last(count) => (2, *count),
                };
                bytes.push(rule);
                bytes.extend_from_slice(&number.to_le_bytes());
                bytes.extend_from_slice(&nonce.to_le_bytes());
            }
            Statement::Invite(target) => {
                bytes.push(1);
                bytes.extend_from_slice(&target.0);
            }
            Statement::Revoke { target, standing } => {
                bytes.push(2);
                bytes.extend_from_slice(&target.0);
                bytes.extend_from_slice(&(standing.len() as u32).to_le_bytes());
                standing.iter().for_each(|record| bytes.extend_from_slice(&record.0));
            }
        }
        bytes
    }
}
