//! The command line of `mesh-live`, from outside.

#![expect(clippy::unwrap_used, reason = "what a test cannot do makes it fail")]

mod chat;
mod chat_kept;
#[cfg(target_os = "linux")]
mod hosts;
mod node;
mod person;
mod processes;
mod prometheus;
mod settings;
#[cfg(unix)]
mod tui;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// `mesh-live` that knows of no home and no logging of whoever runs the test.
fn mesh_live(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mesh-live"));
    command.args(arguments).current_dir(home).env("HOME", home).env_remove("XDG_CONFIG_HOME").env_remove("RUST_LOG");
    command
}

/// Runs it to its end.
fn output(home: &Path, arguments: &[&str]) -> Output {
    mesh_live(home, arguments).output().unwrap()
}

/// Runs it to its end, which must be that of bad input, and returns its complaint.
fn complaint(home: &Path, arguments: &[&str]) -> String {
    refused(mesh_live(home, arguments))
}

fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(output.stdout.is_empty() && complaint.starts_with("error: "), "{complaint}");
    complaint
}

/// What it said on the standard output; it must have ended well.
fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A node that runs. It is killed at the end of the test, whatever the end.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        Self::spawn(command)
    }

    /// Starts it without a look at its log.
    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line on its standard output; empty if it ended.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends a signal, and returns how the node ended and what it logged.
    fn end(&mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let code = self.child.wait().unwrap().code();
        let log = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
        (code, log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
