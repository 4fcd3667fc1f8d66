//! The flight recorder's recordings: what they hold, and how a world is run on one again.
//!
//! A recording begins with a node's beginning: its protocols, its addresses, the seed of everything random. Then it holds, tick by tick, what
//! entered the world through the [gate](crate::gate). Timers need no record: which ticks ran, and when, is enough. Nothing else enters, so
//! [`verify`] runs the same systems on it and arrives at the same state. To know that it does, each tick holds a digest of all that has
//! left the world so far, and about once a second one of what the node knows.
//!
//! [`compare`] runs the original beside a world in which one parameter is changed, and says where they part. What others answered the
//! original is what both hear, so from there on it is the beginning of a story, not the story.
//!
//! # Keys
//!
//! A node that records makes the keys of its handshakes of its identity and of a salt that stands in the recording: otherwise nobody
//! could do the same handshakes again. So it gives up forward secrecy for what is recorded: *whoever has the recording and the identity
//! key can open it*. The identity key and the key of the network are left out, and given to the replay, unless the recorder is given a
//! secret to encrypt them with.
//!
//! # The file
//!
//! `"MURMREC", format version`, then blocks: length (4 bytes), check of the length and of where the block stands (4 bytes), content, check
//! of the content (4 bytes), all little endian. The first block is the [`Header`], the second the sealed keys or nothing; each further one is a
//! tick, but for the last, which a node that ends in order writes.

mod change;
mod digest;
mod header;
mod keys;
mod machine;
mod reader;
#[cfg(test)]
mod tests;
mod verify;
mod words;
mod writer;

pub use change::{Comparison, Difference, compare};
pub use digest::{Chain, State};
pub use header::{Header, Setup, describe_protocols};
pub use keys::{KeyError, Keys, Sealed, key_random};
pub use machine::{Counts, Machine};
pub use reader::{Reader, Record, RecordingError, TickRecord, open};
pub use verify::{Mismatch, Summary, Until, verify};
pub use writer::{WriteError, Writer};

/// The first bytes of a recording.
pub const MAGIC: [u8; 7] = *b"MURMREC";
/// How what follows is laid out.
pub const FORMAT: u8 = 3;
/// Longest block in bytes.
const MAX_BLOCK: usize = 1 << 28;
/// Most arrivals of a tick.
const MAX_ARRIVALS: u32 = 1 << 20;

/// The check of a block's length: it says too where the block stands, so that a damaged length is told from the end of the file.
fn length_check(length: [u8; 4], offset: u64) -> [u8; 4] {
    content_check(&[length.as_slice(), &offset.to_le_bytes()].concat())
}

/// The check of a block's content.
fn content_check(content: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = twox_hash::XxHash3_128::oneshot(content).to_le_bytes();
    [a, b, c, d]
}
