//! What members say, as it is kept and passed on: logs of signed entries, one for each author and topic.
//!
//! An entry names the one before it by its hash, so a gap or a fork in a log shows. What it says is encrypted for those who may read it; its
//! author signs everything that gives it its meaning.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::NodeId;
use super::topics::TopicId;
use crate::crypto::{
    BadSignature, Commitment, CryptoMode, Identity, MESSAGE_OVERHEAD, Opening, PrekeyId, SEALING_OVERHEAD, SealedBox, Signature,
};

/// Longest text in bytes.
pub const MAX_TEXT: usize = 16 * 1024;
/// Most keys in one entry; an author with more readers writes several.
pub const MAX_SEALED_KEYS: usize = 256;
/// Most logs in one list of heads.
pub const MAX_HEADS: usize = 400;
/// Most texts that are asked for at once.
pub const MAX_ASKED: usize = 256;
/// Highest number, time and clock of an entry.
pub const MAX_NUMBER: u64 = 1 << 48;

/// One log: what one author says in one topic, from one beginning of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LogId {
    /// The topic.
    pub topic: TopicId,
    /// Who writes it.
    pub author: NodeId,
    /// The author's incarnation when it began; an author who has lost its log begins another.
    pub life: u64,
}

/// Names an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct EntryId {
    /// Its log.
    pub log: LogId,
    /// Its number there, from 1.
    pub sequence: u64,
}

/// The hash of an entry, signature included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct EntryHash(pub [u8; 32]);

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its log and number.
    pub id: EntryId,
    /// The entry before it; zero for the first.
    pub previous: EntryHash,
    /// A Lamport clock: one more than that of every entry of the topic that its author had.
    pub clock: u64,
    /// The author's wall clock in milliseconds since 1970.
    pub time: u64,
    /// What it says.
    pub body: EntryBody,
    /// By the author.
    pub signature: Signature,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryBody {
    /// The chain key from which the texts of an epoch are read, sealed to each reader.
    Keys {
        /// Which epoch of this log.
        epoch: u64,
        /// One for each reader.
        keys: Vec<SealedKey>,
    },
    /// A text for all readers of its epoch.
    Text {
        /// Which epoch of this log.
        epoch: u64,
        /// The how-manieth text of the epoch, from 0.
        index: u64,
        /// To the text, so that it can be passed on to those who come later.
        commitment: Commitment,
        /// Encrypted with the key of the index.
        ciphertext: Box<[u8]>,
    },
    /// A text for one reader.
    Direct {
        /// Whom.
        to: NodeId,
        /// To which of its prekeys it is sealed.
        prekey: PrekeyId,
        /// To the text.
        commitment: Commitment,
        /// The opening of the commitment, and the text.
        sealed: SealedBox,
    },
}

/// A chain key for one reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// Whom.
    pub reader: NodeId,
    /// To which of its prekeys it is sealed.
    pub prekey: PrekeyId,
    /// The key.
    pub sealed: SealedBox,
}

impl EntryBody {
    /// The commitment to its text, if it has one.
    pub fn commitment(&self) -> Option<&Commitment> {
        match self {
            Self::Keys { .. } => None,
            Self::Text { commitment, .. } | Self::Direct { commitment, .. } => Some(commitment),
        }
    }

    /// The length of its text in bytes, if it has one and is as long as an honest author makes it.
    pub fn text_len(&self) -> Option<usize> {
        match self {
            Self::Keys { .. } => None,
            Self::Text { ciphertext, .. } => ciphertext.len().checked_sub(MESSAGE_OVERHEAD),
            // What opens the commitment stands before the text.
            Self::Direct { sealed, .. } => (sealed.ephemeral.len() + sealed.ciphertext.len()).checked_sub(SEALING_OVERHEAD + 32),
        }
    }
}

/// Bytes of a chain key that is sealed.
const SEALED_KEY: usize = 32 + SEALING_OVERHEAD;

impl LogEntry {
    /// An entry signed by its author.
    pub fn sign(identity: &Identity, network: &[u8; 8], mut entry: Self) -> Self {
        entry.signature = identity.sign(&entry.signed_bytes(network));
        entry
    }

    /// Checks that its author signed it, for this network.
    ///
    /// # Errors
    /// It did not.
    pub fn verify(&self, network: &[u8; 8], mode: CryptoMode) -> Result<(), BadSignature> {
        self.id.log.author.verify(&self.signed_bytes(network), &self.signature, mode)
    }

