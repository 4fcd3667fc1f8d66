//! Whoever is not of the mesh, and what it costs a node: its own link, and nothing else.

use std::sync::atomic::Ordering;
use std::time::Duration;

use murmuration::gate::{Input, Output};
use murmuration::live::sockets::{self, Event, FAREWELL, LINGER, Names, Sockets};
use murmuration::live::{Engine, MeshConfig, MeshEvent, MeshNode, Subscription, WallClock};
use murmuration::wire::CloseReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use crate::nodes::{PATIENCE, config, joined, next, seeded};

/// The handshake's time-out, and what a slow machine adds.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// Most handshakes that a node takes part in at once without having dialled: half of its sessions.
const STRANGERS: usize = 64;

/// Two nodes that know each other, and the events of the first.
async fn pair() -> (MeshNode, MeshNode, Subscription) {
    let alice = MeshNode::start(config()).await.unwrap();
    let mut events = alice.subscribe();
    let bob = MeshNode::start(seeded(&alice)).await.unwrap();
    joined(&mut events, &bob).await;
    (alice, bob, events)
}

/// Alice hears what Bob says, and has lost no session until then.
async fn still_hears(events: &mut Subscription, bob: &MeshNode, word: &str) {
    bob.broadcast(word.as_bytes()).unwrap();
    next(events, |event| match event {
        MeshEvent::Disconnected { id, reason } => panic!("{id} is lost: {reason:?}"),
        MeshEvent::BroadcastReceived { payload, .. } => (&*payload == word.as_bytes()).then_some(()),
        _ => None,
    })
    .await;
}

/// Waits until the node has closed the link.
async fn closed(stream: &mut TcpStream, limit: Duration) {
    let drain = async {
        let mut rest = [0; 1024];
        // A reset closes too.
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    };
    timeout(limit, drain).await.expect("the link is closed");
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// The same nonsense in every run.
fn nonsense(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test]
async fn garbage_closes_its_own_link_and_no_other() {
    let (alice, bob, mut events) = pair().await;
    let unframed = [
        vec![0; 4],
        vec![0xff; 4],
        // One byte longer than any frame that opens a session.
        513_u32.to_be_bytes().to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ];
    let random = (0..16).map(|seed| with_length(&nonsense(1 + seed as usize * 34, seed)));
    // A step of the handshake, a refusal, a sealed message and an unknown kind, all with nothing sensible in them.
    let of_kind = [1, 2, 3, 9].map(|kind| with_length(&[&[2, kind][..], &nonsense(96, 7)].concat()));
    for garbage in unframed.into_iter().chain(random).chain(of_kind) {
        let mut stream = TcpStream::connect(alice.local_addr()).await.unwrap();
        let begin = Instant::now();
        stream.write_all(&garbage).await.unwrap();
        closed(&mut stream, HANDSHAKE).await;
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(4), "{took:?} for {garbage:02x?}: not before the handshake's time-out");
    }
    still_hears(&mut events, &bob, "all is well").await;
    let carol = MeshNode::start(seeded(&alice)).await.unwrap();
    joined(&mut events, &carol).await;
}

#[tokio::test]
async fn half_open_links_end_and_keep_nobody_out() {
    let (alice, bob, mut events) = pair().await;
    let mut silent = Vec::new();
    for _ in 0..32 {
        let mut stream = TcpStream::connect(alice.local_addr()).await.unwrap();
        // Half of them promise a frame that never comes.
        if silent.len() % 2 == 0 {
            stream.write_all(&[0, 0, 1, 0, 1]).await.unwrap();
        }
        silent.push(stream);
    }
    let carol = MeshNode::start(seeded(&alice)).await.unwrap();
    joined(&mut events, &carol).await;
    for stream in &mut silent {
        closed(stream, HANDSHAKE).await;
    }
    still_hears(&mut events, &bob, "all is well").await;
}

