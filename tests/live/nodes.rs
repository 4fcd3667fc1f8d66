use std::time::Duration;

use bevy_ecs::world::World;
use murmuration::crypto::Secret;
use murmuration::live::{MeshConfig, MeshEvent, MeshNode, NodeDied, SendError, Subscription};
use murmuration::wire::CloseReason;
use tokio::time::timeout;

/// Much longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn config() -> MeshConfig {
    MeshConfig { bind_addr: "127.0.0.1:0".parse().unwrap(), lan: false, ..MeshConfig::default() }
}

pub fn seeded(seed: &MeshNode) -> MeshConfig {
    MeshConfig { seeds: vec![seed.local_addr().to_string()], ..config() }
}

/// Waits for an event that `wanted` makes something of.
pub async fn next<T>(events: &mut Subscription, mut wanted: impl FnMut(MeshEvent) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = wanted(events.recv().await.expect("the node runs")) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("it happens in time")
}

pub async fn joined(events: &mut Subscription, who: &MeshNode) {
    let id = who.id();
    next(events, |event| (event == MeshEvent::NodeJoined(id)).then_some(())).await;
}

#[tokio::test]
async fn what_one_node_says_another_hears_and_a_goodbye_is_told_at_once() {
    let alice = MeshNode::start(MeshConfig { nick: Some("alice".into()), ..config() }).await.unwrap();
    let bob = MeshNode::start(seeded(&alice)).await.unwrap();
    let mut events = bob.subscribe();
    joined(&mut events, &alice).await;
    let members = bob.members().await.unwrap();
    assert_eq!((members[0].pub_key, members[0].nick.as_deref()), (alice.pub_key(), Some("alice")));

    alice.broadcast(b"hello".as_slice()).unwrap();
    let (origin, heard) = next(&mut events, |event| match event {
        MeshEvent::BroadcastReceived { origin, payload, .. } => Some((origin, payload)),
        _ => None,
    })
    .await;
    assert_eq!((origin, &*heard), (alice.id(), b"hello".as_slice()));

    let connections = bob.connections().await.unwrap();
    assert_eq!(connections.iter().map(|one| one.node_id).collect::<Vec<_>>(), [alice.id()]);

    let id = alice.id();
    alice.shutdown().await;
    let left = timeout(Duration::from_secs(2), async {
        next(&mut events, |event| (event == MeshEvent::NodeLeft { id, graceful: true }).then_some(())).await;
    });
    left.await.expect("others hear of a goodbye within two seconds");
}

#[tokio::test]
async fn a_node_that_has_stopped_says_so_to_whoever_still_asks() {
    let alice = MeshNode::start(config()).await.unwrap();
    let (mut events, door) = (alice.subscribe(), alice.local_addr());
    alice.shutdown().await;
    // All of these came to nothing or waited for ever.
    timeout(PATIENCE, alice.shutdown()).await.expect("to stop twice is to stop");
    assert_eq!(alice.ended().await, Ok(()));
    assert!(alice.members().await.is_err() && alice.broadcast(b"anybody?".as_slice()).is_err());
    let rest = async { while events.recv().await.is_ok() {} };
    timeout(PATIENCE, rest).await.expect("events end with the node");
    assert!(timeout(PATIENCE, alice.subscribe().recv()).await.unwrap().is_err());
    MeshNode::start(MeshConfig { bind_addr: door, ..config() }).await.expect("its port is free");
}

#[tokio::test]
async fn a_node_that_does_not_keep_up_says_so_and_forgets_nothing() {
    let alice = MeshNode::start(config()).await.unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let holder = alice.clone();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let hold = tokio::spawn(async move {
        let wait = move |_: &mut World, _| {
            let _ = begin.send(());
            held.recv()
        };
        holder.ask(wait).await
    });
    begun.await.unwrap();
    let said = (0..10_000).take_while(|_| alice.broadcast(b"x".as_slice()).is_ok()).count();
    assert_eq!((said, alice.broadcast(b"x".as_slice())), (4_096, Err(SendError::Busy)));
    release.send(()).unwrap();
    hold.await.unwrap().unwrap().unwrap();
    // It goes on where it was, and can be told to end however much waits.
    alice.members().await.unwrap();
    assert_eq!(alice.broadcast(b"x".as_slice()), Ok(()));
    alice.shutdown().await;
}

/// Nothing of the node itself may panic. If something does, its holder is told.
#[tokio::test]
async fn a_node_whose_thread_dies_is_not_waited_for() {
    let alice = MeshNode::start(config()).await.unwrap();
    let mut events = alice.subscribe();
    assert!(alice.ask(|_, _| panic!("planted")).await.is_err());
    assert_eq!(timeout(PATIENCE, alice.ended()).await.unwrap(), Err(NodeDied));
    let rest = async { while events.recv().await.is_ok() {} };
    timeout(PATIENCE, rest).await.expect("events end with the thread");
    timeout(PATIENCE, alice.shutdown()).await.expect("there is nothing to wait for");
}

#[tokio::test]
async fn a_seed_may_be_a_name() {
    let alice = MeshNode::start(config()).await.unwrap();
    let seeds = vec![format!("localhost:{}", alice.local_addr().port())];
    let bob = MeshNode::start(MeshConfig { seeds, ..config() }).await.unwrap();
    joined(&mut bob.subscribe(), &alice).await;
}

#[tokio::test]
async fn whoever_has_another_key_is_refused_by_name() {
    let alice = MeshNode::start(MeshConfig { network_key: Some(Secret([1; 32])), ..config() }).await.unwrap();
    let mut seen = alice.subscribe();
    let mallory = MeshNode::start(MeshConfig { network_key: Some(Secret([2; 32])), ..seeded(&alice) }).await.unwrap();
    let mut told = mallory.subscribe();
    for events in [&mut seen, &mut told] {
        let reason = next(events, |event| match event {
            MeshEvent::Refused { reason, .. } | MeshEvent::Disconnected { reason, .. } => Some(reason),
            _ => None,
        })
        .await;
        assert_eq!(reason, CloseReason::WrongNetworkKey);
    }
    assert!(alice.members().await.unwrap().is_empty());
}

#[tokio::test]
async fn three_nodes_find_each_other_by_one_seed() {
    let alice = MeshNode::start(config()).await.unwrap();
    let bob = MeshNode::start(seeded(&alice)).await.unwrap();
    let carol = MeshNode::start(seeded(&bob)).await.unwrap();
    let mut events = carol.subscribe();
    joined(&mut events, &alice).await;
}
