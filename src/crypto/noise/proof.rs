//! The proof of an identity inside a handshake.

use crate::crypto::{CryptoMode, Identity, NodeId, Signature};
use crate::wire::CloseReason;
use crate::wire::admission::Belonging;

/// Bytes of a proof: id, network, and signature.
pub(super) const PROOF: usize = 32 + Belonging::LENGTH + 64;

/// One side of a handshake, and what binds a proof to it.
#[derive(Clone, Copy)]
pub(super) struct Binding<'a> {
    /// Whether it is the side that began.
    pub initiator: bool,
    /// The session.
    pub hash: &'a [u8],
    /// Its Noise key.
    pub noise_key: &'a [u8],
}

/// What is signed: which protocol, which side, which session, which Noise key, which network.
fn statement(binding: Binding, belonging: &[u8; Belonging::LENGTH]) -> Vec<u8> {
    let Binding { initiator, hash, noise_key } = binding;
    [b"murmuration handshake 2".as_slice(), &[u8::from(initiator)], hash, noise_key, belonging].concat()
}

/// Proves that `identity` is this side of the session, and says in which network it is.
pub(super) fn prove(identity: &Identity, belonging: Belonging, binding: Binding) -> [u8; PROOF] {
    let belonging = belonging.to_bytes();
    let signature = identity.sign(&statement(binding, &belonging));
    let mut proof = [0; PROOF];
    let (id, rest) = proof.split_at_mut(32);
    id.copy_from_slice(&identity.id().0);
    rest[..Belonging::LENGTH].copy_from_slice(&belonging);
    rest[Belonging::LENGTH..].copy_from_slice(&signature.0);
    proof
}

/// Checks a proof; gives the id it proves, and the network that its owner says to be in.
///
/// # Errors
/// [`CloseReason::BadHandshake`] if it is not a proof at all, [`CloseReason::ForgedIdentity`] if it does not hold.
pub(super) fn check(proof: &[u8], binding: Binding, mode: CryptoMode) -> Result<(NodeId, Belonging), CloseReason> {
    let (id, rest) = proof.split_first_chunk::<32>().ok_or(CloseReason::BadHandshake)?;
    let (bytes, signature) = rest.split_first_chunk().ok_or(CloseReason::BadHandshake)?;
    let signature: [u8; 64] = signature.try_into().map_err(|_| CloseReason::BadHandshake)?;
    let id = NodeId(*id);
    id.verify(&statement(binding, bytes), &Signature(signature), mode).map_err(|_| CloseReason::ForgedIdentity)?;
    Ok((id, Belonging::from_bytes(bytes).ok_or(CloseReason::BadHandshake)?))
}
