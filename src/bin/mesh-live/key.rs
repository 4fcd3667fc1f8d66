//! `mesh-live key`.

use std::path::PathBuf;

use murmuration::live::data_dir::{KeyError, create_key_file, new_key};
use zeroize::Zeroizing;

use crate::answer;

#[derive(clap::Args)]
pub struct Args {
    /// Where to put it, readable by its owner only. An existing file is left as it is. Without it, the key is printed.
    file: Option<PathBuf>,
}

pub fn key(args: &Args) -> Result<(), String> {
    let say = |error: KeyError| error.to_string();
    let key = new_key().map_err(say)?;
    let mut line = Zeroizing::new([b'\n'; 65]);
    for (digits, byte) in line.chunks_exact_mut(2).zip(key.0) {
        digits.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    match &args.file {
        Some(path) => {
            create_key_file(path, &*line).map_err(say)?;
            answer(&format!("a new key is in {}: give it to every member, and start them with --network-key", path.display()))
        }
        None => answer(str::from_utf8(&line[..64]).unwrap_or_default()),
    }
}

fn digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 15)]
}
