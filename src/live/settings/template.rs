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
