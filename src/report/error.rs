//! What can go wrong with results.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why results could not be written, read or drawn. Each names the file.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The file or directory could not be written. What was written before it stays.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was read, but it is not what a run writes.
    #[error("{} is not what a run writes: {reason}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, and in which line.
        reason: String,
    },
    /// A result would replace a file that is none of a result, or the scenario that is run.
    #[error("the results would overwrite {}, which is no result's, or what is to be run; give another folder with --out", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// The picture could not be drawn.
    #[error("cannot draw {}: {reason}", path.display())]
    Draw {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl ReportError {
    pub(super) fn write(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Write { path: path.to_owned(), source: source.into() }
    }

    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn malformed(path: &Path, reason: impl ToString) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn draw(path: &Path, reason: impl ToString) -> Self {
        Self::Draw { path: path.to_owned(), reason: reason.to_string() }
    }
}
