//! The handshake without its arithmetic: the same steps, sizes and verdicts, for simulators.

use rand::Rng;

use super::handshake::{Progress, Secrets};
use super::proof::{Binding, PROOF, check, prove};
use crate::crypto::{CryptoMode, Identity, NodeId};
use crate::wire::admission::Belonging;
use crate::wire::frame::HEADER;
use crate::wire::{CloseReason, Frame, ModelledBody, ModelledFrame};

/// A handshake message as a simulator with modelled cryptography carries it.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelledHandshake {
    /// `e`.
    First {
        /// Stands for the initiator's ephemeral key.
        ephemeral: u64,
    },
    /// `e, ee, s, es`.
    Second {
        /// Stands for the responder's ephemeral key.
        ephemeral: u64,
        /// Its identity.
        proof: Box<[u8; PROOF]>,
    },
    /// `s, se, psk`.
    Third {
        /// Stands for what only the network's key can seal.
        seal: u64,
        /// The initiator's identity.
        proof: Box<[u8; PROOF]>,
    },
}

/// Sizes of the real messages: keys of 32 bytes, tags of 16.
const SIZES: [usize; 3] = [32 + 16, 32 + 48 + PROOF + 16, 48 + PROOF + 16];

/// One side of a modelled handshake.
pub struct ModelledSide {
    pub(super) identity: Identity,
    pub(super) initiator: bool,
    seal: u64,
    mine: u64,
    theirs: u64,
    step: u8,
}

impl ModelledSide {
    pub(super) fn new(identity: Identity, initiator: bool, key: &[u8; 32], rng: &mut impl Rng) -> Self {
        // As many draws as the real one takes, so that both leave the stream at the same place.
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let fold = |bytes: &[u8]| {
            bytes.chunks(8).fold(0_u64, |sum, chunk| sum.rotate_left(7) ^ chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
        };
        Self { identity, initiator, seal: fold(key), mine: fold(&seed), theirs: 0, step: 0 }
    }

    pub(super) fn first(&mut self) -> Frame {
        self.step = 1;
        frame(0, ModelledHandshake::First { ephemeral: self.mine })
    }

    fn prove(&self, belonging: Belonging) -> Box<[u8; PROOF]> {
        let binding = Binding { initiator: self.initiator, hash: &self.theirs.to_le_bytes(), noise_key: &self.mine.to_le_bytes() };
        Box::new(prove(&self.identity, belonging, binding))
    }

    fn check(&self, proof: &[u8; PROOF]) -> Result<(NodeId, Belonging), CloseReason> {
        let binding = Binding { initiator: !self.initiator, hash: &self.mine.to_le_bytes(), noise_key: &self.theirs.to_le_bytes() };
        check(proof, binding, CryptoMode::Modelled)
    }

    pub(super) fn read(&mut self, message: &ModelledHandshake, mine: Belonging) -> Result<Progress, CloseReason> {
        match (self.initiator, self.step, message) {
            (false, 0, ModelledHandshake::First { ephemeral }) => {
                (self.theirs, self.step) = (*ephemeral, 1);
                let proof = self.prove(mine);
                Ok(Progress::Reply(frame(1, ModelledHandshake::Second { ephemeral: self.mine, proof })))
            }
            (true, 1, ModelledHandshake::Second { ephemeral, proof }) => {
                (self.theirs, self.step) = (*ephemeral, 2);
                let (remote, belonging) = self.check(proof)?;
                let proof = self.prove(mine);
                let reply = frame(2, ModelledHandshake::Third { seal: self.seal, proof });
                Ok(Progress::Finished { remote, belonging, secrets: Secrets::Modelled, reply: Some(reply) })
            }
            (false, 1, ModelledHandshake::Third { seal, .. }) if *seal != self.seal => Err(CloseReason::WrongNetworkKey),
            (false, 1, ModelledHandshake::Third { proof, .. }) => {
                self.step = 2;
                let (remote, belonging) = self.check(proof)?;
                Ok(Progress::Finished { remote, belonging, secrets: Secrets::Modelled, reply: None })
            }
            _ => Err(CloseReason::BadHandshake),
        }
    }
}

fn frame(step: usize, message: ModelledHandshake) -> Frame {
    Frame::Modelled(ModelledFrame { size: (HEADER + SIZES[step]) as u32, body: ModelledBody::Handshake(message) })
}
