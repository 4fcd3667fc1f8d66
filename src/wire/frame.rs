//! What crosses a link: a frame, in bytes or, with modelled cryptography, as its content and its size.
//!
//! The bytes are `version, kind, body`. A transport frame's body is `nonce (8 bytes, little endian), ciphertext, tag (16 bytes)`.

use super::{CloseReason, WireMessage};
use crate::crypto::{CryptoMode, ModelledHandshake};

/// First byte of every frame.
pub const VERSION: u8 = 2;
/// Version and kind.
pub const HEADER: usize = 2;
/// What sealing adds to a message: header, nonce and tag.
pub const SEAL_OVERHEAD: usize = HEADER + 8 + 16;

/// One frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// As it is on a wire.
    Bytes(Box<[u8]>),
    /// What it would say and how long it would be: same messages, same sizes, no arithmetic.
    Modelled(ModelledFrame),
}

/// A frame that only a simulator carries.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelledFrame {
    /// Bytes it would have.
    pub size: u32,
    /// What it says.
    pub body: ModelledBody,
}

/// What a modelled frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelledBody {
    /// A handshake message.
    Handshake(ModelledHandshake),
    /// The refusal of a handshake.
    Refusal(CloseReason),
    /// A sealed message and its number.
    Transport {
        /// Number of the frame in its direction, from 0.
        nonce: u64,
        /// The message.
        message: WireMessage,
    },
}

/// The kinds of frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// A step of the handshake.
    Handshake = 1,
    /// A handshake is refused; the body is the reason, in clear.
    Refusal = 2,
    /// A sealed message.
    Transport = 3,
}

impl Frame {
    /// The refusal of a handshake, in clear: whoever is refused has no key.
    pub fn refusal(reason: CloseReason, mode: CryptoMode) -> Self {
        match mode {
            CryptoMode::Real => Self::Bytes([VERSION, FrameKind::Refusal as u8, reason as u8].into()),
            CryptoMode::Modelled => Self::Modelled(ModelledFrame { size: HEADER as u32 + 1, body: ModelledBody::Refusal(reason) }),
        }
    }

    /// Why a handshake is refused, if this is a refusal. A reason that is not known counts as a bad handshake.
    pub fn refused(&self) -> Option<CloseReason> {
        match self {
            Self::Bytes(bytes) => match **bytes {
                [VERSION, 2, reason] => Some(CloseReason::from_number(reason).unwrap_or(CloseReason::BadHandshake)),
                [VERSION, 2, ..] => Some(CloseReason::BadHandshake),
                _ => None,
            },
            Self::Modelled(ModelledFrame { body: ModelledBody::Refusal(reason), .. }) => Some(*reason),
            Self::Modelled(_) => None,
        }
    }

    /// Its length on the wire in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no frame is empty: it has at least its header")]
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Modelled(frame) => frame.size as usize,
        }
    }

    /// Its kind; the reason to close the session if it has none.
    pub fn kind(&self) -> Result<FrameKind, CloseReason> {
        match self {
            Self::Bytes(bytes) => match **bytes {
                [VERSION, 1, ..] => Ok(FrameKind::Handshake),
                [VERSION, 2, ..] => Ok(FrameKind::Refusal),
                [VERSION, 3, ..] => Ok(FrameKind::Transport),
                [VERSION, ..] => Err(CloseReason::Undecodable),
                _ => Err(CloseReason::UnknownVersion),
            },
            Self::Modelled(frame) => Ok(match frame.body {
                ModelledBody::Handshake(_) => FrameKind::Handshake,
                ModelledBody::Refusal(_) => FrameKind::Refusal,
                ModelledBody::Transport { .. } => FrameKind::Transport,
            }),
        }
    }
}
