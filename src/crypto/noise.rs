//! The Noise handshake and the channel it leads to.

use crate::wire::CloseReason;

/// A handshake message as a simulator with modelled cryptography carries it.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelledHandshake {}

/// Seals and opens frames with the keys of a finished handshake.
pub struct NoiseChannel {}

impl std::fmt::Debug for NoiseChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoiseChannel")
    }
}

impl NoiseChannel {
    /// Seals an encoded message into the bytes of a frame.
    ///
    /// # Errors
    /// [`CloseReason::FrameTooLong`] if it does not fit.
    pub fn seal(&mut self, message: &[u8]) -> Result<Box<[u8]>, CloseReason> {
        Err(CloseReason::FrameTooLong)
    }

    /// Opens the bytes of a frame; `in_order` demands the next number.
    ///
    /// # Errors
    /// [`CloseReason::BadSeal`] or [`CloseReason::Replay`].
    pub fn open(&mut self, frame: &[u8], in_order: bool) -> Result<Vec<u8>, CloseReason> {
        Err(CloseReason::BadSeal)
    }
}
