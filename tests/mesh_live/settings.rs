//! Flags, configuration and data directory.

use std::fs;
use std::path::Path;

use crate::{Running, complaint, mesh_live, output, refused, said};

const OPEN: &str = "The network \"murmuration\" is open: anyone who knows its name can join. To close it, make a key with `mesh-live key";

/// A node on any port and on no local network.
const RUN: [&str; 5] = ["run", "--port", "0", "--no-lan", "--data-dir"];

fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&RUN[..], more].concat()
}

#[test]
fn an_identity_stays_and_differs_from_others() {
    let home = tempfile::tempdir().unwrap();
    let id = |folder: &str| said(&output(home.path(), &["id", "--data-dir", folder]));
    let first = id("a");
    assert!(first.len() == 65 && first.trim_end().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{first}");
    assert_eq!(id("a"), first);
    assert_ne!(id("b"), first);

    let json = said(&output(home.path(), &["id", "--json", "--data-dir", "a"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["id"].as_str(), json["short"].as_str()), (Some(first.trim_end()), Some(&first[..8])));

    // Without a folder it is kept in the home.
    said(&output(home.path(), &["id"]));
    assert_eq!(fs::read(home.path().join(".config/mesh-live/identity.key")).unwrap().len(), 32);
}

#[test]
fn a_seed_is_the_bytes_of_the_file() {
    let home = tempfile::tempdir().unwrap();
    let kept = said(&output(home.path(), &["id", "--data-dir", "a"]));
    let seed = hex(&fs::read(home.path().join("a/identity.key")).unwrap());
    assert_eq!(said(&output(home.path(), &["id", "--keypair-seed", &seed])), kept);

    let mut node = Running::start(mesh_live(home.path(), &run(&["b", "--keypair-seed", &seed, "--nick", "twin"])));
    assert_eq!(node.line(), format!("You are: twin [{}]", &kept[..8]));
    assert!(!home.path().join("b/identity.key").exists());

    for command in ["id", "run"] {
        let complaint = complaint(home.path(), &[command, "--data-dir", "c", "--keypair-seed", &seed[1..]]);
        assert_eq!(complaint, "error: --keypair-seed: a key is 64 hex digits, and this is 63 characters\n");
    }
}

#[cfg(unix)]
#[test]
fn an_identity_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let kept = said(&output(home.path(), &["id", "--data-dir", "a"]));
    let path = home.path().join("a/identity.key");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    for arguments in [&["id", "--data-dir", "a"][..], &run(&["a"])] {
        let complaint = complaint(home.path(), arguments);
        assert!(complaint.contains("a/identity.key") && complaint.contains("(mode 0640); run `chmod 600 "), "{complaint}");
    }
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(said(&output(home.path(), &["id", "--data-dir", "a"])), kept);

    fs::write(&path, [1; 31]).unwrap();
    let complaint = complaint(home.path(), &run(&["a"]));
    assert!(complaint.contains("it has 31 bytes, and a key has 32"), "{complaint}");
    assert_eq!(fs::read(&path).unwrap(), [1; 31]);
}

#[test]
fn an_unknown_setting_is_placed_and_the_nearest_named() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("a")).unwrap();
    fs::write(home.path().join("a/config.toml"), "# mine\nnick = \"alice\"\nseed_peer = []\n").unwrap();
    let complaint = complaint(home.path(), &run(&["a"]));
    assert!(complaint.starts_with("error: a/config.toml:3:1: there is no setting `seed_peer`; did you mean `seed_peers`?"), "{complaint}");
    // Bad input leaves nothing behind.
    assert!(!home.path().join("a/identity.key").exists());
}

#[test]
fn flags_win_over_the_configuration() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("mine.toml"), "nick = \"file\"\nport = 9123\nnetwork = \"lab\"\nbind_addr = \"127.0.0.1\"").unwrap();
    let arguments = ["run", "--data-dir", "a", "--config", "mine.toml", "--nick", "flag", "--port", "0", "--no-lan"];
    let mut node = Running::start(mesh_live(home.path(), &arguments));
    assert!(node.line().starts_with("You are: flag ["));
    let line = node.line();
    assert!(line.starts_with("Listening on: 127.0.0.1:") && !line.ends_with(":9123"), "{line}");
    assert!(node.line().starts_with("The network \"lab\" is open"));
    // Who brings a configuration needs none to fill in.
    assert!(!home.path().join("a/config.toml").exists());

    let complaint = complaint(home.path(), &run(&["b", "--config", "none.toml"]));
    assert_eq!(complaint, "error: none.toml cannot be read: there is no such file\n");
}

