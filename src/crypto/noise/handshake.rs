//! One side of a handshake, step by step.

use rand::Rng;
use snow::{Builder, HandshakeState};

use super::channel::NoiseChannel;
use super::modelled::ModelledSide;
use super::proof::{Binding, PROOF, check, prove};
use super::resolver::SeededResolver;
use crate::crypto::{CryptoMode, Identity, NodeId};
use crate::wire::admission::Belonging;
use crate::wire::frame::{HEADER, VERSION};
use crate::wire::{CloseReason, Frame, FrameKind, ModelledBody};

pub(super) const PATTERN: &str = "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s";
const PROLOGUE: &[u8] = b"murmuration 1";
/// Longest handshake message: two keys, a tag on one, a proof and its tag.
const LONGEST: usize = 32 + 48 + PROOF + 16;

/// One side of a handshake.
pub struct Handshake(Side);

enum Side {
    Noise(Box<NoiseSide>),
    Modelled(Box<ModelledSide>),
}

struct NoiseSide {
    identity: Identity,
    initiator: bool,
    /// Taken when the handshake ends.
    state: Option<HandshakeState>,
    /// This side's Noise key, public half.
    public: Vec<u8>,
    /// Messages read so far.
    read: u8,
}

/// How far a message has brought the handshake.
#[derive(Debug)]
pub enum Progress {
    /// This is the answer; more is to come.
    Reply(Frame),
    /// It is done.
    Finished {
        /// Who the other side is, proven.
        remote: NodeId,
        /// In which network it says to be.
        belonging: Belonging,
        /// The keys of the channel.
        secrets: Secrets,
        /// The last message, if it is this side's.
        reply: Option<Frame>,
    },
}

/// What a finished handshake leads to.
#[derive(Debug)]
pub enum Secrets {
    /// A channel with the keys of both directions.
    Noise(Box<NoiseChannel>),
    /// Modelled cryptography has no keys.
    Modelled,
}

impl Handshake {
    /// Begins a handshake: as `initiator`, the first message comes with it. `key` is the network's key.
    ///
    /// # Errors
    /// [`CloseReason::BadHandshake`] if the Noise library refuses, which it does for no input that gets here.
    pub fn begin(identity: &Identity, initiator: bool, key: &[u8; 32], rng: &mut impl Rng) -> Result<(Self, Option<Frame>), CloseReason> {
        let identity = identity.clone();
        if identity.mode() == CryptoMode::Modelled {
            let mut side = ModelledSide::new(identity, initiator, key, rng);
            let first = initiator.then(|| side.first());
            return Ok((Self(Side::Modelled(Box::new(side))), first));
        }
        let mut side = NoiseSide::new(identity, initiator, key, rng).map_err(|_| CloseReason::BadHandshake)?;
        let first = if initiator { Some(side.write(&[])?) } else { None };
        Ok((Self(Side::Noise(Box::new(side))), first))
    }

    /// Takes a handshake frame of the other side. The answer says to which network this side belongs.
    ///
    /// # Errors
    /// Why the handshake is refused; it cannot go on then.
    pub fn read(&mut self, frame: &Frame, belonging: Belonging) -> Result<Progress, CloseReason> {
        match (&mut self.0, frame) {
            (Side::Noise(side), Frame::Bytes(bytes)) => side.read(bytes.get(HEADER..).unwrap_or_default(), belonging),
            (Side::Modelled(side), Frame::Modelled(frame)) => match &frame.body {
                ModelledBody::Handshake(message) => side.read(message, belonging),
                _ => Err(CloseReason::BadHandshake),
            },
            _ => Err(CloseReason::BadHandshake),
        }
    }
}

impl NoiseSide {
    fn new(identity: Identity, initiator: bool, key: &[u8; 32], rng: &mut impl Rng) -> Result<Self, snow::Error> {
        let params = || PATTERN.parse::<snow::params::NoiseParams>();
        let mut resolver = SeededResolver::new(rng);
        let keys = Builder::with_resolver(params()?, Box::new(resolver.fork())).generate_keypair()?;
        let builder =
            Builder::with_resolver(params()?, Box::new(resolver)).prologue(PROLOGUE)?.local_private_key(&keys.private)?.psk(3, key)?;
        let state = if initiator { builder.build_initiator()? } else { builder.build_responder()? };
        Ok(Self { identity, initiator, state: Some(state), public: keys.public, read: 0 })
    }

    fn read(&mut self, message: &[u8], mine: Belonging) -> Result<Progress, CloseReason> {
        let state = self.state.as_mut().ok_or(CloseReason::BadHandshake)?;
        // The proof covers the hash as it stood before the message that carries it.
        let before = state.get_handshake_hash().to_vec();
        let mut payload = [0; LONGEST];
        let length = state.read_message(message, &mut payload).map_err(|_| match (self.initiator, self.read) {
            // Only the third message needs the network's key, so only there a key that differs shows.
            (false, 1) => CloseReason::WrongNetworkKey,
            _ => CloseReason::BadHandshake,
        })?;
        self.read += 1;
        if !self.initiator && self.read == 1 {
            return Ok(Progress::Reply(self.write_proof(mine)?));
        }
        let theirs = state.get_remote_static().ok_or(CloseReason::BadHandshake)?;
        let binding = Binding { initiator: !self.initiator, hash: &before, noise_key: theirs };
        let (remote, belonging) = check(&payload[..length], binding, CryptoMode::Real)?;
        let reply = if self.initiator { Some(self.write_proof(mine)?) } else { None };
        let state = self.state.take().ok_or(CloseReason::BadHandshake)?;
        let keys = state.into_stateless_transport_mode().map_err(|_| CloseReason::BadHandshake)?;
        Ok(Progress::Finished { remote, belonging, secrets: Secrets::Noise(Box::new(NoiseChannel::new(keys))), reply })
    }

    fn write_proof(&mut self, belonging: Belonging) -> Result<Frame, CloseReason> {
        let hash = self.state.as_ref().ok_or(CloseReason::BadHandshake)?.get_handshake_hash();
        let binding = Binding { initiator: self.initiator, hash, noise_key: &self.public };
        let proof = prove(&self.identity, belonging, binding);
        self.write(&proof)
    }

    fn write(&mut self, payload: &[u8]) -> Result<Frame, CloseReason> {
        let state = self.state.as_mut().ok_or(CloseReason::BadHandshake)?;
        let mut frame = [0; HEADER + LONGEST];
        frame[..HEADER].copy_from_slice(&[VERSION, FrameKind::Handshake as u8]);
        let length = state.write_message(payload, &mut frame[HEADER..]).map_err(|_| CloseReason::BadHandshake)?;
        Ok(Frame::Bytes(frame[..HEADER + length].into()))
    }
}
