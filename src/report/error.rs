//! What can go wrong with files of results.

use std::path::{Path, PathBuf};

/// A result cannot be written, read or drawn.
#[derive(thiserror::Error, Debug)]
pub enum ReportError {
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The picture cannot be drawn.
    #[error("{}: the picture cannot be drawn: {what}", path.display())]
    Picture {
        /// Which file.
        path: PathBuf,
        /// What the drawing library says.
        what: String,
    },
}

impl ReportError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn malformed<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        move |error| Self::Malformed { path: path.to_owned(), what: error.to_string() }
    }

    pub(super) fn picture<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        move |error| Self::Picture { path: path.to_owned(), what: error.to_string() }
    }
}
