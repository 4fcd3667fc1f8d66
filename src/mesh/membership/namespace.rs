//! What is known of one member: its heartbeat and its namespace, each part signed by it.

use std::sync::Arc;

use crate::crypto::{BadSignature, CryptoMode, Identity, NodeId, Signature};
use crate::wire::{DigestEntry, Entry};

/// Most keys of a namespace, tombstones included.
pub const MAX_KEYS: usize = 64;
/// Longest key, in bytes.
pub const MAX_KEY: usize = 64;
/// Longest value, in bytes.
pub const MAX_VALUE: usize = 1024;

/// One member, as far as it is known.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Which of its lives.
    pub incarnation: u64,
    /// Its latest heartbeat.
    pub heartbeat: u64,
    /// Its signature over that.
    pub signature: Signature,
    /// Its latest version.
    pub version: u64,
    /// Its entries, by ascending version, one for each key.
    pub entries: Vec<Arc<Entry>>,
}

impl Namespace {
    /// Nothing but a heartbeat.
    pub fn new(incarnation: u64, heartbeat: u64, signature: Signature) -> Self {
        Self { incarnation, heartbeat, signature, version: 0, entries: Vec::new() }
    }

    /// The value of `key`, unless there is none or it was deleted.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.entries.iter().find(|entry| entry.key == key)?.value.as_deref()
    }

    /// Puts an entry in the place of any other of its key.
    pub fn put(&mut self, entry: Arc<Entry>) {
        self.entries.retain(|known| known.key != entry.key);
        self.version = entry.version;
        self.entries.push(entry);
    }

    /// How much of it there is.
    pub fn digest(&self, owner: NodeId) -> DigestEntry {
        DigestEntry { owner, incarnation: self.incarnation, heartbeat: self.heartbeat, version: self.version }
    }
}

fn heartbeat_statement(owner: &NodeId, incarnation: u64, heartbeat: u64) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..24].copy_from_slice(b"murmuration heartbeat 1 ");
    bytes[24..56].copy_from_slice(&owner.0);
    bytes[56..64].copy_from_slice(&incarnation.to_le_bytes());
    bytes[64..].copy_from_slice(&heartbeat.to_le_bytes());
    bytes
}

fn entry_statement(owner: &NodeId, incarnation: u64, key: &str, value: Option<&[u8]>, version: u64) -> Vec<u8> {
    let mut bytes = b"murmuration entry 1".to_vec();
    bytes.extend(owner.0);
    bytes.extend(incarnation.to_le_bytes());
    bytes.extend(version.to_le_bytes());
    bytes.extend((key.len() as u64).to_le_bytes());
    bytes.extend(key.as_bytes());
    bytes.push(u8::from(value.is_some()));
    bytes.extend(value.unwrap_or_default());
    bytes
}

/// The owner signs its heartbeat.
pub fn sign_heartbeat(identity: &Identity, incarnation: u64, heartbeat: u64) -> Signature {
    identity.sign(&heartbeat_statement(&identity.id(), incarnation, heartbeat))
}

/// Checks that `owner` signed its heartbeat.
///
/// # Errors
/// [`BadSignature`] if it did not.
pub fn verify_heartbeat(
    owner: &NodeId,
    incarnation: u64,
    heartbeat: u64,
    signature: &Signature,
    mode: CryptoMode,
) -> Result<(), BadSignature> {
    owner.verify(&heartbeat_statement(owner, incarnation, heartbeat), signature, mode)
}

/// The owner writes an entry.
pub fn sign_entry(identity: &Identity, incarnation: u64, key: String, value: Option<Vec<u8>>, version: u64) -> Entry {
    let signature = identity.sign(&entry_statement(&identity.id(), incarnation, &key, value.as_deref(), version));
    Entry { key, value, version, signature }
}

/// Checks that `owner` wrote an entry, and that it is not too long.
pub fn is_genuine(owner: &NodeId, incarnation: u64, entry: &Entry, mode: CryptoMode) -> bool {
    entry.key.len() <= MAX_KEY
        && entry.value.as_ref().is_none_or(|value| value.len() <= MAX_VALUE)
        && owner
            .verify(&entry_statement(owner, incarnation, &entry.key, entry.value.as_deref(), entry.version), &entry.signature, mode)
            .is_ok()
}
