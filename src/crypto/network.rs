//! The key of a network and what its hellos say.

use sha2::{Digest, Sha256};

use super::Secret;

/// The key of all handshakes of the network `name`: made of its name and its key, or, in an open network, of its name alone.
///
/// ```
/// use murmuration::crypto::{Secret, network_key};
///
/// assert!(network_key("birds", None) == network_key("birds", None));
/// assert!(network_key("birds", None) != network_key("fish", None));
/// assert!(network_key("birds", None) != network_key("birds", Some(&Secret([7; 32]))));
/// ```
pub fn network_key(name: &str, key: Option<&Secret>) -> [u8; 32] {
    digest(b"murmuration network key 1", name, key)
}

/// What hellos say of the network: it tells nothing of the key.
pub fn network_tag(name: &str, key: Option<&Secret>) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = digest(b"murmuration network tag 1", name, key);
    [a, b, c, d, e, f, g, h]
}

fn digest(context: &[u8], name: &str, key: Option<&Secret>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(context);
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    if let Some(Secret(key)) = key {
        hash.update(key);
    }
    hash.finalize().into()
}
