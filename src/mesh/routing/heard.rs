//! Which datagrams of others have come, so that none is delivered twice.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::outstanding::MAX_OUTSTANDING;
use crate::crypto::NodeId;
use crate::kernel::Instant;
use crate::wire::ReplayWindow;

/// Most sources that are remembered: as many as members are held. Beyond it the one that was silent for longest is forgotten.
pub const MAX_SOURCES: usize = 16_384;

/// A source numbers its datagrams whomever they are for, and one may wait for a way while others go: as many may overtake it as the source
/// remembers.
type Window = ReplayWindow<{ MAX_OUTSTANDING / 64 }>;

/// What has come, by source.
#[derive(Default, Debug)]
pub struct Heard(IndexMap<NodeId, Source, FxBuildHasher>);

#[derive(Debug)]
struct Source {
    life: u64,
    window: Window,
    last: Instant,
}

impl Heard {
    /// Whether that datagram has not come yet, as far as can be told.
    pub fn is_new(&self, source: &NodeId, life: u64, number: u64) -> bool {
        let Some(known) = self.0.get(source) else { return true };
        life > known.life || life == known.life && known.window.check(number, false).is_ok()
    }

    /// Takes in that it has come; its signature has been checked. Says whether it [was new](Self::is_new).
    pub fn accept(&mut self, source: NodeId, life: u64, number: u64, at: Instant) -> bool {
        if self.0.len() >= MAX_SOURCES
            && !self.0.contains_key(&source)
            && let Some(oldest) = self.0.values().enumerate().min_by_key(|(_, known)| known.last).map(|(index, _)| index)
        {
            self.0.swap_remove_index(oldest);
        }
        let known = self.0.entry(source).or_insert_with(|| Source { life, window: Window::default(), last: at });
        if life > known.life {
            (known.life, known.window) = (life, Window::default());
        }
        known.last = at;
        life == known.life && known.window.accept(number, false).is_ok()
    }
}
