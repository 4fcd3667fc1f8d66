//! Those who chat in tests.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};

use crate::mesh_live;
use crate::node::until;

/// Somebody who chats. The process is killed at the end of the test.
pub struct Person {
    pub child: Child,
    pub input: Option<ChildStdin>,
    lines: Arc<Mutex<Vec<String>>>,
    pub key: String,
    address: SocketAddr,
}

impl Person {
    pub fn new(home: &Path, nick: &str, more: &[&str]) -> Self {
        Self::at(home, nick, 0, more)
    }

    pub fn at(home: &Path, nick: &str, port: u16, more: &[&str]) -> Self {
        let port = port.to_string();
        let quiet = ["chat", "--data-dir", nick, "--nick", nick, "--bind", "127.0.0.1", "--port", &port, "--no-lan"];
        let mut command = mesh_live(home, &[&quiet[..], more].concat());
        let log = File::options().create(true).append(true).open(home.join(format!("{nick}.log"))).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (output, seen) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&lines));
        listen(move || output.lines().map_while(Result::ok).for_each(|line| seen.lock().unwrap().push(line)));
        let mut person = Self { input: child.stdin.take(), child, lines, key: String::new(), address: ([0; 4], 0).into() };
        assert!(person.sees("You are: ").starts_with(&format!("You are: {nick} [")));
        person.address = person.sees("Listening on: ")["Listening on: ".len()..].parse().unwrap();
        person.key = person.sees("Your key: ")["Your key: ".len()..].to_owned();
        person
    }

    pub fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    pub fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub fn has_seen(&self, part: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|line| line.contains(part))
    }

    /// Waits for a line that holds `part`.
    pub fn sees(&self, part: &str) -> String {
        let mut found = None;
        until(&format!("{part:?} among {:#?}", self.all()), || {
            found = self.lines.lock().unwrap().iter().find(|line| line.contains(part)).cloned();
            found.is_some()
        });
        found.unwrap()
    }

    pub fn is_connected(&self) {
        self.sees("* connected over ");
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does something beside the test.
#[expect(clippy::disallowed_methods, reason = "processes live in wall time")]
pub fn listen(what: impl FnOnce() + Send + 'static) {
    std::thread::spawn(what);
}

pub fn seed(of: &Person) -> String {
    of.address.to_string()
}
