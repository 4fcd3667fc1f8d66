//! What owners sign, and the check of it.
//!
//! The bytes that are signed are laid out here by hand, so that they do not depend on the encoding of messages: a tag, the
//! owner, the incarnation, then the fields; integers little endian, texts preceded by their length.

use crate::crypto::{BadSignature, CryptoMode, Identity, NodeId, Signature};
use crate::wire::membership::{Entry, SignedHeartbeat};

const HEARTBEAT: &[u8; 16] = b"murmuration hb 1";
const ENTRY: &[u8; 16] = b"murmuration kv 1";
/// Places in the memory of verified heartbeats; a power of two.
const REMEMBERED: usize = 4096;

fn heartbeat_bytes(owner: &NodeId, incarnation: u64, count: u32, collected: u32) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..16].copy_from_slice(HEARTBEAT);
    bytes[16..48].copy_from_slice(&owner.0);
    bytes[48..56].copy_from_slice(&incarnation.to_le_bytes());
    bytes[56..60].copy_from_slice(&count.to_le_bytes());
    bytes[60..].copy_from_slice(&collected.to_le_bytes());
    bytes
}

fn entry_bytes(owner: &NodeId, incarnation: u64, (key, value): (&str, &[u8]), version: u32, deleted: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + 32 + 8 + 4 + 1 + 4 + key.len() + 4 + value.len());
    bytes.extend_from_slice(ENTRY);
    bytes.extend_from_slice(&owner.0);
    bytes.extend_from_slice(&incarnation.to_le_bytes());
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.push(deleted.into());
    for field in [key.as_bytes(), value] {
        bytes.extend_from_slice(&(field.len() as u32).to_le_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// Signs a heartbeat.
pub fn sign_heartbeat(identity: &Identity, incarnation: u64, count: u32, collected: u32) -> SignedHeartbeat {
    let signature = identity.sign(&heartbeat_bytes(&identity.id(), incarnation, count, collected));
    SignedHeartbeat { count, collected, signature }
}

/// Signs an entry, or with `None` the tombstone of a key.
pub fn sign_entry(identity: &Identity, incarnation: u64, key: &str, value: Option<&[u8]>, version: u32) -> Entry {
    let (deleted, value) = (value.is_none(), value.unwrap_or_default());
    let signature = identity.sign(&entry_bytes(&identity.id(), incarnation, (key, value), version, deleted));
    Entry { key: key.into(), value: value.into(), version, deleted, signature }
}

/// Checks signatures. It remembers heartbeats that held, because many nodes of one process check the same ones: a pure
/// function is only computed once. An entry is checked once in its life by each node and is not worth it.
#[derive(Debug)]
pub struct Verifier {
    /// Direct-mapped; a later heartbeat takes the place of an earlier one.
    held: Vec<Option<(NodeId, u64, SignedHeartbeat)>>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { held: vec![None; REMEMBERED] }
    }
}

impl Verifier {
    /// Checks a heartbeat.
    pub fn heartbeat(
        &mut self,
        owner: &NodeId,
        incarnation: u64,
        heartbeat: &SignedHeartbeat,
        mode: CryptoMode,
    ) -> Result<(), BadSignature> {
        let check = || {
            let bytes = heartbeat_bytes(owner, incarnation, heartbeat.count, heartbeat.collected);
            owner.verify(&bytes, &heartbeat.signature, mode)
        };
        if mode == CryptoMode::Modelled {
            return check();
        }
        let place = &mut self.held[place_of(&heartbeat.signature)];
        let this = Some((*owner, incarnation, *heartbeat));
        if *place != this {
            check()?;
            *place = this;
        }
        Ok(())
    }

    /// Checks an entry.
    pub fn entry(&self, owner: &NodeId, incarnation: u64, entry: &Entry, mode: CryptoMode) -> Result<(), BadSignature> {
        let bytes = entry_bytes(owner, incarnation, (&entry.key, &entry.value), entry.version, entry.deleted);
        owner.verify(&bytes, &entry.signature, mode)
    }
}

/// The first bytes of an Ed25519 signature are as good as random.
fn place_of(signature: &Signature) -> usize {
    usize::from(u16::from_le_bytes([signature.0[0], signature.0[1]])) % REMEMBERED
}
