//! A recording is read. Nothing in it is believed: every length is held against what is left of the file before memory is taken for it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::digest::State;
use super::keys::{KeyError, Keys, Sealed};
use super::writer::{END, Front, TICK, encode_header};
use super::{FORMAT, Header, MAGIC, MAX_ARRIVALS, MAX_BLOCK, content_check, length_check};
use crate::crypto::Secret;
use crate::gate::Arrival;
use crate::kernel::Instant;
use crate::scenario::ScenarioError;
use crate::wire::codec;

/// Why a recording cannot be read or run.
#[derive(thiserror::Error, Debug)]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is something else.
    #[error("it is no recording: it does not begin as one")]
    Foreign,
    /// Its layout is not known.
    #[error("its format is {found}, and this program reads format {FORMAT}: use the version of mesh-sim that belongs to it")]
    Format {
        /// Which it is.
        found: u8,
    },
    /// There is not even a whole beginning.
    #[error("it ends within its header: nothing of it can be replayed")]
    NoHeader,
    /// Bytes were altered.
    #[error("it is damaged at byte {offset}: {ticks} ticks before that are whole; `--until {ticks}` replays them")]
    Damaged {
        /// Where the block begins.
        offset: u64,
        /// Whole ticks before it.
        ticks: u64,
    },
    /// Keys are missing or wrong.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Its protocols make no sense, or cannot be changed so.
    #[error(transparent)]
    Setup(#[from] ScenarioError),
}

/// One tick of a recording.
#[derive(Clone, PartialEq, Debug)]
pub struct TickRecord {
    /// When it ran.
    pub at: Instant,
    /// What entered with it.
    pub arrivals: Vec<Arrival>,
    /// Half of the digest of all that had left when it was over.
    pub left: u64,
    /// The state after it, if that was noted down.
    pub state: Option<State>,
}

/// What a recording consists of.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// A tick.
    Tick(TickRecord),
    /// The end of a life that ended in order, and its state.
    End(State),
}

/// Reads a recording.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    offset: u64,
    length: u64,
    header: Header,
    sealed: Option<Sealed>,
    at: Instant,
    ticks: u64,
    cut: bool,
}

/// Opens the recording in a file.
///
/// # Errors
/// It cannot be read, or is none.
pub fn open(path: &Path) -> Result<Reader<BufReader<File>>, RecordingError> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is not a file").into());
    }
    Reader::new(BufReader::new(file), about.len())
}

/// A block, or that the source ends before it does.
enum Block {
    Whole(Vec<u8>),
    Cut,
    Damaged,
}

impl<R: Read> Reader<R> {
    /// Reads the beginning of a recording of `length` bytes.
    ///
    /// # Errors
    /// It is none.
    pub fn new(mut source: R, length: u64) -> Result<Self, RecordingError> {
        let mut front = [0; MAGIC.len() + 1];
        if length < front.len() as u64 {
            let mut start = Vec::new();
            source.read_to_end(&mut start)?;
            return Err(if MAGIC.starts_with(&start) { RecordingError::NoHeader } else { RecordingError::Foreign });
        }
        source.read_exact(&mut front)?;
        match front.split_last() {
            Some((version, magic)) if *magic == MAGIC => {
                if *version != FORMAT {
                    return Err(RecordingError::Format { found: *version });
                }
            }
            _ => return Err(RecordingError::Foreign),
        }
        let mut offset = front.len() as u64;
        let header: Header = value(&mut source, &mut offset, length)?;
        let sealed: Option<Sealed> = value(&mut source, &mut offset, length)?;
        let at = header.started();
        Ok(Self { source, offset, length, header, sealed, at, ticks: 0, cut: false })
    }

    /// How it begins.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the keys are in it, encrypted.
    pub fn has_keys(&self) -> bool {
        self.sealed.is_some()
    }

