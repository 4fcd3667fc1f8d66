//! Nodes in processes of their own find each other, lose each other, and come back.

use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use murmuration::live::{MeshConfig, MeshEvent, MeshNode};
use murmuration::wire::CloseReason;

use crate::node::{Node, PATIENCE, pause, until, until_all_are_well};
use crate::{Running, mesh_live, output, said};

/// As long as a laptop may be closed without anybody forgetting it.
const LONG_STOP: Duration = Duration::from_secs(60);
/// Long enough to be suspected.
const SHORT_STOP: Duration = Duration::from_secs(12);

fn three(home: &std::path::Path) -> [Node; 3] {
    let a = Node::quiet(home, "a", &[]);
    let seed = a.listening.to_string();
    let [b, c] = ["b", "c"].map(|name| Node::quiet(home, name, &["--seed", &seed]));
    until_all_are_well(&[&a, &b, &c]);
    [a, b, c]
}

#[test]
fn two_nodes_find_each_other_on_the_local_network() {
    let home = tempfile::tempdir().unwrap();
    let discovery = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port().to_string();
    // Whoever else tests on this network shall not be met.
    let network = format!("test-{}-{discovery}", std::process::id());
    let [a, b] =
        ["a", "b"].map(|name| Node::start(home.path(), name, &["--port", "0", "--discovery-port", &discovery, "--network", &network]));
    until_all_are_well(&[&a, &b]);
}

#[test]
fn three_nodes_find_each_other_by_one_seed() {
    let home = tempfile::tempdir().unwrap();
    three(home.path());
}

#[test]
fn a_node_that_was_killed_is_suspected_and_returns_without_a_seed() {
    let home = tempfile::tempdir().unwrap();
    let [a, b, mut c] = three(home.path());
    let known = || fs::read_to_string(home.path().join("c/peers.json")).unwrap_or_default();
    until("the killed node has written down the others", || known().contains(&a.id) && known().contains(&b.id));
    c.running.signal("KILL");
    c.running.child.wait().unwrap();
    for other in [&a, &b] {
        until("a killed node is suspected", || other.suspects(&c.id));
    }
    let id = c.id.clone();
    drop(c);
    let c = Node::quiet(home.path(), "c", &[]);
    assert_eq!(c.id, id);
    until_all_are_well(&[&a, &b, &c]);
}

#[test]
fn a_goodbye_is_told_within_two_seconds_and_ends_the_process() {
    let home = tempfile::tempdir().unwrap();
    let [a, b, mut c] = three(home.path());
    c.running.signal("TERM");
    let mut ended = None;
    let took = until("everybody has heard the goodbye", || {
        ended = ended.or_else(|| c.running.child.try_wait().unwrap());
        ended.is_some() && [&a, &b].iter().all(|other| other.logged("member left", Some("goodbye"), &c.id))
    });
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(ended.unwrap().code(), Some(0));
    until_all_are_well(&[&a, &b]);
    assert!(!a.logged("member suspected", None, &c.id) && !b.logged("member suspected", None, &c.id));
}

