//! The channel that a finished handshake leads to: each frame sealed for itself, with its number as the nonce.

use std::fmt;

use snow::StatelessTransportState;

use crate::wire::frame::{HEADER, SEAL_OVERHEAD, VERSION};
use crate::wire::{CloseReason, FrameKind, MAX_FRAME, ReplayWindow};

/// Bytes of the frame's number.
const NONCE: usize = 8;

/// Seals and opens frames with the keys of a finished handshake.
pub struct NoiseChannel {
    keys: StatelessTransportState,
    next: u64,
    seen: ReplayWindow,
}

/// Says nothing about the keys.
impl fmt::Debug for NoiseChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseChannel").field("next", &self.next).finish_non_exhaustive()
    }
}

impl NoiseChannel {
    pub(super) fn new(keys: StatelessTransportState) -> Self {
        Self { keys, next: 0, seen: ReplayWindow::default() }
    }

    /// Seals an encoded message into the bytes of a frame.
    ///
    /// # Errors
    /// [`CloseReason::FrameTooLong`] if it does not fit.
    pub fn seal(&mut self, message: &[u8]) -> Result<Box<[u8]>, CloseReason> {
        if message.len() + SEAL_OVERHEAD > MAX_FRAME {
            return Err(CloseReason::FrameTooLong);
        }
        let mut frame = vec![0; message.len() + SEAL_OVERHEAD];
        frame[..HEADER].copy_from_slice(&[VERSION, FrameKind::Transport as u8]);
        frame[HEADER..HEADER + NONCE].copy_from_slice(&self.next.to_le_bytes());
        self.keys.write_message(self.next, message, &mut frame[HEADER + NONCE..]).map_err(|_| CloseReason::BadSeal)?;
        self.next += 1;
        Ok(frame.into())
    }

    /// The number after the highest that has come.
    pub fn heard(&self) -> u64 {
        self.seen.next()
    }

    /// Opens the bytes of a frame; `in_order` demands the next number.
    ///
    /// # Errors
    /// [`CloseReason::FrameTooLong`], [`CloseReason::Replay`], or [`CloseReason::BadSeal`] for what the other side did not seal.
    pub fn open(&mut self, frame: &[u8], in_order: bool) -> Result<Vec<u8>, CloseReason> {
        if frame.len() > MAX_FRAME {
            return Err(CloseReason::FrameTooLong);
        }
        let body = frame.get(HEADER..).ok_or(CloseReason::BadSeal)?;
        let (number, sealed) = body.split_first_chunk::<NONCE>().ok_or(CloseReason::BadSeal)?;
        let number = u64::from_le_bytes(*number);
        self.seen.check(number, in_order)?;
        let mut message = vec![0; sealed.len()];
        let length = self.keys.read_message(number, sealed, &mut message).map_err(|_| CloseReason::BadSeal)?;
        message.truncate(length);
        self.seen.accept(number, in_order)?;
        Ok(message)
    }
}
