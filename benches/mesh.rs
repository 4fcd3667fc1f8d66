//! Costs that decide how large a mesh can be simulated, and how fast a live node is. `cargo bench`; figures are in `ARCHITECTURE.md`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use murmuration::crypto::{CryptoMode, Handshake, Identity, NodeId, NoiseChannel, Progress, Secrets};
use murmuration::kernel::{Instant, run_tick};
use murmuration::scenario::{Arrivals, Dissemination, Graph, Overlay, Scenario, Selection, Workload, WorkloadKind};
use murmuration::sim::{RunOptions, build, run};
use murmuration::trial::Plan;
use murmuration::wire::admission::Belonging;
use murmuration::wire::{BroadcastMessage, MessageId, Payload, Rumor, WireMessage, decode, encode, encoded_len};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Ticks in which nothing is due for anybody, with all protocols there.
fn idle_tick(criterion: &mut Criterion) {
    let scenario = Scenario::new("idle", 2, Duration::from_secs(1));
    let plan = Arc::new(Plan::new(&scenario, 1, 1).expect("a sound scenario"));
    let mut app = build(&plan, 0).expect("a sound scenario");
    let mut at = Instant::ZERO;
    criterion.bench_function("tick/idle", |bencher| {
        bencher.iter(|| {
            at = at + plan.quantum;
            run_tick(app.world_mut(), black_box(at));
        });
    });
}

/// Plumtree alone: a second of broadcasts among 1,000 nodes.
fn broadcast(criterion: &mut Criterion) {
    let mut scenario = Scenario::new("broadcast", 1_000, Duration::from_secs(2));
    scenario.crypto = CryptoMode::Modelled;
    let protocols = &mut scenario.protocols;
    (protocols.discovery, protocols.handshake, protocols.liveness) = (None, None, None);
    (protocols.membership, protocols.detection, protocols.leave) = (None, None, false);
    protocols.overlay = Overlay::Pinned(Graph::RandomRegular(5));
    assert_ne!(protocols.dissemination, Dissemination::Off);
    scenario.workload = vec![Workload {
        kind: WorkloadKind::Broadcast,
        from: Selection::Range(0, 10),
        rate: 10.0,
        size: 64,
        start: Duration::from_millis(500),
        stop: None,
        arrivals: Arrivals::Periodic,
    }];
    let events = run(&scenario, &RunOptions::default()).expect("a sound scenario").meta.events;
    let mut group = criterion.benchmark_group("tick");
    group.sample_size(10).throughput(Throughput::Elements(events));
    group.bench_function("broadcast-1k", |bencher| bencher.iter(|| run(&scenario, &RunOptions::default())));
    group.finish();
}

fn codec(criterion: &mut Criterion) {
    let id = MessageId { origin: NodeId([7; 32]), life: 1, sequence: 1_000 };
    let rumor = Rumor { id, shapes: false, payload: Payload(Arc::from([0_u8; 128])) };
    let message = WireMessage::from(BroadcastMessage::Gossip { round: 3, rumor: Arc::new(rumor) });
    let bytes = encode(&message).expect("a short message");
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bencher| bencher.iter(|| encode(black_box(&message))));
    group.bench_function("decode", |bencher| bencher.iter(|| decode(black_box(&bytes))));
    group.bench_function("length", |bencher| bencher.iter(|| encoded_len(black_box(&message))));
    group.finish();
}

/// Two nodes from nothing to an open session, with all that the simulator does around it.
fn handshake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handshake");
    group.sample_size(20);
    for crypto in [CryptoMode::Real, CryptoMode::Modelled] {
        let mut scenario = Scenario::new("handshake", 2, Duration::from_millis(200));
        scenario.crypto = crypto;
        scenario.protocols.membership = None;
        scenario.protocols.detection = None;
        group.bench_function(format!("{crypto:?}").to_lowercase(), |bencher| {
            bencher.iter_batched(|| scenario.clone(), |scenario| run(&scenario, &RunOptions::default()), BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// The two ends of an open Noise channel.
fn channels() -> [NoiseChannel; 2] {
    let side = |number: u8, initiator: bool| {
        let identity = Identity::from_seed([number; 32], CryptoMode::Real);
        Handshake::begin(&identity, initiator, &[7; 32], &mut ChaCha8Rng::from_seed([number; 32])).expect("sound keys")
    };
    let ((mut dialler, first), (mut listener, _)) = (side(1, true), side(2, false));
    let reply = |progress: Progress| match progress {
        Progress::Reply(frame) => frame,
        Progress::Finished { .. } => panic!("too early"),
    };
    let finish = |progress: Progress| match progress {
        Progress::Finished { secrets: Secrets::Noise(channel), reply, .. } => (*channel, reply),
        other => panic!("{other:?}"),
    };
    let second = reply(listener.read(&first.expect("the initiator speaks first"), Belonging::Open).expect("a sound frame"));
    let (dialler, third) = finish(dialler.read(&second, Belonging::Open).expect("a sound frame"));
    let (listener, _) = finish(listener.read(&third.expect("the proof"), Belonging::Open).expect("a sound frame"));
    [dialler, listener]
}

/// Sealing and opening a message, as a live node does it with `live` (ring) and a simulation without.
fn channel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("channel");
    for size in [64, 1024, 65_000] {
        let [mut from, mut to] = channels();
        let message = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("seal-and-open-{size}"), |bencher| {
            bencher.iter(|| to.open(&from.seal(black_box(&message)).expect("short enough"), true));
        });
    }
    group.finish();
}

criterion_group!(benches, idle_tick, broadcast, codec, handshake, channel);
criterion_main!(benches);
