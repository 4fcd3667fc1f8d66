//! What is wrong with settings.

use std::path::PathBuf;

use crate::live::data_dir::{FileError, KeyError};
use crate::scenario::ScenarioError;

/// Why there are no settings.
#[derive(thiserror::Error, Debug)]
pub enum SettingsError {
    /// A mistake in the configuration, with its place.
    #[error(transparent)]
    Mistake(#[from] ScenarioError),
    /// The configuration cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key that is named cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The bounds of the number of links leave no number.
    #[error("`min_degree` is {min} and `max_degree` is {max}; the first must not be more than the second")]
    Degrees {
        /// Fewest links.
        min: usize,
        /// Most links.
        max: usize,
    },
    /// The configuration holds a key and others may read it.
    #[error(
        "{} holds `network_key`, and others than its owner may read it; run `chmod 600 {}`, or put the key in a file of its own and name that",
        .0.display(),
        .0.display()
    )]
    Exposed(PathBuf),
}