    /// Whether it was found to end in the middle of a record, as after a crash.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Ticks read so far.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// The keys: given, or decrypted with `secret`.
    ///
    /// # Errors
    /// They are missing, or belong to another recording.
    pub fn keys(&self, identity: Option<Secret>, network: Option<Secret>, secret: Option<&Secret>) -> Result<Keys, KeyError> {
        let id = self.header.id;
        let keys = match (identity, &self.sealed, secret) {
            (Some(identity), ..) => Keys { identity, network },
            (None, Some(sealed), Some(secret)) => {
                let header = encode_header(&self.header).map_err(|_| KeyError::WrongSecret)?;
                Keys::open(sealed, secret, &header)?
            }
            (None, Some(_), None) => return Err(KeyError::SecretMissing { id }),
            (None, None, Some(_)) => return Err(KeyError::NothingSealed),
            (None, None, None) => return Err(KeyError::IdentityMissing { id }),
        };
        keys.check(&self.header)?;
        Ok(keys)
    }

    /// The next record; `None` at the end, whether that is in order or not.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn next_record(&mut self) -> Result<Option<Record>, RecordingError> {
        if self.cut || self.offset >= self.length {
            return Ok(None);
        }
        let damaged = RecordingError::Damaged { offset: self.offset, ticks: self.ticks };
        let bytes = match block(&mut self.source, &mut self.offset, self.length)? {
            Block::Whole(bytes) => bytes,
            Block::Cut => {
                self.cut = true;
                return Ok(None);
            }
            Block::Damaged => return Err(damaged),
        };
        let record = match bytes.split_first() {
            Some((&TICK, mut rest)) => self.tick(&mut rest).filter(|_| rest.is_empty()).map(Record::Tick),
            Some((&END, mut rest)) => codec::take_recorded(&mut rest).ok().filter(|_| rest.is_empty()).map(Record::End),
            _ => None,
        };
        if let Some(Record::Tick(tick)) = &record {
            self.ticks += 1;
            self.at = tick.at;
        }
        record.map(Some).ok_or(damaged)
    }

    fn tick(&self, bytes: &mut &[u8]) -> Option<TickRecord> {
        let (since, left, state, count): Front = codec::take_recorded(bytes).ok()?;
        // Time does not go back, and a world that is near the end of it cannot run.
        let nanos = u64::try_from(since).ok().and_then(|since| self.at.as_nanos().checked_add(since));
        let at = nanos.filter(|nanos| *nanos <= i64::MAX as u64).map(Instant::from_nanos)?;
        // An arrival has at least two bytes.
        if count > MAX_ARRIVALS || count as usize > bytes.len() / 2 {
            return None;
        }
        let arrivals = (0..count).map(|_| codec::take_recorded(bytes).ok()).collect::<Option<Vec<Arrival>>>()?;
        Some(TickRecord { at, arrivals, left, state })
    }
}

/// A value of the beginning.
fn value<T: serde::de::DeserializeOwned>(source: &mut impl Read, offset: &mut u64, length: u64) -> Result<T, RecordingError> {
    let damaged = RecordingError::Damaged { offset: *offset, ticks: 0 };
    match block(source, offset, length)? {
        Block::Whole(bytes) => {
            let mut rest = bytes.as_slice();
            let value = codec::take_recorded(&mut rest).ok().filter(|_| rest.is_empty());
            value.ok_or(damaged)
        }
        Block::Cut => Err(RecordingError::NoHeader),
        Block::Damaged => Err(damaged),
    }
}

fn block(source: &mut impl Read, offset: &mut u64, length: u64) -> Result<Block, io::Error> {
    let left = length - *offset;
    let (mut size, mut check) = ([0; 4], [0; 4]);
    if left < 8 {
        return Ok(Block::Cut);
    }
    source.read_exact(&mut size)?;
    source.read_exact(&mut check)?;
    let content = u32::from_le_bytes(size) as usize;
    if check != length_check(size, *offset) || content > MAX_BLOCK {
        return Ok(Block::Damaged);
    }
    if content as u64 + 12 > left {
        return Ok(Block::Cut);
    }
    let mut bytes = vec![0; content];
    source.read_exact(&mut bytes)?;
    source.read_exact(&mut check)?;
    *offset += content as u64 + 12;
    Ok(if check == content_check(&bytes) { Block::Whole(bytes) } else { Block::Damaged })
}
