//! The proof of an identity inside a handshake.

use crate::crypto::{CryptoMode, Identity, NodeId, Signature};
use crate::wire::CloseReason;

/// Bytes of a proof: id and signature.
pub(super) const PROOF: usize = 32 + 64;

/// What is signed: which protocol, which side, which session, which Noise key.
fn statement(initiator: bool, hash: &[u8], noise_key: &[u8]) -> Vec<u8> {
    [b"murmuration handshake 1".as_slice(), &[u8::from(initiator)], hash, noise_key].concat()
}

/// Proves that `identity` is the side `initiator` of the session `hash` and uses `noise_key` there.
pub(super) fn prove(identity: &Identity, initiator: bool, hash: &[u8], noise_key: &[u8]) -> [u8; PROOF] {
    let mut proof = [0; PROOF];
    proof[..32].copy_from_slice(&identity.id().0);
    proof[32..].copy_from_slice(&identity.sign(&statement(initiator, hash, noise_key)).0);
    proof
}

/// Checks a proof; gives the id it proves.
///
/// # Errors
/// [`CloseReason::BadHandshake`] if it is not a proof at all, [`CloseReason::ForgedIdentity`] if it does not hold.
pub(super) fn check(proof: &[u8], initiator: bool, hash: &[u8], noise_key: &[u8], mode: CryptoMode) -> Result<NodeId, CloseReason> {
    let (id, signature) = proof.split_first_chunk::<32>().ok_or(CloseReason::BadHandshake)?;
    let signature: [u8; 64] = signature.try_into().map_err(|_| CloseReason::BadHandshake)?;
    let id = NodeId(*id);
    id.verify(&statement(initiator, hash, noise_key), &Signature(signature), mode).map_err(|_| CloseReason::ForgedIdentity)?;
    Ok(id)
}
