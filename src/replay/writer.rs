//! A recording is written.

use std::io::{self, Write};

use super::digest::{Chain, State};
use super::keys::{Keys, Sealed};
use super::{FORMAT, Header, MAGIC, MAX_ARRIVALS, MAX_BLOCK, content_check, length_check};
use crate::crypto::Secret;
use crate::gate::{Arrival, Output};
use crate::kernel::Instant;
use crate::wire::codec::{self, CodecError, MAX_RECORDED};

/// Bytes of a block besides its content.
const FRAME: u64 = 12;

/// Why something is not written.
#[derive(thiserror::Error, Debug)]
pub enum WriteError {
    /// It cannot be stored.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is longer than a recording can hold.
    #[error("what entered at one moment is longer than a recording can hold")]
    TooLong,
    /// It holds what a recording has no words for.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// Writes a recording.
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    written: u64,
    previous: Instant,
    chain: Chain,
    scratch: Vec<u8>,
}

/// What a block after the first two begins with.
pub(super) const TICK: u8 = 1;
pub(super) const END: u8 = 2;

/// The front of a tick: time since the last, half of the digest of what has left, the state if it is noted down, number of arrivals.
pub(super) type Front = (i64, u64, Option<State>, u32);

/// The header as it stands in a recording.
pub(super) fn encode_header(header: &Header) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    let length = codec::append_recorded(header, &mut bytes)?;
    if length > MAX_RECORDED { Err(WriteError::TooLong) } else { Ok(bytes) }
}

impl<W: Write> Writer<W> {
    /// Begins a recording. With a secret and a nonce `keys` are encrypted into it, else they are left out.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(sink: W, header: &Header, keys: &Keys, secret: Option<(&Secret, [u8; 12])>) -> Result<Self, WriteError> {
        let mut it = Self { sink, written: 0, previous: header.started(), chain: Chain::default(), scratch: Vec::new() };
        let front = [MAGIC.as_slice(), &[FORMAT]].concat();
        it.sink.write_all(&front)?;
        it.written = front.len() as u64;
        let header = encode_header(header)?;
        it.block(&header)?;
        let sealed: Option<Sealed> = secret.map(|(secret, nonce)| keys.seal(secret, nonce, &header));
        let mut bytes = Vec::new();
        codec::append_recorded(&sealed, &mut bytes)?;
        it.block(&bytes)?;
        Ok(it)
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// A tick at `at` took in `arrivals`, and `outputs` left in it. Returns false, and writes nothing, if the recording would be longer than
    /// `limit` with it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn tick(
        &mut self,
        at: Instant,
        arrivals: &[Arrival],
        outputs: &[Output],
        state: Option<State>,
        limit: u64,
    ) -> Result<bool, WriteError> {
        let count = u32::try_from(arrivals.len()).ok().filter(|count| *count <= MAX_ARRIVALS).ok_or(WriteError::TooLong)?;
        let mut chain = self.chain.clone();
        chain.add(outputs);
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        bytes.push(TICK);
        let front: Front = (at.as_nanos().wrapping_sub(self.previous.as_nanos()) as i64, chain.short(), state, count);
        codec::append_recorded(&front, &mut bytes)?;
        for arrival in arrivals {
            if codec::append_recorded(arrival, &mut bytes)? > MAX_RECORDED {
                return Err(WriteError::TooLong);
            }
        }
        if bytes.len() > MAX_BLOCK {
            return Err(WriteError::TooLong);
        }
        if self.written + FRAME + bytes.len() as u64 > limit {
            return Ok(false);
        }
        self.block(&bytes)?;
        (self.previous, self.chain) = (at, chain);
        bytes.shrink_to(64 << 10);
        self.scratch = bytes;
        Ok(true)
    }

    /// The life has ended in order, in `state`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(&mut self, state: &State) -> Result<(), WriteError> {
        let mut bytes = vec![END];
        codec::append_recorded(state, &mut bytes)?;
        self.block(&bytes)?;
        self.flush()
    }

    /// Hands over what is buffered.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        Ok(self.sink.flush()?)
    }

    fn block(&mut self, content: &[u8]) -> Result<(), WriteError> {
        let length = (content.len() as u32).to_le_bytes();
        self.sink.write_all(&length)?;
        self.sink.write_all(&length_check(length, self.written))?;
        self.sink.write_all(content)?;
        self.sink.write_all(&content_check(content))?;
        self.written += FRAME + content.len() as u64;
        Ok(())
    }
}