#[test]
fn a_node_says_who_it_is_and_ends_when_told() {
    let home = tempfile::tempdir().unwrap();
    let id = said(&output(home.path(), &["id", "--data-dir", "a"]));
    for (signal, nick) in [("INT", Some("alice")), ("TERM", None)] {
        let arguments = run(&["a"]).into_iter().chain(nick.iter().flat_map(|nick| ["--nick", nick])).collect::<Vec<_>>();
        let mut node = Running::start(mesh_live(home.path(), &arguments));
        assert_eq!(node.line(), format!("You are: {} [{}]", nick.unwrap_or(&id[..8]), &id[..8]));
        assert!(node.line().starts_with("Listening on: 0.0.0.0:"));
        assert!(node.line().starts_with(OPEN));
        let (code, log) = node.end(signal);
        assert_eq!(code, Some(0), "{log}");
    }
    // The configuration that it wrote says nothing until it is filled in.
    assert!(fs::read_to_string(home.path().join("a/config.toml")).unwrap().lines().all(|line| line.is_empty() || line.starts_with('#')));
}

#[test]
fn a_network_with_a_key_is_not_open() {
    let home = tempfile::tempdir().unwrap();
    let said_key = said(&output(home.path(), &["key", "lab.key"]));
    assert!(said_key.contains("a new key is in lab.key"), "{said_key}");
    let key = fs::read_to_string(home.path().join("lab.key")).unwrap();
    assert_eq!(key.len(), 65);
    let complained = complaint(home.path(), &["key", "lab.key"]);
    assert!(complained.contains("lab.key exists already"), "{complained}");
    assert_eq!(said(&output(home.path(), &["key"])).len(), 65);

    for (folder, source) in [("a", "lab.key"), ("b", key.trim_end())] {
        let mut node = Running::start(mesh_live(home.path(), &run(&[folder, "--network-key", source])));
        assert!(node.line().starts_with("You are: ") && node.line().starts_with("Listening on: "));
        node.end("INT");
        assert_eq!(node.line(), "");
    }
    let complained = complaint(home.path(), &run(&["c", "--network-key", &key[2..64]]));
    assert!(complained.contains("--network-key: a key is 64 hex digits, and this is 62 characters"), "{complained}");
    assert!(!complained.contains(&key[2..64]));
}

#[test]
fn a_data_directory_has_one_node() {
    let home = tempfile::tempdir().unwrap();
    let mut node = Running::start(mesh_live(home.path(), &run(&["a"])));
    let line = node.line();
    let complained = complaint(home.path(), &run(&["a"]));
    let expected = format!("another mesh-live runs with this data directory, a (pid {}); use --data-dir for a second one", node.child.id());
    assert!(complained.contains(&expected), "{complained}");
    // Who it is can be asked meanwhile.
    let id = said(&output(home.path(), &["id", "--data-dir", "a"]));
    assert!(line.ends_with(&format!("[{}]", &id[..8])), "{line}");

    // A node that is killed keeps nobody out, and its next life has a higher number.
    let before = incarnation(home.path());
    node.end("KILL");
    let mut node = Running::start(mesh_live(home.path(), &run(&["a"])));
    assert!(node.line().ends_with(&format!("[{}]", &id[..8])));
    assert!(incarnation(home.path()) > before);
}

fn incarnation(home: &Path) -> u64 {
    fs::read_to_string(home.join("a/incarnation")).unwrap().trim().parse().unwrap()
}

#[test]
fn a_clock_that_went_back_and_damaged_peers_are_told_and_survived() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("a")).unwrap();
    fs::write(home.path().join("a/incarnation"), "9000000000000\n").unwrap();
    fs::write(home.path().join("a/peers.json"), "{\"peers\": [").unwrap();
    let mut node = Running::start(mesh_live(home.path(), &run(&["a", "--log", "json"])));
    assert!(node.line().starts_with("You are: "));
    assert!(incarnation(home.path()) > 9_000_000_000_000);
    assert!(home.path().join("a/peers.json.damaged").exists());
    let (_, log) = node.end("TERM");
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for said in ["the clock went back", "a damaged file was set aside"] {
        let line = lines.iter().find(|line| line["fields"]["message"].as_str().is_some_and(|message| message.contains(said)));
        let line = line.unwrap_or_else(|| panic!("{said}: {log}"));
        assert!(line["level"] == "WARN" && line["timestamp"].is_string() && line["target"].is_string(), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("a")).unwrap();
    std::os::unix::fs::symlink("/dev/full", home.path().join("a/incarnation.new")).unwrap();
    let complaint = complaint(home.path(), &run(&["a"]));
    assert_eq!(
        complaint,
        "error: a/incarnation cannot be written: the disk is full; make room and try again, what was written before is unharmed\n"
    );
}

