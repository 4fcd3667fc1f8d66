//! What programs that make results have in common.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

/// Whether results can go to a folder, before time is spent on making them. It is made if it does not exist.
///
/// # Errors
/// What is in the way.
pub fn check_output(folder: &Path) -> Result<(), String> {
    match folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()).find(|ancestor| ancestor.exists()) {
        Some(existing) if !existing.is_dir() => {
            Err(format!("--out: {} cannot be written to: {} is a file", folder.display(), existing.display()))
        }
        _ => Ok(()),
    }?;
    // Permissions, full and read-only disks: whether one can write is found out by writing.
    let trial = folder.join(".writable");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&trial, []))
        .and_then(|()| std::fs::remove_file(&trial))
        .map_err(|error| format!("--out: {} cannot be written to: {error}", folder.display()))
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
