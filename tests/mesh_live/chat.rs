//! `mesh-live chat`, as people and scripts use it: lines in, lines out.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::node::{pause, until};
use crate::person::{Person, listen, seed};
use crate::{complaint, mesh_live};

/// The walk of issue 4: start, refused, invited, joins, a third invites, revoked.
#[test]
fn four_people_meet_by_invitation() {
    let home = tempfile::tempdir().unwrap();
    let mut alice = Person::new(home.path(), "alice", &["--invite-only"]);
    alice.sees("is by invitation");
    alice.types("the first words");
    alice.sees("nobody is here yet who could read this");

    let mut bob = Person::new(home.path(), "bob", &["--invite-only", "--seed", &seed(&alice)]);
    bob.sees("* Recovering... not invited");
    alice.types("/members");
    alice.sees("alice [");
    assert!(!alice.has_seen("bob"));

    let invite = format!("/invite {}", bob.key);
    alice.types(&invite);
    bob.is_connected();
    bob.sees("[alice] the first words");
    bob.types("hello from bob");
    alice.sees("[bob] hello from bob");

    // Any member may be the seed, any the sponsor.
    let mut carol = Person::new(home.path(), "carol", &["--invite-only", "--seed", &seed(&bob)]);
    carol.sees("not invited");
    let invite = format!("/invite {}", carol.key);
    bob.types(&invite);
    carol.is_connected();
    carol.sees("[bob] hello from bob");
    let mut dave = Person::new(home.path(), "dave", &["--invite-only", "--seed", &seed(&alice)]);
    let invite = format!("/invite {}", dave.key);
    carol.types(&invite);
    dave.is_connected();
    dave.sees("[alice] the first words");
    until("all see four", || {
        alice.types("/members");
        pause(Duration::from_millis(300));
        ["bob", "carol", "dave"].iter().all(|nick| alice.all().iter().any(|line| line.starts_with(nick) && line.contains("online")))
    });

    // For one only.
    dave.types("/dm alice between us");
    alice.sees("[dave -> you] between us");
    let revoke = format!("/revoke {}", bob.key);
    alice.types(&revoke);
    for person in [&carol, &dave] {
        person.sees("* bob [");
        person.sees("is revoked by alice");
    }
    bob.sees("* revoked: ");
    alice.types("without bob");
    dave.sees("[alice] without bob");
    carol.sees("[alice] without bob");
    // An invitation does not help.
    carol.types(&format!("/invite {}", bob.key));
    carol.sees("this key was revoked, and that is for good");
    pause(Duration::from_secs(1));
    bob.types("/history 100");
    pause(Duration::from_millis(500));
    for person in [&bob, &carol] {
        assert!(!person.has_seen("between us"));
    }
    assert!(!bob.has_seen("without bob"));

    alice.types("/quit");
    assert_eq!(alice.child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_was_acknowledged_outlives_kill_9_and_lies_encrypted() {
    let home = tempfile::tempdir().unwrap();
    let mut alice = Person::new(home.path(), "alice", &["--topic", "tech"]);
    let mut bob = Person::new(home.path(), "bob", &["--seed", &seed(&alice), "--topic", "tech"]);
    bob.is_connected();
    alice.types("plaintext-one");
    bob.sees("[alice] plaintext-one");
    bob.types("/dm alice plaintext-two");
    alice.sees("[bob -> you] plaintext-two");
    until("tech is shared", || {
        alice.types("/topics");
        pause(Duration::from_millis(200));
        alice.has_seen("#tech subscribed, 1 other")
    });
    alice.types("/send tech \"plaintext-three\"");
    bob.sees("#tech [alice] plaintext-three");
    // Both at the same moment, in the middle of whatever they do.
    let key = alice.key.clone();
    bob.kill();
    alice.kill();

    for nick in ["alice", "bob"] {
        let kept = fs::read(home.path().join(nick).join("chat.redb")).unwrap();
        for plain in ["plaintext", "chat-text", "chat-entry", "tech"] {
            assert!(!holds(&kept, plain.as_bytes()), "{plain} lies in the store of {nick}");
        }
    }
    let mut alice = Person::new(home.path(), "alice", &[]);
    assert_eq!(alice.key, key);
    alice.types("/history");
    alice.sees("[alice] plaintext-one");
    alice.sees("[bob -> you] plaintext-two");
    alice.types("/history tech");
    alice.sees("#tech [alice] plaintext-three");
    alice.kill();

    // A database that is damaged is moved aside, and the others have what was in it.
    let path = home.path().join("alice/chat.redb");
    fs::write(&path, vec![0x5a; 8192]).unwrap();
    let bob = Person::new(home.path(), "bob", &[]);
    let mut alice = Person::new(home.path(), "alice", &["--seed", &seed(&bob)]);
    alice.is_connected();
    assert!(home.path().join("alice/chat.redb.damaged-1").exists());
    assert!(fs::read_to_string(home.path().join("alice.log")).unwrap().contains("is damaged"));
    until("her own words are back", || {
        alice.types("/history");
        pause(Duration::from_millis(300));
        alice.has_seen("[alice] plaintext-one")
    });
}

#[test]
fn traffic_between_two_members_holds_no_plain_text() {
    let home = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (proxy, seen) = tap(([127, 0, 0, 1], port).into());
    let proxy = proxy.to_string();
    // There is no other way between them.
    let mut alice = Person::at(home.path(), "alice", port, &["--advertise", &proxy]);
    let mut bob = Person::new(home.path(), "bob", &["--seed", &proxy, "--advertise", "127.0.0.1:1"]);
    bob.is_connected();
    alice.types("a-secret-for-all");
    bob.sees("[alice] a-secret-for-all");
    bob.types("/dm alice a-secret-for-one");
    alice.sees("[bob -> you] a-secret-for-one");
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 1_000);
    assert!(!holds(&seen, b"a-secret") && !holds(&seen, b"alice"));
}

#[test]
fn bad_lines_are_answered_and_nothing_ends() {
    let home = tempfile::tempdir().unwrap();
    let mut alice = Person::new(home.path(), "alice", &["--invite-only"]);
    alice.sees("you founded this network");
    let own = format!("/invite {}", alice.key);
    let too_long = "x".repeat(20_000);
    let far_too_long = "y".repeat(200_000);
    for (line, answer) in [
        ("/dance", "Unknown command or invalid arguments"),
        ("/invite abc", "a key has 64 hex digits, and this has 3 characters"),
        (&format!("/invite {}", "z".repeat(64)), "a key has 64 hex digits, and this has other characters"),
        (&own, "* not done: this is your own key"),
        ("/revoke nobody", "nobody here is called nobody"),
        ("/dm nobody hello", "nobody here is called nobody"),
        ("/send nowhere hello", "Not subscribed to topic: nowhere"),
        ("/send lobby \" \"", "there is nothing to say"),
        ("/history nowhere", "there is no topic nowhere: write /history [TOPIC] [N]"),
        ("/history lobby ten", "Unknown command or invalid arguments: /history [TOPIC] [N]"),
        ("/history", "nothing that you can read was said in lobby yet"),
        ("/leave-topic lobby", "nobody leaves the lobby"),
        (&format!("/join-topic {}", "n".repeat(60)), "a topic's name has 1 to 48 bytes"),
        (&too_long, "a text of 20000 bytes is longer than the 16384 allowed: split it"),
        (&far_too_long, "this line is longer than the 16384 bytes of a text"),
        ("/create-topic tech", "Subscribed to topic: tech"),
        ("/leave-topic tech", "Left topic: tech"),
        ("/me", "You are: alice ["),
        ("/nick alicia", "You are now: alicia"),
    ] {
        alice.types(line);
        alice.sees(answer);
    }
    // The end of the input is not the end of the node.
    drop(alice.input.take());
    pause(Duration::from_millis(500));
    assert!(alice.child.try_wait().unwrap().is_none());
}

#[test]
fn a_text_that_cannot_be_said_at_the_start_is_bad_input() {
    let home = tempfile::tempdir().unwrap();
    for (text, wrong) in [("", "there is nothing to say"), (" \t ", "there is nothing to say"), (&"x".repeat(20_000), "split it")] {
        let said = complaint(home.path(), &["chat", "--data-dir", "alice", "--publish", text]);
        assert!(said.contains(wrong), "{said}");
    }
}

#[test]
fn scripts_speak_and_read_json() {
    let home = tempfile::tempdir().unwrap();
    let alice = Person::new(home.path(), "alice", &["--no-stdin"]);
    let arguments = ["chat", "--data-dir", "bob", "--nick", "bob", "--bind", "127.0.0.1", "--port", "0", "--no-lan", "--json", "--once"];
    let more = ["--publish", "at once", "--seed", &seed(&alice)];
    let mut command = mesh_live(home.path(), &[&arguments[..], &more].concat());
    let mut bob = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    bob.stdin.take().unwrap().write_all(b"from a script\n\n/me\n\xff\xfe\n").unwrap();
    let output = bob.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    for said in ["[bob] at once", "[bob] from a script", "[bob] fffe"] {
        alice.sees(said);
        assert_eq!(alice.all().iter().filter(|line| *line == said).count(), 1, "{said}");
    }
    let lines = String::from_utf8(output.stdout).unwrap();
    let objects: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    for kind in ["started", "me", "joined", "status", "sent", "delivered"] {
        assert!(kinds.contains(&kind), "{kind} among {kinds:?}");
    }
}

#[test]
fn who_can_show_nothing_ends_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    let mut command = mesh_live(home.path(), &["chat", "--json", "--data-dir", "deaf", "--bind", "127.0.0.1", "--port", "0", "--no-lan"]);
    let mut deaf = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The line that says that it has started.
    BufReader::new(deaf.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    writeln!(deaf.stdin.as_mut().unwrap(), "/me").unwrap();
    let mut ended = None;
    until("it ends", || {
        ended = deaf.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(2));
    let mut said = String::new();
    deaf.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("cannot be written to the standard output"), "{said}");
}

/// A pipe that is full, as to a program that hangs.
#[cfg(unix)]
#[test]
fn who_waits_for_a_reader_is_ended_by_a_signal_and_says_goodbye() {
    let home = tempfile::tempdir().unwrap();
    let mut alice = Person::new(home.path(), "alice", &[]);
    let own = ["chat", "--data-dir", "stuck", "--nick", "stuck", "--bind", "127.0.0.1", "--port", "0", "--no-lan", "--seed", &seed(&alice)];
    let mut stuck = mesh_live(home.path(), &own).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    alice.sees("stuck");
    // More than a pipe holds.
    for _ in 0..10 {
        alice.types(&"x".repeat(16_000));
    }
    alice.sees("is here");
    pause(Duration::from_secs(2));
    Command::new("kill").args(["-TERM", &stuck.id().to_string()]).status().unwrap();
    until("it ends", || stuck.try_wait().unwrap().is_some());
    alice.sees("is gone");
}

#[test]
fn once_does_not_end_before_what_was_to_be_said_is_delivered() {
    let home = tempfile::tempdir().unwrap();
    let alice = Person::new(home.path(), "alice", &["--no-stdin"]);
    let seed = seed(&alice);
    for round in 0..8 {
        let folder = format!("bob-{round}");
        let own = ["chat", "--data-dir", &folder, "--nick", "bob", "--bind", "127.0.0.1", "--port", "0", "--no-lan", "--json", "--once"];
        let mut command = mesh_live(home.path(), &[&own[..], &["--seed", &seed, "--publish", &format!("round {round}")]].concat());
        let mut bob = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        writeln!(bob.stdin.take().unwrap(), "/send lobby typed {round}").unwrap();
        let output = bob.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let lines = String::from_utf8(output.stdout).unwrap();
        for kind in [r#""kind":"sent""#, r#""kind":"delivered""#] {
            assert!(lines.matches(kind).count() >= 2, "round {round}: {lines}");
        }
        alice.sees(&format!("] round {round}"));
        alice.sees(&format!("] typed {round}"));
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A way to `target` on which all bytes are written down.
fn tap(target: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&seen);
    listen(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(target) else { continue };
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                let noted = Arc::clone(&noted);
                listen(move || {
                    let mut bytes = [0; 4096];
                    while let Ok(count @ 1..) = from.read(&mut bytes) {
                        noted.lock().unwrap().extend_from_slice(&bytes[..count]);
                        if to.write_all(&bytes[..count]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    (address, seen)
}