    /// Whether its numbers and lengths are such as can be.
    pub fn is_sound(&self) -> bool {
        let bodies = match &self.body {
            EntryBody::Keys { keys, .. } => {
                keys.len() <= MAX_SEALED_KEYS
                    && keys.iter().all(|key| key.sealed.ephemeral.len() + key.sealed.ciphertext.len() == SEALED_KEY)
            }
            body => body.text_len().is_some_and(|length| length <= MAX_TEXT),
        };
        bodies && (1..=MAX_NUMBER).contains(&self.id.sequence) && self.clock <= MAX_NUMBER && self.time <= MAX_NUMBER
    }

    /// What the next entry names it by.
    pub fn hash(&self) -> EntryHash {
        let mut hash = Sha256::new();
        hash.update(self.signed_bytes(&[0; 8]));
        hash.update(self.signature.0);
        EntryHash(hash.finalize().into())
    }

    /// Laid out by hand, so that it does not depend on the encoding of messages: a tag, the network, then the fields; integers little
    /// endian, lists and texts preceded by their length.
    fn signed_bytes(&self, network: &[u8; 8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(b"murmuration log1");
        bytes.extend_from_slice(network);
        bytes.extend_from_slice(&self.id.log.topic.0);
        bytes.extend_from_slice(&self.id.log.author.0);
        for number in [self.id.log.life, self.id.sequence, self.clock, self.time] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.previous.0);
        let sealed = |bytes: &mut Vec<u8>, to: &NodeId, prekey: &PrekeyId, sealed: &SealedBox| {
            bytes.extend_from_slice(&to.0);
            bytes.extend_from_slice(&prekey.0);
            bytes.extend_from_slice(&sealed.ephemeral);
            bytes.extend_from_slice(&(sealed.ciphertext.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&sealed.ciphertext);
        };
        match &self.body {
            EntryBody::Keys { epoch, keys } => {
                bytes.push(0);
                bytes.extend_from_slice(&epoch.to_le_bytes());
                bytes.extend_from_slice(&(keys.len() as u32).to_le_bytes());
                keys.iter().for_each(|key| sealed(&mut bytes, &key.reader, &key.prekey, &key.sealed));
            }
            EntryBody::Text { epoch, index, commitment, ciphertext } => {
                bytes.push(1);
                bytes.extend_from_slice(&epoch.to_le_bytes());
                bytes.extend_from_slice(&index.to_le_bytes());
                bytes.extend_from_slice(&commitment.0);
                bytes.extend_from_slice(&(ciphertext.len() as u32).to_le_bytes());
                bytes.extend_from_slice(ciphertext);
            }
            EntryBody::Direct { to, prekey, commitment, sealed: body } => {
                bytes.push(2);
                bytes.extend_from_slice(&commitment.0);
                sealed(&mut bytes, to, prekey, body);
            }
        }
        bytes
    }
}

/// What two members tell each other to fill the gaps of their logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SyncMessage {
    /// What the sender has of a topic.
    Heads {
        /// Which topic.
        topic: TopicId,
        /// Of all logs of the authors from this one …
        from: NodeId,
        /// … to this one. A log in between that is not listed the sender does not have.
        to: NodeId,
        /// At most [`MAX_HEADS`], by author and life.
        heads: Vec<Head>,
        /// It answers another's: it is not answered in turn.
        answer: bool,
    },
    /// What the receiver lacks.
    Entries {
        /// Of each log in order, without gaps.
        entries: Vec<Arc<LogEntry>>,
        /// There is more: the receiver should say again what it has.
        more: bool,
    },
    /// Texts that the sender cannot read and may: what for it was sealed to keys that are gone, or said before it came.
    Ask {
        /// Which.
        wanted: Vec<EntryId>,
    },
    /// Texts that were asked for.
    Share {
        /// Each with what shows that it is the one its author signed.
        texts: Vec<SharedText>,
    },
}

/// How far somebody has one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Who writes it.
    pub author: NodeId,
    /// Which of its logs.
    pub life: u64,
    /// The first entry that is kept.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// The hash of the last.
    pub hash: EntryHash,
}

/// A text that is passed on by one who could read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedText {
    /// Of which entry.
    pub id: EntryId,
    /// Opens its commitment.
    pub opening: Opening,
    /// The text.
    pub text: Box<[u8]>,
}