#[test]
fn a_node_that_is_told_to_end_leaves_a_whole_recording() {
    let home = tempfile::tempdir().unwrap();
    let record = |name: &'static str| ["--record", name];
    let a = Node::quiet(home.path(), "a", &record("a.rec"));
    let seed = a.listening.to_string();
    let [b, c] = ["b", "c"].map(|name| Node::quiet(home.path(), name, &["--seed", &seed, "--record", &format!("{name}.rec")]));
    until_all_are_well(&[&a, &b, &c]);
    for mut node in [a, b, c] {
        node.running.signal("TERM");
        assert_eq!(node.running.child.wait().unwrap().code(), Some(0));
    }
    for name in ["a", "b", "c"] {
        let (recording, identity) = (format!("{name}.rec"), format!("{name}/identity.key"));
        let mut replay = Command::new(assert_cmd::cargo::cargo_bin!("mesh-sim"));
        let replay = replay.current_dir(home.path()).args(["replay", &recording, "--identity", &identity]).output().unwrap();
        let text = said(&replay);
        assert!(text.contains("the recorded life ended in order") && text.contains("the same: digest"), "{name}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn a_node_that_stood_still_is_back_with_all_others() {
    let stop = if std::env::var_os("MURMURATION_LONG").is_some_and(|value| value == "1") { LONG_STOP } else { SHORT_STOP };
    // Past the test harness, which shows nothing of a test that passes.
    let _ = writeln!(std::io::stderr(), "the node stands still for {stop:?}; with MURMURATION_LONG=1 for {LONG_STOP:?}");
    let home = tempfile::tempdir().unwrap();
    let [a, b, c] = three(home.path());
    c.running.signal("STOP");
    let suspected: Duration = [&a, &b].map(|other| until("who stands still is suspected", || other.suspects(&c.id))).iter().sum();
    pause(stop.saturating_sub(suspected));
    c.running.signal("CONT");
    until_all_are_well(&[&a, &b, &c]);
    for (one, other) in [(&c, &a), (&c, &b), (&a, &b), (&b, &a)] {
        assert!(!one.logged("member suspected", None, &other.id), "{} was there all the time, and {} suspected it", other.id, one.id);
    }
}

#[test]
fn a_node_with_another_key_is_refused_and_both_say_why() {
    let home = tempfile::tempdir().unwrap();
    for key in ["one.key", "other.key"] {
        said(&output(home.path(), &["key", key]));
    }
    let a = Node::quiet(home.path(), "a", &["--network-key", "one.key"]);
    let mallory = Node::quiet(home.path(), "m", &["--network-key", "other.key", "--seed", &a.listening.to_string()]);
    for node in [&a, &mallory] {
        until("the wrong key is named", || node.log().iter().any(|line| line["fields"]["reason"] == "wrong_network_key"));
        assert_eq!(node.health().unwrap()["members"], 0);
    }
    let opened = |node: &Node| node.log().iter().filter(|line| line["fields"]["message"] == "session opened").count();
    until("it has tried again", || opened(&mallory) >= 3);
    for node in [&a, &mallory] {
        // Once, however often it happens.
        let log = node.log();
        let warnings: Vec<&str> =
            log.iter().filter(|line| line["level"] == "WARN").filter_map(|line| line["fields"]["message"].as_str()).collect();
        assert!(warnings.len() == 1 && warnings[0].contains("--network-key"), "{warnings:?}");
    }
}

#[test]
fn a_life_that_runs_ahead_of_its_folder_is_kept_there() {
    let home = tempfile::tempdir().unwrap();
    let b = Node::quiet(home.path(), "b", &[]);
    let (seed, identity) = (b.listening.to_string(), "5c".repeat(32));
    let more = ["--seed", seed.as_str(), "--keypair-seed", identity.as_str()];
    fs::create_dir(home.path().join("a")).unwrap();
    fs::write(home.path().join("a/incarnation"), "9000000000000\n").unwrap();
    let mut a = Node::quiet(home.path(), "a", &more);
    until_all_are_well(&[&a, &b]);
    a.running.signal("KILL");
    a.running.child.wait().unwrap();
    // Its folder is lost: what it says is older than what others hold of it, until it begins a later life.
    let again = Node::quiet(home.path(), "again", &more);
    assert_eq!(again.id, a.id);
    until("the later life is kept", || {
        let kept = fs::read_to_string(home.path().join("again/incarnation")).unwrap();
        kept.trim().parse::<u64>().unwrap() > 9_000_000_000_000
    });
}

#[test]
fn nodes_of_a_swarm_are_told_apart_in_its_log() {
    let home = tempfile::tempdir().unwrap();
    let mut command = mesh_live(home.path(), &["swarm", "--nodes", "2", "--duration", "4s", "--log", "json", "--quiet"]);
    let output = command.env("RUST_LOG", "info").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["fields"].clone());
    let mut joined: Vec<_> = lines.filter(|fields| fields["message"] == "member joined").collect();
    joined.sort_by_key(|fields| fields["node"].to_string());
    let [one, other] = &joined[..] else { panic!("each hears of the other: {log}") };
    let starts = |whole: &serde_json::Value, part: &serde_json::Value| whole.as_str().unwrap().starts_with(part.as_str().unwrap());
    assert!(starts(&one["peer"], &other["node"]) && starts(&other["peer"], &one["node"]), "{log}");
}

#[test]
fn a_swarm_that_plays_a_scenario_says_where_its_metrics_are() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("two.ron"), "(nodes: 2, duration: \"3s\")").unwrap();
    let arguments = ["swarm", "--scenario", "two.ron", "--metrics", "0", "--no-plots", "--out", "out"];
    let mut swarm = Running::start(mesh_live(home.path(), &arguments));
    let line = swarm.line();
    let address = line.strip_prefix("Metrics on: http://").and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
    assert!(crate::node::get(address, "/metrics").unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn a_seed_without_an_address_is_named_and_the_other_seed_is_used() {
    let home = tempfile::tempdir().unwrap();
    let a = Node::quiet(home.path(), "a", &[]);
    // No name of a machine ends so (RFC 2606).
    let b = Node::quiet(home.path(), "b", &["--seed", "nobody.invalid:9000", "--seed", &a.listening.to_string()]);
    until_all_are_well(&[&a, &b]);
    let named = |text: &str| {
        let fields = b.log().into_iter().map(|line| line["fields"].clone());
        let about = |fields: &serde_json::Value| {
            fields["seed"] == "nobody.invalid:9000" && fields["message"].as_str().is_some_and(|message| message.contains(text))
        };
        fields.filter(about).count()
    };
    until("the seed is named", || named("cannot be resolved") > 0);
    // It is looked for every five seconds at first, and named once.
    pause(Duration::from_secs(12));
    assert_eq!(named("cannot be resolved"), 1);
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let a = Node::quiet(home.path(), "a", &[]);
    let port = a.listening.port().to_string();
    let refused = output(home.path(), &["run", "--data-dir", "b", "--bind", "127.0.0.1", "--no-lan", "--port", &port]);
    let complaint = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains(&format!("127.0.0.1:{port} is in use")) && complaint.contains("--port 0"), "{complaint}");
}

