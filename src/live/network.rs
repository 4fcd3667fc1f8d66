//! The key of a network and what its hellos say, as a node holds them.

use crate::crypto::{self, Secret};
use crate::kernel::NetworkTag;
use crate::mesh::handshake::NetworkKey;

/// The key of all handshakes of the network `name`: made of its name and its key, or, in an open network, of its name alone.
///
/// ```
/// use murmuration::crypto::Secret;
/// use murmuration::live::network_key;
///
/// assert!(network_key("birds", None) == network_key("birds", None));
/// assert!(network_key("birds", None) != network_key("birds", Some(&Secret([7; 32]))));
/// ```
pub fn network_key(name: &str, key: Option<&Secret>) -> NetworkKey {
    NetworkKey(crypto::network_key(name, key))
}

/// What hellos say of the network: it tells nothing of the key.
pub fn network_tag(name: &str, key: Option<&Secret>) -> NetworkTag {
    NetworkTag(crypto::network_tag(name, key))
}
