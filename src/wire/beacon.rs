//! The hello that a node says on its local segment, outside of any session.
//!
//! As a datagram it is `"MURM", version, body`: other programs speak on the same port and group, and must be told apart.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::codec::{self, CodecError};
use super::frame::VERSION;
use super::{Address, NodeId};

/// First bytes of a datagram.
const MAGIC: [u8; 4] = *b"MURM";
/// Longest datagram in bytes.
pub const MAX_DATAGRAM: usize = 128;

/// "I am here." It is not authenticated: it only says where a dial might be worth while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Which network: a hash of its name, so that others on the segment are left alone.
    pub network: [u8; 8],
    /// Who says so.
    pub id: NodeId,
    /// Where it accepts sessions.
    pub address: Address,
}

/// A hello as a datagram.
///
/// # Errors
/// The address is not one that others can be told.
pub fn encode(hello: &Hello) -> Result<Vec<u8>, CodecError> {
    let mut datagram = [MAGIC.as_slice(), &[VERSION]].concat();
    datagram.extend(codec::encode_value(hello)?);
    Ok(datagram)
}

/// Bytes of a hello as a datagram. An address in memory, which is told to nobody, counts as one of IPv4.
pub fn encoded_len(hello: &Hello) -> usize {
    let address = match hello.address {
        Address::Memory(_) => Address::Socket((Ipv4Addr::LOCALHOST, u16::MAX).into()),
        address => address,
    };
    encode(&Hello { address, ..*hello }).map_or(0, |datagram| datagram.len())
}

/// The hello in a datagram.
///
/// # Errors
/// It is none, or one of another version.
pub fn decode(datagram: &[u8]) -> Result<Hello, CodecError> {
    let body = datagram.strip_prefix(&MAGIC).and_then(|rest| rest.strip_prefix(&[VERSION])).filter(|_| datagram.len() <= MAX_DATAGRAM);
    codec::decode_value(body.ok_or(CodecError::Foreign)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hello_comes_back_from_its_datagram_and_fits() {
        for address in ["[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "10.0.0.1:9000"] {
            let hello = Hello { network: *b"a networ", id: NodeId([9; 32]), address: Address::Socket(address.parse().unwrap()) };
            let datagram = encode(&hello).unwrap();
            assert!(datagram.len() <= MAX_DATAGRAM, "{}", datagram.len());
            assert_eq!(decode(&datagram).unwrap(), hello);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_hello_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), ours in any::<bool>()) {
            let datagram = if ours { [b"MURM\x01".as_slice(), &bytes].concat() } else { bytes };
            let _ = decode(&datagram);
        }
    }
}
