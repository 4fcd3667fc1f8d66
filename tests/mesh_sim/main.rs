//! The command line of `mesh-sim`, from outside.

#![expect(clippy::unwrap_used, reason = "what a test cannot do makes it fail")]

mod bad_input;
mod commands;

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

/// Runs `mesh-sim` in a folder.
fn mesh_sim(folder: &Path, arguments: &[&str]) -> Output {
    Command::cargo_bin("mesh-sim").unwrap().current_dir(folder).args(arguments).output().unwrap()
}

/// What it said on the standard error.
fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What it said on the standard output.
fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The names of what is in a folder.
fn content(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
