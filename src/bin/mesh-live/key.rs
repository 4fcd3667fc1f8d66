//! `mesh-live key`.

use std::path::PathBuf;

use murmuration::live::data_dir::{KeyError, create_key_file, new_key};
use zeroize::Zeroizing;

use crate::say;

#[derive(clap::Args)]
pub struct Args {
    /// Where to put it, readable by its owner only. An existing file is left as it is. Without it, the key is printed.
    file: Option<PathBuf>,
}

pub fn key(args: &Args) -> Result<(), String> {
    let made = || -> Result<(), KeyError> {
        let key = new_key()?;
        let mut line = Zeroizing::new([b'\n'; 65]);
        for (digits, byte) in line.chunks_exact_mut(2).zip(key.0) {
            digits.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        match &args.file {
            Some(path) => {
                create_key_file(path, &*line)?;
                say(&format!("a new key is in {}: give it to every member, and start them with --network-key", path.display()));
            }
            None => say(str::from_utf8(&line[..64]).unwrap_or_default()),
        }
        Ok(())
    };
    made().map_err(|error| error.to_string())
}

fn digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 15)]
}
