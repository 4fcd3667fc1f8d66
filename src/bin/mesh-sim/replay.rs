//! `mesh-sim replay`: runs again what a node has recorded.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use murmuration::crypto::Secret;
use murmuration::kernel::Instant;
use murmuration::replay::{self, Comparison, Counts, Keys, Reader, Summary, Until};

use crate::{Outcome, say};

/// Longest file with a key.
const LONGEST_KEY: u64 = 256;

/// Runs a node again on what it has recorded with `mesh-live run --record FILE`, tick by tick, and says whether it arrives at the same state.
///
/// With --set the original runs beside a world in which one parameter is changed, and the first difference in what leaves them is printed.
/// What others answered the original is what both hear: from there on it is the beginning of a story, not the story.
///
/// A recording needs the private keys of its node. Whoever has both can open all that the node was told in it: a node that records gives up
/// forward secrecy for what is recorded.
///
/// Exit status: 0 if the original comes out the same, 1 if not, 2 for bad input.
#[derive(clap::Args)]
pub struct Args {
    /// The recording, or an older part of it, as FILE.1.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Stop so long after the beginning, as `30s`, or after so many ticks, as `4711`.
    #[arg(long, value_name = "TIME|TICK")]
    until: Option<String>,
    /// Changes a parameter, as `protocols.detection.threshold=10`, and compares; may be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// The identity of the recorded node: `identity.key` in its data directory.
    #[arg(long, value_name = "FILE")]
    identity: Option<String>,
    /// The key of its network: a file, or 64 hex digits.
    #[arg(long, value_name = "FILE|HEX")]
    network_key: Option<String>,
    /// The secret that the keys were encrypted with: a file, or 64 hex digits.
    #[arg(long, value_name = "FILE|HEX")]
    secret: Option<String>,
}

pub fn replay(args: &Args) -> Result<Outcome, String> {
    let name = args.file.display();
    let until = args.until.as_deref().map_or(Ok(Until::End), parse_until)?;
    let [identity, network, secret] = [("--identity", &args.identity), ("--network-key", &args.network_key), ("--secret", &args.secret)]
        .map(|(option, given)| given.as_deref().map(|given| key(option, given)).transpose());
    let (identity, network, secret) = (identity?, network?, secret?);
    let mut reader = replay::open(&args.file).map_err(|error| format!("{name}: {error}"))?;
    let keys = reader.keys(identity, network, secret.as_ref()).map_err(|error| format!("{name}: {error}"))?;
    let header = reader.header();
    if !header.is_of_this_program() {
        let ours = env!("CARGO_PKG_VERSION");
        say(&format!("note: murmuration {} recorded this, and this is {ours}: other programs may run otherwise", header.program));
    }
    let period = humantime::format_rfc3339_millis(std::time::UNIX_EPOCH + Duration::from_nanos(header.start));
    say(&format!("node {:?} of network `{}`, from {period}", header.id, header.network));
    if args.set.is_empty() { verify(&mut reader, &keys, until, args) } else { compare(&mut reader, &keys, until, args) }
}

fn verify(reader: &mut Reader<BufReader<File>>, keys: &Keys, until: Until, args: &Args) -> Result<Outcome, String> {
    let start = reader.header().started();
    let (summary, mismatch) = replay::verify(reader, keys, until).map_err(|error| format!("{}: {error}", args.file.display()))?;
    summarize(&summary, until);
    Ok(match mismatch {
        None => {
            say(&format!("the same: digest {}, {} states compared", summary.digest, summary.states));
            Outcome::Held
        }
        Some(it) => {
            say(&format!("not the same: at {}, tick {}, {} differs", seconds(it.at.since(start)), it.tick, it.what));
            Outcome::NotHeld
        }
    })
}

fn compare(reader: &mut Reader<BufReader<File>>, keys: &Keys, until: Until, args: &Args) -> Result<Outcome, String> {
    let start = reader.header().started();
    let it = replay::compare(reader, keys, &args.set, until).map_err(|error| format!("{}: {error}", args.file.display()))?;
    summarize(&it.summary, until);
    if let Some(tick) = it.unfaithful {
        say(&format!("note: from tick {tick} on the original itself does not come out as it was recorded"));
    }
    say(&first_difference(&it, start, &args.set.join(", ")));
    say(&format!("in all: the original {}\n        the changed one {}", sent(&it.summary.counts), sent(&it.changed)));
    let own = it.ticks_of_its_own;
    say(&format!("        what leaves differs in {} ticks, of which {own} only the changed one ran", it.ticks_that_differ));
    say(&match it.in_the_end {
        Some(part) => format!("        in the end the nodes differ in what they know: {part}"),
        None => "        in the end both nodes know the same".to_owned(),
    });
    Ok(if it.unfaithful.is_none() { Outcome::Held } else { Outcome::NotHeld })
}

fn first_difference(it: &Comparison, start: Instant, changes: &str) -> String {
    match &it.first {
        None => format!("no difference: with {changes} the same leaves the node in every tick"),
        Some(first) => {
            let at = seconds(first.at.since(start));
            format!("at {at}, tick {}: the original {}, the changed one {}", first.tick, first.original, first.changed)
        }
    }
}

fn summarize(summary: &Summary, until: Until) {
    let Summary { ticks, arrivals, frames, time, .. } = summary;
    say(&format!("{} in {ticks} ticks; {arrivals} arrivals, of which {frames} frames; it {}", seconds(*time), sent(&summary.counts)));
    if summary.cut {
        say(&format!("the recording ends in the middle of a record, as after a crash; {ticks} ticks are whole"));
    } else if summary.ended {
        say("the recorded life ended in order");
    } else if until == Until::End {
        say("the recorded life has no end: the process was killed, or the node went on unrecorded");
    }
}

fn sent(counts: &Counts) -> String {
    let Counts { dials, hang_ups, frames, bytes, hellos } = counts;
    format!("sends {frames} frames ({bytes} bytes), dials {dials} times, closes {hang_ups} links, says {hellos} hellos")
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

fn parse_until(text: &str) -> Result<Until, String> {
    if let Ok(tick) = text.parse() {
        return Ok(Until::Tick(tick));
    }
    let time = humantime::parse_duration(text);
    time.map(Until::Time).map_err(|_| format!("--until: a time as `30s` or the number of a tick is expected, not `{text}`"))
}

/// A key: 64 hex digits, or a file with them or with 32 bytes. The argument is not repeated if it may be a key.
fn key(option: &str, given: &str) -> Result<Secret, String> {
    if let Some(key) = hex_key(given) {
        return Ok(key);
    }
    let path = Path::new(given);
    let unreadable = |error: std::io::Error| match given.len() {
        60..=68 => format!("{option}: this is neither 64 hex digits nor a file: {error}"),
        _ => format!("{option}: {given} cannot be read: {error}"),
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, LONGEST_KEY), &mut bytes).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| hex_key(text.trim()));
    let raw = || <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Secret);
    text.or_else(raw).ok_or_else(|| format!("{option}: {given} is not a key: a key is 64 hex digits or 32 bytes"))
}

fn hex_key(text: &str) -> Option<Secret> {
    let mut key = Secret([0; 32]);
    hex::decode_to_slice(text, &mut key.0).ok().map(|()| key)
}