#[test]
fn twenty_nodes_in_one_process_know_each_other() {
    let home = tempfile::tempdir().unwrap();
    let mut swarm = Running::start(mesh_live(home.path(), &["swarm", "--nodes", "20", "--duration", "60s"]));
    assert_eq!(swarm.line(), "20 nodes on the loopback interface");
    let mut last = String::new();
    loop {
        let line = swarm.line();
        assert!(!line.is_empty(), "the swarm ended with {last:?}");
        if line.contains("members known 380 of 380") {
            break;
        }
        last = line;
    }
    let (code, log) = swarm.end("INT");
    assert_eq!(code, Some(0), "{log}");
}

/// A peer whose machine hangs: its links stay open, and it reads nothing.
#[cfg(unix)]
#[tokio::test]
async fn a_peer_that_stops_reading_is_closed_and_others_hear_everything() {
    let config = || MeshConfig { bind_addr: "127.0.0.1:0".parse().unwrap(), lan: false, ..MeshConfig::default() };
    let alice = MeshNode::start(config()).await.unwrap();
    let carol = MeshNode::start(MeshConfig { seeds: vec![alice.local_addr().to_string()], ..config() }).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let hung = Node::quiet(home.path(), "hung", &["--seed", &alice.local_addr().to_string()]);
    until("all know each other", || hung.is_well(&[&alice.id().to_string(), &carol.id().to_string()]));
    let (mut seen, mut heard) = (alice.subscribe(), carol.subscribe());
    hung.running.signal("STOP");

    let mut word = 0_u32;
    let closed = async {
        loop {
            match seen.recv().await.unwrap() {
                MeshEvent::Disconnected { id, reason } if id.to_string() == hung.id => return reason,
                MeshEvent::Disconnected { id, reason } => panic!("{id} is lost: {reason:?}"),
                _ => {}
            }
        }
    };
    let speak = async {
        loop {
            word += 1;
            let payload: Vec<u8> = word.to_be_bytes().into_iter().cycle().take(60_000).collect();
            alice.broadcast(payload.clone()).unwrap();
            // The next follows only when this has arrived: whoever reads is not hurried.
            while !matches!(heard.recv().await.unwrap(), MeshEvent::BroadcastReceived { payload: heard, .. } if *heard == *payload) {}
        }
    };
    let reason = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            reason = closed => reason,
            () = speak => unreachable!("it goes on until the peer is lost"),
        }
    });
    let reason = reason.await.expect("a peer that does not read is closed");
    assert_eq!(reason, CloseReason::Overflow, "after {word} broadcasts");
}