#[test]
fn nonsense_in_the_environment_is_named() {
    let home = tempfile::tempdir().unwrap();
    for (nonsense, expected) in [("murmuration=loud", "`murmuration=loud`"), ("inof", "did you mean `info`?"), ("====", "`====`")] {
        let mut command = mesh_live(home.path(), &run(&["a"]));
        command.env("RUST_LOG", nonsense);
        let complaint = refused(command);
        assert!(complaint.starts_with("error: RUST_LOG: ") && complaint.contains(expected), "{complaint}");
    }
    assert!(!home.path().join("a").exists());
}

#[test]
fn a_wrong_flag_says_what_is_right() {
    let home = tempfile::tempdir().unwrap();
    for (flags, expected) in [
        (["--seed", "example.org"], "the seed `example.org` has no port; write `example.org:9000`"),
        (["--seed", "::1"], "write the seed `::1` as `[::1]:9000`"),
        (["--bind", "0.0.0.0:9000"], "without port"),
        (["--port", "70000"], "70000 is not in 0..=65535"),
        (["--log", "xml"], "expected `json` or `text`"),
        (["--nick", ""], "a nick has 1 to 32 characters"),
        (["--portt", "1"], "--port"),
        (["--metrics", "localhost:9100"], "expected a port such as `9100`"),
        (["--record-secret", "secret.key"], "add --record FILE"),
        (["--record-limit", "3"], "add --record FILE"),
    ] {
        let complaint = complaint(home.path(), &[&["run", "--data-dir", "a"][..], &flags].concat());
        assert!(complaint.contains(expected), "{flags:?}: {complaint}");
    }
}

#[test]
fn a_recording_that_cannot_be_written_says_why() {
    let home = tempfile::tempdir().unwrap();
    let output = output(home.path(), &run(&["a", "--record", "nowhere/flight.rec"]));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(
        complaint.contains("nowhere/flight.rec cannot be written: there is no such folder; make it first, or record to"),
        "{complaint}"
    );
}

#[test]
fn a_node_on_loopback_says_that_it_leaves_the_network_alone_and_what_it_was_told_for_nothing() {
    let home = tempfile::tempdir().unwrap();
    let log = |arguments: &[&str]| {
        let mut node = Running::start(mesh_live(home.path(), arguments));
        assert!(node.line().starts_with("You are: ") && node.line().starts_with("Listening on: "));
        node.end("TERM").1
    };
    let bound = log(&["run", "--data-dir", "a", "--bind", "127.0.0.1", "--port", "0", "--discovery-port", "9876"]);
    assert!(bound.contains("on this host only"), "{bound}");
    fs::write(home.path().join("lan.toml"), "lan = true").unwrap();
    let wan = log(&["run", "--data-dir", "b", "--config", "lan.toml", "--wan", "--port", "0"]);
    assert!(wan.contains("`lan = true` means nothing"), "{wan}");
}

#[test]
fn a_swarm_that_cannot_be_says_why() {
    let home = tempfile::tempdir().unwrap();
    for (flags, expected) in [
        (&["--nodes", "0"][..], "at least one node (--nodes)"),
        (&["--rate", "1e10"], "at most 1000000 broadcasts a second, and 10000000000 is not (--rate)"),
        (&["--rate", "inf"], "and inf is not"),
        (&["--rate", "NaN"], "and NaN is not"),
        (&["--rate", "-3"], "more than 0"),
        (&["--rate", "1", "--size", "60001"], "at most 60000 bytes, and 60001 are more (--size)"),
    ] {
        let complaint = complaint(home.path(), &[&["swarm"][..], flags].concat());
        assert!(complaint.contains(expected), "{flags:?}: {complaint}");
    }
}

/// The reader of the log may leave before the node does.
#[test]
fn a_log_that_nobody_reads_ends_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut command = mesh_live(home.path(), &run(&["a"]));
    command.env("RUST_LOG", "trace");
    let mut node = Running::start(command);
    drop(node.child.stderr.take());
    assert!(node.line().starts_with("You are: "));
    node.signal("TERM");
    assert_eq!(node.child.wait().unwrap().code(), Some(0));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
