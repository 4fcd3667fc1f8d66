//! Networks by invitation stay closed, whatever their members forget.

use murmuration::crypto::Secret;
use murmuration::live::chat::Status;
use murmuration::live::{MeshConfig, MeshEvent, MeshNode, Subscription};
use murmuration::wire::CloseReason;

use crate::nodes::{config, joined, next, seeded};

fn closed(config: MeshConfig) -> MeshConfig {
    MeshConfig { require_invitation: true, ..config }
}

async fn refused(events: &mut Subscription, why: CloseReason) {
    next(events, |event| matches!(event, MeshEvent::Refused { reason, .. } if reason == why).then_some(())).await;
}

async fn reads(events: &mut Subscription, what: &[u8]) {
    next(events, |event| matches!(event, MeshEvent::ChatMessageReceived { plaintext, .. } if *plaintext == *what).then_some(())).await;
}

#[tokio::test]
async fn who_was_invited_and_forgets_that_the_network_is_closed_gets_nothing_and_passes_nothing_on() {
    let alice = MeshNode::start(closed(config())).await.unwrap();
    let dora = MeshNode::start(seeded(&alice)).await.unwrap();
    alice.invite(dora.id()).unwrap();
    alice.send_chat("for members").unwrap();
    let mut events = dora.subscribe();
    for _ in 0..3 {
        refused(&mut events, CloseReason::OtherAdmission).await;
    }
    let eve = MeshNode::start(seeded(&dora)).await.unwrap();
    joined(&mut eve.subscribe(), &dora).await;
    assert!(eve.chat_history(0).await.unwrap().is_empty() && dora.chat_history(0).await.unwrap().is_empty());
    assert_eq!(alice.view().await.unwrap().status, Status::OtherAdmission { invite_only: true, settled: true });
}

#[tokio::test]
async fn whose_folder_knows_a_closed_network_stays_in_it() {
    let (home, alone) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let alice = MeshNode::start(closed(config())).await.unwrap();
    let of_bob = || MeshConfig { data_dir: Some(home.path().to_owned()), keypair_seed: Some(Secret([7; 32])), ..seeded(&alice) };
    let bob = MeshNode::start(closed(of_bob())).await.unwrap();
    alice.invite(bob.id()).unwrap();
    let mut events = bob.subscribe();
    joined(&mut events, &alice).await;
    alice.send_chat("for members").unwrap();
    reads(&mut events, b"for members").await;
    bob.shutdown().await;

    let bob = MeshNode::start(of_bob()).await.unwrap();
    assert_eq!(bob.chat_history(0).await.unwrap().len(), 1, "it has what it had");
    assert!(bob.is_by_invitation().await.unwrap());
    let eve = MeshNode::start(seeded(&bob)).await.unwrap();
    let mut events = eve.subscribe();
    for _ in 0..3 {
        refused(&mut events, CloseReason::OtherAdmission).await;
    }
    assert!(eve.chat_history(0).await.unwrap().is_empty());
    let mut events = bob.subscribe();
    alice.send_chat("still for members").unwrap();
    reads(&mut events, b"still for members").await;

    // Whoever has invited nobody is free to change its mind.
    let of_carol = || MeshConfig { data_dir: Some(alone.path().to_owned()), keypair_seed: Some(Secret([8; 32])), ..config() };
    MeshNode::start(closed(of_carol())).await.unwrap().shutdown().await;
    assert!(!MeshNode::start(of_carol()).await.unwrap().is_by_invitation().await.unwrap());
}

#[tokio::test]
async fn networks_with_other_founders_stay_apart_though_their_members_invite_each_other() {
    let alice = MeshNode::start(closed(config())).await.unwrap();
    let bob = MeshNode::start(closed(config())).await.unwrap();
    let carol = MeshNode::start(closed(seeded(&bob))).await.unwrap();
    bob.invite(carol.id()).unwrap();
    joined(&mut carol.subscribe(), &bob).await;
    let dave = MeshNode::start(closed(seeded(&alice))).await.unwrap();
    alice.invite(dave.id()).unwrap();
    joined(&mut dave.subscribe(), &alice).await;
    // A node that alice knows by its address, and that is at home with bob.
    let erin =
        MeshNode::start(closed(MeshConfig { seeds: vec![bob.local_addr().to_string(), alice.local_addr().to_string()], ..config() }));
    let erin = erin.await.unwrap();
    bob.invite(erin.id()).unwrap();
    joined(&mut erin.subscribe(), &bob).await;
    let mut events = erin.subscribe();
    alice.invite(erin.id()).unwrap();
    erin.invite(alice.id()).unwrap();
    refused(&mut events, CloseReason::OtherNetwork).await;
    let members = alice.members().await.unwrap();
    assert!(members.iter().all(|member| member.node_id == dave.id()), "{members:?}");
}
