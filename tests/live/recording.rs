use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use murmuration::crypto::Secret;
use murmuration::live::{MeshConfig, MeshEvent, MeshNode, RecordConfig};
use murmuration::replay::{self, Keys, Until};

use crate::nodes::{config, joined, next, seeded};

const SEED: [u8; 32] = [0x5a; 32];

fn recorded(path: &Path, seed: &MeshNode, secret: Option<Secret>) -> MeshConfig {
    let record = RecordConfig { path: path.to_owned(), limit: 16 << 20, parts: 2, secret };
    MeshConfig { record: Some(record), keypair_seed: Some(Secret(SEED)), nick: Some("rec".into()), ..seeded(seed) }
}

/// Three nodes find each other and speak; one of them is recorded.
async fn flight(path: &Path, secret: Option<Secret>) {
    let alice = MeshNode::start(config()).await.unwrap();
    let bob = MeshNode::start(recorded(path, &alice, secret)).await.unwrap();
    let carol = MeshNode::start(seeded(&alice)).await.unwrap();
    let mut events = bob.subscribe();
    joined(&mut events, &carol).await;
    for count in 0..5_u8 {
        carol.broadcast(vec![count; 40]).unwrap();
        bob.broadcast(vec![count; 50]).unwrap();
        next(&mut events, |event| matches!(event, MeshEvent::BroadcastReceived { .. }).then_some(())).await;
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    bob.shutdown().await;
}

fn mesh_sim(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("mesh-sim").unwrap().arg("replay").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn write(path: PathBuf, content: &[u8]) -> String {
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_node_that_is_recorded_is_replayed_to_the_same_digest_and_a_change_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight");
    flight(&path, None).await;
    let file = path.to_str().unwrap();

    let mut reader = replay::open(&path).unwrap();
    let keys = Keys { identity: Secret(SEED), network: None };
    let (summary, mismatch) = replay::verify(&mut reader, &keys, Until::End).unwrap();
    assert_eq!(mismatch, None, "{summary:?}");
    assert!(summary.ended && !summary.cut && summary.states >= 3 && summary.frames > 20, "{summary:?}");

    let identity = write(folder.path().join("identity.key"), &SEED);
    let (status, said, complaint) = mesh_sim(&[file, "--identity", &identity]);
    assert_eq!(status, Some(0), "{said}{complaint}");
    assert!(said.contains(&format!("the same: digest {}", summary.digest)), "{said}");
    assert!(said.contains("the recorded life ended in order"), "{said}");
    assert_eq!(mesh_sim(&[file, "--identity", &identity, "--until", "1s"]).0, Some(0));

    let (status, said, complaint) = mesh_sim(&[file, "--identity", &identity, "--set", "protocols.membership.gossip_interval=300ms"]);
    assert_eq!(status, Some(0), "{said}{complaint}");
    assert!(said.contains("the original ") && said.contains(" of membership to "), "{said}");
    println!("{said}");

    for (arguments, says) in [
        (vec![file], "give its identity with --identity"),
        (vec![file, "--identity", &write(folder.path().join("other"), &[1; 32])], "this is the identity of node"),
        (vec![file, "--identity", &identity, "--set", "protocols.detection.treshold=1"], "did you mean `threshold`?"),
        (vec![file, "--identity", &identity, "--until", "soon"], "--until"),
        (vec![identity.as_str(), "--identity", &identity], "is no recording"),
        (vec!["nowhere", "--identity", &identity], "nowhere"),
    ] {
        let (status, _, complaint) = mesh_sim(&arguments);
        assert_eq!(status, Some(2), "{complaint}");
        assert!(complaint.contains(says), "{complaint}");
    }

    // The same arrivals, at a node that decides otherwise.
    let other = folder.path().join("other_node");
    let (mut reader, mut header) = (replay::open(&path).unwrap(), replay::open(&path).unwrap().header().clone());
    header.random ^= 1;
    let mut writer = replay::Writer::new(std::fs::File::create(&other).unwrap(), &header, &keys, None).unwrap();
    while let Some(replay::Record::Tick(tick)) = reader.next_record().unwrap() {
        writer.tick(tick.at, &tick.arrivals, &[], None, u64::MAX).unwrap();
    }
    for more in [&[][..], &["--set", "protocols.detection.threshold=9"]] {
        let (status, said, complaint) = mesh_sim(&[&[other.to_str().unwrap(), "--identity", &identity], more].concat());
        assert!(status == Some(1) && said.contains("the recorded life has no end"), "{said}{complaint}");
    }

    let whole = std::fs::read(&path).unwrap();
    let cut = write(folder.path().join("cut"), &whole[..whole.len() - 100]);
    let (status, said, _) = mesh_sim(&[&cut, "--identity", &identity]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("in the middle of a record"), "{said}");
    let mut damaged = whole;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let (status, _, complaint) = mesh_sim(&[&write(folder.path().join("damaged"), &damaged), "--identity", &identity]);
    assert_eq!(status, Some(2));
    assert!(complaint.contains("it is damaged at byte"), "{complaint}");
}

#[tokio::test]
async fn keys_that_are_encrypted_need_the_secret_and_stand_nowhere_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight");
    flight(&path, Some(Secret([0xc3; 32]))).await;
    let file = path.to_str().unwrap();
    assert!(!std::fs::read(&path).unwrap().windows(32).any(|window| window == SEED));
    let (status, said, complaint) = mesh_sim(&[file, "--secret", &"c3".repeat(32)]);
    assert_eq!(status, Some(0), "{said}{complaint}");
    let (status, _, complaint) = mesh_sim(&[file, "--secret", &"c4".repeat(32)]);
    assert!(status == Some(2) && complaint.contains("not the secret"), "{complaint}");
    assert!(mesh_sim(&[file]).2.contains("--secret"));
}

#[tokio::test]
async fn when_a_part_is_full_the_node_begins_anew_and_its_handle_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight");
    let alice = MeshNode::start(config()).await.unwrap();
    let record = RecordConfig { path: path.clone(), limit: 256 << 10, parts: 3, secret: None };
    let bob = MeshNode::start(MeshConfig { record: Some(record), keypair_seed: Some(Secret(SEED)), ..seeded(&alice) }).await.unwrap();
    let mut events = bob.subscribe();
    joined(&mut events, &alice).await;
    bob.set_nick("bobby").unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let id = alice.id();
    // Longer than a nick may be: refused by its membership, but it has entered the world. What others say would be said again.
    for _ in 0..30 {
        bob.set_nick(&"x".repeat(10_000)).unwrap();
    }
    next(&mut events, |event| matches!(event, MeshEvent::Disconnected { id: peer, .. } if peer == id).then_some(())).await;
    next(&mut events, |event| matches!(event, MeshEvent::Connected { id: peer, .. } if peer == id).then_some(())).await;
    joined(&mut events, &alice).await;
    let mut heard = alice.subscribe();
    bob.broadcast(b"again".as_slice()).unwrap();
    next(&mut heard, |event| matches!(event, MeshEvent::BroadcastReceived { payload, .. } if &*payload == b"again").then_some(())).await;
    assert!(alice.members().await.unwrap().iter().any(|member| member.nick.as_deref() == Some("bobby")));
    bob.shutdown().await;
    let keys = Keys { identity: Secret(SEED), network: None };
    for part in ["flight", "flight.1"] {
        let path = folder.path().join(part);
        assert!(std::fs::metadata(&path).unwrap().len() <= 256 << 10);
        let (summary, mismatch) = replay::verify(&mut replay::open(&path).unwrap(), &keys, Until::End).unwrap();
        assert_eq!(mismatch, None, "{part}: {summary:?}");
        assert!(summary.ticks > 0);
    }
}

#[tokio::test]
async fn a_node_does_not_record_over_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("diary");
    std::fs::write(&path, "dear diary").unwrap();
    let record = RecordConfig { path: path.clone(), limit: 1 << 20, parts: 1, secret: None };
    let refusal = MeshNode::start(MeshConfig { record: Some(record), ..config() }).await.err().expect("it is refused").to_string();
    assert!(refusal.contains("exists and is no recording"), "{refusal}");
    assert_eq!(std::fs::read(&path).unwrap(), b"dear diary");
}
