//! What is kept of a chat, whatever becomes of the process, its folder and its membership.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::mesh_live;
use crate::node::until;
use crate::person::{Person, listen, seed};

/// A script that chats. The process is killed at the end of the test.
struct Script {
    child: Child,
    input: ChildStdin,
    lines: Arc<Mutex<Vec<Value>>>,
    ended: Arc<AtomicBool>,
}

impl Script {
    fn new(home: &Path, nick: &str, more: &[&str]) -> Self {
        let quiet = ["chat", "--json", "--data-dir", nick, "--nick", nick, "--bind", "127.0.0.1", "--port", "0", "--no-lan"];
        let mut command = mesh_live(home, &[&quiet[..], more].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (lines, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (output, seen, over) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&lines), Arc::clone(&ended));
        listen(move || {
            // The last line may have been cut off by the kill.
            let objects = output.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            objects.for_each(|object| seen.lock().unwrap().push(object));
            over.store(true, Ordering::Release);
        });
        Self { input: child.stdin.take().unwrap(), child, lines, ended }
    }

    fn of_kind(&self, kind: &str) -> Vec<Value> {
        self.lines.lock().unwrap().iter().filter(|object| object["kind"] == kind).cloned().collect()
    }

    fn is_connected(&self) {
        until("a connection", || self.of_kind("status").iter().any(|status| status["connected"] == true));
    }

    /// Where it listens.
    fn address(&self) -> String {
        until("its start", || !self.of_kind("started").is_empty());
        self.of_kind("started")[0]["listening"].as_str().unwrap().to_owned()
    }

    fn types(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// Kills it, and returns what it said that it had said: texts by the names of their entries.
    fn kill(mut self) -> BTreeMap<String, String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        until("the end of the output", || self.ended.load(Ordering::Acquire));
        named(&self.of_kind("sent"))
    }

    /// What it can read in the lobby.
    fn history(&mut self) -> BTreeMap<String, String> {
        let before = self.lines.lock().unwrap().len();
        self.types("/history 1000000\n/me");
        let answered = || self.lines.lock().unwrap()[before..].iter().any(|object| object["kind"] == "me");
        until("the history", answered);
        let lines = self.lines.lock().unwrap();
        named(&lines[before..].iter().filter(|object| object["kind"] == "text").cloned().collect::<Vec<_>>())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn named(texts: &[Value]) -> BTreeMap<String, String> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    texts.iter().map(|text| (word(&text["id"]), word(&text["text"]))).collect()
}

#[test]
fn what_was_acknowledged_before_a_kill_in_full_flight_is_kept_by_all() {
    let home = tempfile::tempdir().unwrap();
    let mut bob = Script::new(home.path(), "bob", &[]);
    let seed = bob.address();
    let mut acknowledged = BTreeMap::new();
    // How far it gets: in the middle of what it has been given, and at once.
    for (round, enough) in [1, 60, 7, 23, 0].into_iter().enumerate() {
        let mut alice = Script::new(home.path(), "alice", &["--seed", &seed]);
        alice.is_connected();
        for number in 0..100 {
            alice.types(&format!("alice {round} {number}"));
            if number % 10 == 0 {
                bob.types(&format!("bob {round} {number}"));
            }
        }
        until("enough was said", || alice.of_kind("sent").len() >= enough);
        let said = alice.kill();
        assert!(said.len() >= enough, "{said:?}");
        acknowledged.extend(said);
    }
    let mut alice = Script::new(home.path(), "alice", &["--seed", &seed]);
    let kept = alice.history();
    for (id, text) in &acknowledged {
        assert_eq!(kept.get(id), Some(text), "of {} texts {} are kept", acknowledged.len(), kept.len());
    }
    // Both come to have the same, what was under way included.
    alice.is_connected();
    until("the same logs", || alice.history() == bob.history());
    let both = alice.history();
    assert!(acknowledged.keys().all(|id| both.contains_key(id)));
    for (round, number) in (0..5).flat_map(|round| (0..100).step_by(10).map(move |number| (round, number))) {
        let text = format!("bob {round} {number}");
        assert_eq!(both.values().filter(|other| **other == text).count(), 1, "{text}");
    }
}

#[test]
fn what_waits_is_told_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let mut alice = Person::new(home.path(), "alice", &[]);
    alice.types("later");
    alice.sees("kept");
    alice.kill();
    Person::new(home.path(), "alice", &[]).sees("* 1 text of yours waits until somebody is there to read it");
}

#[cfg(unix)]
#[test]
fn a_store_that_is_removed_or_empty_is_said_and_nothing_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("alice/chat.redb");
    let alice = Person::new(home.path(), "alice", &[]);
    let mut bob = Person::new(home.path(), "bob", &["--seed", &seed(&alice)]);
    bob.is_connected();
    bob.types("before");
    alice.sees("[bob] before");
    fs::remove_file(&store).unwrap();
    alice.sees("chat.redb was removed or replaced while the node runs");
    alice.sees("* what is said is kept again");
    bob.types("after");
    alice.sees("[bob] after");
    alice.kill();
    let mut alice = Person::new(home.path(), "alice", &[]);
    alice.types("/history");
    alice.sees("[bob] before");
    alice.sees("[bob] after");

    fs::remove_dir_all(home.path().join("alice")).unwrap();
    alice.sees("there is no data directory alice");
    alice.types("/me");
    alice.sees("You are: alice [");
    alice.kill();

    // An empty file is no store.
    bob.kill();
    let store = home.path().join("bob/chat.redb");
    fs::write(&store, "").unwrap();
    let mut bob = Person::new(home.path(), "bob", &[]);
    let log = fs::read_to_string(home.path().join("bob.log")).unwrap();
    assert!(log.contains("chat.redb is damaged (it is empty) and was moved to"), "{log}");
    assert!(home.path().join("bob/chat.redb.damaged-1").exists());
    bob.types("/me");
    bob.sees("You are: bob [");
}

#[test]
fn whoever_was_revoked_while_away_learns_by_whom() {
    let home = tempfile::tempdir().unwrap();
    let mut alice = Person::new(home.path(), "alice", &["--invite-only"]);
    let bob = Person::new(home.path(), "bob", &["--invite-only", "--seed", &seed(&alice)]);
    bob.sees("not invited");
    alice.types(&format!("/invite {}", bob.key));
    bob.is_connected();
    let key = bob.key.clone();
    bob.kill();
    alice.types(&format!("/revoke {key}"));
    alice.sees("is revoked by you");
    let mut bob = Person::new(home.path(), "bob", &["--invite-only", "--seed", &seed(&alice)]);
    bob.sees("* you are revoked by alice [");
    bob.sees("* revoked: you were revoked by alice [");
    // It is known from then on, also if nobody is there to say so.
    alice.kill();
    bob.kill();
    bob = Person::new(home.path(), "bob", &["--invite-only"]);
    bob.sees("* revoked: you were revoked by ");
}
