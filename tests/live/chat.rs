//! Chat, as a program that holds a node hears it.

use std::path::Path;

use murmuration::live::chat::{Listener, Status};
use murmuration::live::{MeshConfig, MeshEvent, MeshNode, SendError, Subscription};
use murmuration::wire::CloseReason;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::nodes::{PATIENCE, config, next, seeded};

fn text(event: MeshEvent) -> Option<String> {
    match event {
        MeshEvent::ChatMessageReceived { plaintext, .. } | MeshEvent::ChatMessageSent { plaintext, .. } => {
            Some(String::from_utf8(plaintext.into()).unwrap())
        }
        _ => None,
    }
}

async fn hears(events: &mut Subscription, what: &str) {
    next(events, |event| (text(event)? == what).then_some(())).await;
}

/// Has more events happen at `node` than are kept for whoever does not read them.
async fn flood(node: &MeshNode) {
    for _ in 0..6_000 {
        // Each is refused, which is an event.
        while node.send_to_topic("nowhere", "lost") == Err(SendError::Busy) {
            node.view().await.unwrap();
        }
    }
    node.view().await.unwrap();
}

/// Whether what waits at a node in this folder is said to be kept.
async fn keeps(folder: &Path) -> bool {
    let alice = MeshNode::start(MeshConfig { data_dir: Some(folder.to_owned()), ..config() }).await.unwrap();
    let mut events = alice.subscribe();
    alice.send_chat("alone").unwrap();
    let kept = |event| if let MeshEvent::ChatMessageWaits { kept, .. } = event { Some(kept) } else { None };
    let kept = next(&mut events, kept).await;
    alice.shutdown().await;
    kept
}

#[tokio::test]
async fn what_waits_is_said_to_be_kept_only_if_it_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    assert!(keeps(folder.path()).await);
    std::fs::create_dir(folder.path().join("none")).unwrap();
    std::fs::create_dir(folder.path().join("none/chat.redb")).unwrap();
    assert!(!keeps(&folder.path().join("none")).await);
}

#[tokio::test]
async fn who_asks_finds_done_what_was_told_before() {
    let alice = MeshNode::start(config()).await.unwrap();
    for number in 1..=50 {
        alice.send_chat(format!("alone {number}")).unwrap();
        assert_eq!(alice.view().await.unwrap().waiting, number);
    }
}

#[tokio::test]
async fn whoever_reads_too_slowly_is_told_every_text_once() {
    let alice = MeshNode::start(config()).await.unwrap();
    let bob = MeshNode::start(seeded(&alice)).await.unwrap();
    let mut seen = bob.subscribe();
    alice.send_chat("before").unwrap();
    hears(&mut seen, "before").await;

    let mut slow = Listener::new(bob.clone(), bob.subscribe()).await.unwrap();
    alice.send_chat("told").unwrap();
    hears(&mut seen, "told").await;
    let mut told: Vec<String> = Vec::new();
    while told.is_empty() {
        told.extend(text(timeout(PATIENCE, slow.recv()).await.unwrap().unwrap()));
    }
    for number in 0..3 {
        alice.send_chat(format!("lost {number}")).unwrap();
        hears(&mut seen, &format!("lost {number}")).await;
    }
    bob.send_chat("own").unwrap();
    hears(&mut seen, "own").await;
    flood(&bob).await;
    // This one is still among the events when the listener looks at the log.
    let mut seen = bob.subscribe();
    alice.send_chat("kept").unwrap();
    hears(&mut seen, "kept").await;

    assert!(matches!(timeout(PATIENCE, slow.recv()).await.unwrap(), Err(RecvError::Lagged(_))));
    told.extend(slow.catch_up().await.unwrap().into_iter().filter_map(text));
    alice.send_chat("last").unwrap();
    while told.last().is_none_or(|last| last != "last") {
        told.extend(text(timeout(PATIENCE, slow.recv()).await.unwrap().unwrap()));
    }
    assert_eq!(told, ["told", "lost 0", "lost 1", "lost 2", "own", "kept", "last"]);
}

#[tokio::test]
async fn open_networks_and_networks_by_invitation_do_not_mix_by_half() {
    let open = MeshNode::start(config()).await.unwrap();
    let mut events = open.subscribe();
    let closed = MeshNode::start(MeshConfig { require_invitation: true, ..seeded(&open) }).await.unwrap();
    let mut refused = closed.subscribe();
    let is_refusal = |event| matches!(event, MeshEvent::Refused { reason: CloseReason::OtherAdmission, .. }).then_some(());
    // Again and again, as it goes on trying.
    for _ in 0..3 {
        next(&mut refused, is_refusal).await;
    }
    let sees = async |node: &MeshNode| node.view().await.unwrap();
    assert_eq!(sees(&closed).await.status, Status::OtherAdmission { invite_only: true, settled: false });
    assert_eq!(sees(&open).await.status, Status::OtherAdmission { invite_only: false, settled: false });
    assert!(sees(&open).await.members.is_empty() && sees(&closed).await.members.is_empty());
    // Neither was a member for a moment.
    open.shutdown().await;
    while let Ok(event) = events.recv().await {
        assert!(!matches!(event, MeshEvent::NodeJoined(_)), "{event:?}");
    }
}
