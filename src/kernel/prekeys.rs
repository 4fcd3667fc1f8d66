//! Prekeys: what members seal to one another with, for a while. Shared on purpose: the protocol of prekeys makes, announces, learns and
//! erases them, whatever seals or opens uses them.

use bevy_ecs::prelude::*;
use indexmap::IndexMap;
use rand::Rng;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;
use zeroize::Zeroizing;

use super::time::Instant;
use crate::crypto::{Prekey, PrekeyId, SealError, SealedBox, Secret, open, seal};
use crate::wire::NodeId;

/// A node's own prekeys, the newest last, and those of others.
#[derive(Component, Default, Debug)]
pub struct Prekeys {
    /// Its own: the last is the one it announces, those before it are kept for what is still under way.
    pub own: SmallVec<[OwnPrekey; 2]>,
    /// The newest that is known of each other member, also of those who are away.
    pub others: IndexMap<NodeId, Prekey, FxBuildHasher>,
}

/// A prekey of the node itself.
#[derive(Clone, Debug)]
pub struct OwnPrekey {
    /// The half that opens. Erased when dropped.
    pub secret: Secret,
    /// The half that others seal to.
    pub public: Prekey,
    /// Since when it is announced.
    pub since: Instant,
    /// When it is erased; `None` while it is announced.
    pub until: Option<Instant>,
    /// It was made in an earlier life: what was taken once with it could be taken again, for nobody remembers.
    pub restored: bool,
}

impl Prekeys {
    /// Seals `plaintext` to `to`; returns also to which of its prekeys.
    ///
    /// # Errors
    /// None of its prekeys is known, or it is unsound.
    pub fn seal(
        &self,
        to: &NodeId,
        purpose: &[u8],
        context: &[u8],
        plaintext: &[u8],
        rng: &mut impl Rng,
    ) -> Result<(PrekeyId, SealedBox), SealError> {
        let prekey = self.others.get(to).ok_or(SealError::BadPrekey)?;
        let mut random = Secret([0; 32]);
        rng.fill_bytes(&mut random.0);
        Ok((prekey.id(), seal(prekey, purpose, context, plaintext, &random.0)?))
    }

    /// Opens what was sealed to one of the node's own prekeys.
    ///
    /// # Errors
    /// That prekey is not there (any more), or something was altered.
    pub fn open(&self, prekey: PrekeyId, purpose: &[u8], context: &[u8], sealed: &SealedBox) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let own = self.own.iter().find(|own| own.public.id() == prekey).ok_or(SealError::NotOpened)?;
        open(&own.secret, purpose, context, sealed).map(Zeroizing::new)
    }

    /// Opens what was sealed in this life of the node, so that whoever remembers what came in it knows what has come before.
    ///
    /// # Errors
    /// As [`open`](Self::open), or the prekey is older.
    pub fn open_once(&self, prekey: PrekeyId, purpose: &[u8], context: &[u8], sealed: &SealedBox) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let own = self.own.iter().find(|own| own.public.id() == prekey && !own.restored).ok_or(SealError::NotOpened)?;
        open(&own.secret, purpose, context, sealed).map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::prekey_pair;

    #[test]
    fn what_was_sealed_to_an_earlier_life_is_read_but_not_where_it_must_be_taken_once() {
        let (secret, public) = prekey_pair(&[1; 32]);
        let sealed = seal(&public, b"p", b"c", b"text", &[2; 32]).unwrap();
        let own = |restored| OwnPrekey { secret: secret.clone(), public, since: Instant::ZERO, until: None, restored };
        for restored in [false, true] {
            let prekeys = Prekeys { own: [own(restored)].into_iter().collect(), ..Prekeys::default() };
            assert_eq!(prekeys.open(public.id(), b"p", b"c", &sealed).unwrap().as_slice(), b"text");
            let once = prekeys.open_once(public.id(), b"p", b"c", &sealed);
            assert_eq!(once.is_err(), restored);
        }
    }
}