#[tokio::test]
async fn a_crowd_of_strangers_is_refused_and_leaves_room_again() {
    let (alice, bob, mut events) = pair().await;
    let mut crowd = Vec::new();
    for _ in 0..400 {
        crowd.push(TcpStream::connect(alice.local_addr()).await.unwrap());
    }
    still_hears(&mut events, &bob, "in the crowd").await;
    let refused = alice.ask(|world, _| {
        let counts = world.resource_mut::<Engine>().sockets().map(|sockets| sockets.counts());
        counts.map(|counts| counts.strangers_refused.load(Ordering::Relaxed))
    });
    let refused = timeout(Duration::from_secs(2), refused).await.expect("a crowd does not hold up the node").unwrap().unwrap();
    assert!(refused > 0, "not all of them are taken in");

    // Whoever is refused is refused at once, and does not wait for the time-out.
    let mut open = 0;
    for stream in &mut crowd {
        open += usize::from(timeout(Duration::from_millis(20), closed(stream, PATIENCE)).await.is_err());
    }
    assert!(open <= STRANGERS, "{open} of them may go on");

    let carol = MeshNode::start(seeded(&alice)).await.unwrap();
    joined(&mut events, &carol).await;
    still_hears(&mut events, &bob, "after the crowd").await;
}

/// Strangers take the places of strangers, not of those whom the node itself dials.
#[tokio::test]
async fn a_crowd_that_comes_again_and_again_does_not_keep_the_node_from_dialling() {
    let place = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let alice = MeshNode::start(MeshConfig { seeds: vec![place.to_string()], ..config() }).await.unwrap();
    let mut events = alice.subscribe();
    let door = alice.local_addr();
    let crowd: Vec<_> = (0..160)
        .map(|_| {
            tokio::spawn(async move {
                loop {
                    if let Ok(mut stream) = TcpStream::connect(door).await {
                        closed(&mut stream, PATIENCE).await;
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            })
        })
        .collect();
    // The crowd is there before Bob is.
    next(&mut events, |event| matches!(event, MeshEvent::Refused { reason, .. } if reason.name() == "handshake_timeout").then_some(()))
        .await;
    let bob = MeshNode::start(MeshConfig { bind_addr: place, ..config() }).await.unwrap();
    joined(&mut events, &bob).await;
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A link that was hung up went on for ever if its other side did not read.
#[tokio::test]
async fn a_link_that_is_hung_up_ends_though_nobody_reads() {
    let (events, inbox) = std::sync::mpsc::channel::<Event<()>>();
    let clock = WallClock::unix();
    let mut sockets = Sockets::new(events, clock, Names::default(), PATIENCE).unwrap();
    let listener = sockets::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let door = listener.local_addr().unwrap();
    sockets.listen(0, listener).unwrap();
    let mut silent = TcpStream::connect(door).await.unwrap();
    let Ok(Event::Accepted(arrival, wire)) = inbox.recv_timeout(PATIENCE) else { panic!("a link is accepted") };
    let Input::Accepted { link, .. } = arrival.input else { panic!("a link is accepted") };
    sockets.accepted(&arrival, wire);
    // More than the systems on both sides take in.
    while sockets.backlog(link).1 < 900_000 {
        sockets.carry(&mut vec![Output::Frame { link, bytes: vec![1; 50_000].into(), at: clock.now() }]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sockets.carry(&mut vec![Output::HangUp { link, reason: CloseReason::Unwanted, at: clock.now() }]);
    tokio::time::sleep(FAREWELL + LINGER + Duration::from_secs(1)).await;
    let mut rest = vec![0; 1 << 20];
    let end = loop {
        match timeout(PATIENCE, silent.read(&mut rest)).await.expect("the link has ended") {
            Ok(0) => break None,
            Ok(_) => {}
            Err(error) => break Some(error.kind()),
        }
    };
    assert_eq!(end, Some(std::io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let alice = MeshNode::start(config()).await.unwrap();
    let error = MeshNode::start(MeshConfig { bind_addr: alice.local_addr(), ..config() }).await.err().unwrap().to_string();
    assert!(error.contains(&alice.local_addr().to_string()) && error.contains("--port"), "{error}");
}
