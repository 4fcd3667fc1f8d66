//! Bytes that nobody else may see.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A key of 32 bytes: erased when dropped, and never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(pub [u8; 32]);

/// Says nothing about the key.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
