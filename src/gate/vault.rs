//! Rows leave the world encrypted, and come back so: what keeps them learns neither what they hold nor what they are called, and a recording
//! holds them as they were kept.
//!
//! Both keys follow from the node's identity. A row is bound to its name, so none can be put in another's place. Whoever may write where they
//! are kept can delete rows, or put back older ones: that is not noticed.

use bevy_ecs::prelude::*;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use indexmap::IndexMap;
use rand::Rng;
use rustc_hash::FxBuildHasher;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::values::Output;
use super::{Arrival, Gate, Input};
use crate::crypto::{Identity, Secret};
use crate::kernel::{KeyRng, Keys, Node, Persist, Restored};

/// Bytes of a blinded name.
const NAME: usize = 16;
/// Bytes of a nonce.
const NONCE: usize = 12;

/// The keys of a node's rows. On the node entity, from its first row on.
#[derive(Component, Debug)]
pub(super) struct Vault {
    content: Secret,
    names: Secret,
}

impl Vault {
    pub fn new(identity: &Identity) -> Self {
        Self { content: identity.derive(b"murmuration store 1"), names: identity.derive(b"murmuration store names 1") }
    }

    /// What stands for the name of a row: HMAC-SHA256, the first half.
    fn blind(&self, row: &[u8]) -> Box<[u8]> {
        Hkdf::<Sha256>::extract(Some(&self.names.0), row).0.iter().copied().take(NAME).collect()
    }

    /// Encrypts a row; returns what stands for its name, and what is kept.
    pub fn seal(&self, row: &[u8], value: &[u8], nonce: [u8; NONCE]) -> (Box<[u8]>, Box<[u8]>) {
        let name = self.blind(row);
        let mut plain = Zeroizing::new(Vec::with_capacity(4 + row.len() + value.len()));
        plain.extend_from_slice(&(row.len() as u32).to_le_bytes());
        plain.extend_from_slice(row);
        plain.extend_from_slice(value);
        let cipher = ChaCha20Poly1305::new(Key::from_slice(&self.content.0));
        // It fails for texts of many gigabytes only.
        let sealed = cipher.encrypt(Nonce::from_slice(&nonce), Payload { msg: &plain, aad: &name }).unwrap_or_default();
        let kept = [&nonce[..], &sealed].concat().into();
        (name, kept)
    }

    /// Opens what was kept under `name`: the row and its value.
    pub fn open(&self, name: &[u8], kept: &[u8]) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        let (nonce, sealed) = kept.split_first_chunk::<NONCE>()?;
        let cipher = ChaCha20Poly1305::new(Key::from_slice(&self.content.0));
        let plain = Zeroizing::new(cipher.decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: name }).ok()?);
        let (length, rest) = plain.split_first_chunk()?;
        let (row, value) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some((row.to_vec(), value.to_vec().into()))
    }
}

/// Hands over the rows of earlier lives. A row that does not open is counted, and left out.
pub(super) fn restore(mut gate: ResMut<Gate>, nodes: Query<(&Keys, Option<&Vault>)>, mut restored: MessageWriter<Restored>) {
    let Gate { inbox, nodes: entities, damaged, .. } = &mut *gate;
    inbox.retain_mut(|arrival| {
        let at = arrival.at();
        let Arrival { input: Input::Restore { node, rows }, .. } = arrival else { return true };
        let Some(node) = entities.get(*node as usize).copied().flatten() else { return false };
        let Ok((keys, vault)) = nodes.get(node) else { return false };
        let made;
        let vault = match vault {
            Some(vault) => vault,
            None => {
                made = Vault::new(&keys.0);
                &made
            }
        };
        for (name, kept) in std::mem::take(rows) {
            match vault.open(&name, &kept) {
                Some((row, value)) => drop(restored.write(Restored { node, row, value, at })),
                None => *damaged += 1,
            }
        }
        false
    });
}

/// Lets rows out. Of a row that was written several times in this tick only the last counts.
pub(super) fn persist(
    mut rows: ResMut<Messages<Persist>>,
    mut nodes: Query<(&Node, &Keys, &mut KeyRng, Option<&Vault>)>,
    mut gate: ResMut<Gate>,
    mut commands: Commands,
) {
    if rows.is_empty() {
        return;
    }
    let mut last: IndexMap<(Entity, Vec<u8>), Option<Zeroizing<Vec<u8>>>, FxBuildHasher> = IndexMap::default();
    for Persist { node, row, value } in rows.drain() {
        last.insert((node, row), value);
    }
    for ((entity, row), value) in last {
        let Ok((node, keys, mut rng, vault)) = nodes.get_mut(entity) else { continue };
        let made;
        let vault = match vault {
            Some(vault) => vault,
            None => {
                made = Vault::new(&keys.0);
                commands.entity(entity).try_insert(Vault::new(&keys.0));
                &made
            }
        };
        let (row, value) = match value {
            Some(value) => {
                let mut nonce = [0; NONCE];
                rng.0.fill_bytes(&mut nonce);
                let (name, kept) = vault.seal(&row, &value, nonce);
                (name, Some(kept))
            }
            None => (vault.blind(&row), None),
        };
        gate.outbox.push(Output::Persist { node: node.ordinal, row, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::CryptoMode;

    fn vault(seed: u8) -> Vault {
        Vault::new(&Identity::from_seed([seed; 32], CryptoMode::Real))
    }

    #[test]
    fn only_the_same_identity_opens_a_row_and_only_under_its_name() {
        let (name, kept) = vault(1).seal(b"chat-text/abc", b"meet at noon", [9; NONCE]);
        assert_eq!(vault(1).open(&name, &kept), Some((b"chat-text/abc".to_vec(), b"meet at noon".to_vec().into())));
        assert_eq!((name.len(), vault(2).open(&name, &kept)), (NAME, None));
        let (other, _) = vault(1).seal(b"chat-text/abd", b"", [9; NONCE]);
        assert!(vault(1).open(&other, &kept).is_none());
        for index in 0..kept.len() {
            let mut altered = kept.clone();
            altered[index] ^= 1;
            assert!(vault(1).open(&name, &altered).is_none(), "byte {index}");
            assert!(vault(1).open(&name, &kept[..index]).is_none(), "{index} bytes");
        }
    }

    #[test]
    fn a_row_hides_its_name_and_content_and_keeps_its_place() {
        let first = vault(1).seal(b"chat-text/abc", b"meet at noon", [1; NONCE]);
        let again = vault(1).seal(b"chat-text/abc", b"meet at one", [2; NONCE]);
        assert_eq!(first.0, again.0);
        assert_ne!(first.0, vault(2).blind(b"chat-text/abc"));
        let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(!has(&first.1, b"noon") && !has(&first.1, b"chat") && !has(&first.0, b"abc"));
    }
}
