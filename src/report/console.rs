//! What programs that make results have in common.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

/// Bytes that are written for a trial.
const TRIAL: usize = 4096;

/// Makes the folder for results and finds out whether they can go there, before time is spent on making them.
///
/// # Errors
/// What is in the way.
pub fn prepare_output(folder: &Path) -> Result<(), String> {
    let unwritable = |why: String| format!("--out: {} cannot be written to: {why}", folder.display());
    let existing = folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()).find(|ancestor| ancestor.exists());
    if let Some(file) = existing.filter(|existing| !existing.is_dir()) {
        return Err(unwritable(format!("{} is a file", file.display())));
    }
    // Permissions, read-only and full disks: whether one can write is found out by writing.
    let trial = folder.join(format!(".trial-{}", std::process::id()));
    let write = || {
        std::fs::create_dir_all(folder)?;
        // Never what is there already, nor what a link leads to.
        let mut file = File::options().write(true).create_new(true).open(&trial)?;
        let written = file.write_all(&[0; TRIAL]);
        std::fs::remove_file(&trial).and(written)
    };
    write().map_err(|error| unwritable(error.to_string()))
}

/// A bar of so many steps on the standard error, if that is a terminal and nobody asked for quiet.
pub fn progress_bar(steps: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {elapsed} so far, {eta} to go") {
        bar.set_style(style);
    }
    bar
}
