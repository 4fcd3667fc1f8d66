//! The encoding of messages: bincode 2, little endian, variable-length integers, bounded.
//!
//! It is used here and nowhere else, so that it can be replaced in one place (bincode 2.0.1 is complete and no longer developed).

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::SizeWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::WireMessage;
use super::limits::MAX_MESSAGE;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_MESSAGE>> = bincode::config::standard().with_limit::<MAX_MESSAGE>();

/// Why a message cannot be encoded or decoded.
#[derive(thiserror::Error, Debug)]
pub enum CodecError {
    /// It is longer than a message may be; the sender must split it.
    #[error("a message of {length} bytes is longer than the {limit} allowed")]
    TooLong {
        /// Its encoded length in bytes.
        length: usize,
        /// What it may have.
        limit: usize,
    },
    /// The bytes are not an encoded message.
    #[error("the bytes are not a message: {0}")]
    Malformed(#[from] bincode::error::DecodeError),
    /// A message is followed by something else.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
    /// It does not begin as ours do.
    #[error("the bytes are of another program or version")]
    Foreign,
    /// It holds what must not leave the node.
    #[error("the value cannot be encoded: {0}")]
    Private(#[from] bincode::error::EncodeError),
}

/// Encodes a message.
///
/// # Errors
/// [`CodecError::TooLong`] if it would not fit into a frame.
pub fn encode(message: &WireMessage) -> Result<Vec<u8>, CodecError> {
    let length = encoded_len(message);
    if length > MAX_MESSAGE {
        return Err(CodecError::TooLong { length, limit: MAX_MESSAGE });
    }
    bincode::serde::encode_to_vec(message, CONFIG).map_err(|_| CodecError::TooLong { length, limit: MAX_MESSAGE })
}

/// The length of a message when encoded, in bytes.
pub fn encoded_len(message: &WireMessage) -> usize {
    // The messages that are many, or long, know their length without being encoded.
    match message {
        WireMessage::Broadcast(message) => return 1 + message.encoded_len(),
        WireMessage::Membership(message) => return 1 + message.encoded_len(),
        WireMessage::Routing(message) => return 1 + message.encoded_len(),
        _ => {}
    }
    value_len(message)
}

fn value_len(value: &impl Serialize) -> usize {
    let mut size = SizeWriter::default();
    // Counting cannot fail: the writer takes everything, and every message type serializes.
    let _ = bincode::serde::encode_into_writer(value, &mut size, CONFIG);
    size.bytes_written
}

/// Decodes exactly one message from all of `bytes`.
///
/// # Errors
/// [`CodecError::Malformed`] or [`CodecError::Trailing`]; nothing larger than the limits has been allocated.
pub fn decode(bytes: &[u8]) -> Result<WireMessage, CodecError> {
    if bytes.len() > MAX_MESSAGE {
        return Err(CodecError::TooLong { length: bytes.len(), limit: MAX_MESSAGE });
    }
    decode_value(bytes)
}

/// Encodes something that is no message, in the same way.
///
/// # Errors
/// [`CodecError::Private`].
pub fn encode_value(value: &impl Serialize) -> Result<Vec<u8>, CodecError> {
    Ok(bincode::serde::encode_to_vec(value, CONFIG)?)
}

/// Encodes something that is secret, in the same way: the bytes are erased when dropped, and nowhere else are any.
///
/// # Errors
/// [`CodecError::Private`].
pub fn encode_secret(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, CodecError> {
    // Of its full length from the beginning: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(vec![0; value_len(value)]);
    bincode::serde::encode_into_slice(value, &mut bytes, CONFIG)?;
    Ok(bytes)
}

/// Encodes something that is no message and may have `limit` bytes, in the same way.
///
/// # Errors
/// [`CodecError::TooLong`], before anything has been allocated, or [`CodecError::Private`].
pub fn encode_value_within(value: &impl Serialize, limit: usize) -> Result<Vec<u8>, CodecError> {
    match value_len(value) {
        length if length > limit => Err(CodecError::TooLong { length, limit }),
        _ => encode_value(value),
    }
}

/// Decodes exactly one value from all of `bytes`.
///
/// # Errors
/// [`CodecError::Malformed`] or [`CodecError::Trailing`]; nothing larger than the limits has been allocated.
pub fn decode_value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, read) = bincode::serde::decode_from_slice(bytes, CONFIG)?;
    match bytes.len() - read {
        0 => Ok(value),
        rest => Err(CodecError::Trailing(rest)),
    }
}

/// Longest value of a recording in bytes.
pub const MAX_RECORDED: usize = 1 << 20;
const RECORDED: Configuration<LittleEndian, Varint, Limit<MAX_RECORDED>> = bincode::config::standard().with_limit::<MAX_RECORDED>();

/// Appends a value to a recording, which holds longer ones than a link does. Returns how many bytes it takes.
///
/// # Errors
/// [`CodecError::Private`].
pub fn append_recorded(value: &impl Serialize, out: &mut Vec<u8>) -> Result<usize, CodecError> {
    Ok(bincode::serde::encode_into_std_write(value, out, RECORDED)?)
}

/// Takes a value of a recording from the front of `bytes`.
///
/// # Errors
/// [`CodecError::Malformed`]; nothing larger than the limits has been allocated.
pub fn take_recorded<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, CodecError> {
    let (value, read) = bincode::serde::decode_from_slice(bytes, RECORDED)?;
    *bytes = bytes.get(read..).unwrap_or_default();
    Ok(value)
}

/// The length of an integer in bincode's variable-length encoding.
pub(super) const fn varint_len(value: u64) -> usize {
    match value {
        0..=250 => 1,
        251..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Protocol;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_bytes_are_a_message_or_an_error_in_every_protocol(
            protocol in 0..Protocol::COUNT as u8 + 1, variant in 0_u8..12, mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            bytes.splice(..0, [protocol, variant]);
            if let Ok(message) = decode(&bytes) {
                // What was accepted is encoded in one way only, but for integers that were written longer than they need be.
                let again = encode(&message).unwrap();
                prop_assert!(again.len() <= bytes.len());
                prop_assert_eq!(encoded_len(&message), again.len());
                prop_assert_eq!(decode(&again).unwrap(), message);
            }
        }

        #[test]
        fn a_length_that_promises_more_than_there_is_allocates_nothing(protocol in 0..8_u8, variant in 0_u8..12, length in any::<u64>()) {
            let mut bytes = vec![protocol, variant, 253];
            bytes.extend(length.to_le_bytes());
            bytes.extend([0; 64]);
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_read() {
        assert!(matches!(decode(&vec![0; MAX_MESSAGE + 1]), Err(CodecError::TooLong { .. })));
    }
}
