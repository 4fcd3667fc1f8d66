//! Pinned: an overlay of given links, to study what runs over it, or for peers that an operator fixes.

mod components;

pub use components::PinnedPeers;
