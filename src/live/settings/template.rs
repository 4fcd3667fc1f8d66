//! The configuration that an operator finds after the first start.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::super::data_dir::{CONFIG_FILE, KeyError, create_key_file};

/// All settings with their defaults, every line a comment.
pub(super) const TEMPLATE: &str = include_str!("template.toml");

/// Puts a configuration into a data directory in which every line is a comment, unless there is one. It may come to hold a key, so only
/// its owner may read it. Returns where it was put.
///
/// # Errors
/// It cannot be written. The node runs without.
pub fn write_template(data_dir: &Path) -> Result<Option<PathBuf>, KeyError> {
    let path = data_dir.join(CONFIG_FILE);
    match create_key_file(&path, TEMPLATE.as_bytes()) {
        Ok(()) => Ok(Some(path)),
        Err(KeyError::Exists(_)) => Ok(None),
        Err(KeyError::File(error)) if error.source.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts the configuration into a data directory that the answers of a first start make: the template with `nick`, whom to ask first, and that
/// the network is by invitation.
///
/// # Errors
/// It cannot be written, or there is one already.
pub fn write_answers(data_dir: &Path, nick: &str, seeds: &[String]) -> Result<PathBuf, KeyError> {
    let path = data_dir.join(CONFIG_FILE);
    create_key_file(&path, filled(nick, seeds).as_bytes())?;
    Ok(path)
}

pub(super) fn filled(nick: &str, seeds: &[String]) -> String {
    let seeds: toml::Value = seeds.iter().cloned().map(toml::Value::String).collect::<Vec<_>>().into();
    let answers = [
        ("# Example: nick = ", format!("nick = {}", toml::Value::from(nick))),
        ("#seed_peers = ", format!("seed_peers = {seeds}")),
        ("#invite_only = ", "invite_only = true".to_owned()),
    ];
    let line =
        |line: &str| answers.iter().find(|(begin, _)| line.starts_with(begin)).map_or_else(|| line.to_owned(), |(_, set)| set.clone());
    TEMPLATE.lines().map(line).fold(String::new(), |text, line| text + &line + "\n")
}
