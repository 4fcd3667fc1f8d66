//! The random streams of a run: one for each node and purpose, so that no draw of one changes another's.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A node's secret key.
    Identity,
    /// Decisions of its protocols.
    Protocols,
    /// Keys and nonces of its handshakes.
    Keys,
    /// When it crashes and comes back.
    Churn,
    /// When it broadcasts.
    Workload,
    /// The graph of a pinned overlay.
    Graph,
    /// What an adversary does.
    Adversary,
}

/// The stream of `node` for `purpose` in the `life`-th of its lives (or of its kind).
pub fn stream(seed: u64, purpose: Purpose, node: u32, life: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(node) << 32 | u64::from(life & 0x00ff_ffff) << 8 | purpose as u64);
    rng
}
