//! What chat costs: a text in groups of several sizes, the log of somebody who was away, and the way of a text against that of a plain
//! broadcast.
//!
//! `cargo bench --bench chat`. Costs are of one node's world, with real cryptography; the rest runs in the simulator, where times between
//! nodes are simulated and only what it costs to compute them is measured.

#![expect(clippy::disallowed_methods, reason = "a bench measures wall time")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as WallInstant};

use bevy_app::App;
use bevy_ecs::prelude::*;
use murmuration::crypto::{CryptoMode, Identity, Secret, prekey_pair};
use murmuration::gate::{GatePlugin, NodeSpec, spawn_node};
use murmuration::kernel::{AppAgendaExt, Clock, Instant, KernelPlugin, NetworkTag, Node, Prekeys, Tick, TickSystems, run_tick};
use murmuration::mesh::MeshPlugins;
use murmuration::mesh::broadcast::{Delivered, Publish};
use murmuration::mesh::chat::{Chat, Say, TextHeard};
use murmuration::mesh::handshake::NetworkKey;
use murmuration::mesh::topics::LOBBY;
use murmuration::scenario::{Fault, FaultKind, Latency, LinkSpec, Network, Protocols, Scenario, Selection};
use murmuration::sim::{RunOptions, run};
use murmuration::wire::{Address, Payload, TopicId};

fn protocols() -> Protocols {
    Protocols {
        prekeys: Some(Default::default()),
        routing: Some(Default::default()),
        topics: Some(Default::default()),
        chat: Some(Default::default()),
        ..Protocols::default()
    }
}

fn main() {
    for members in [3, 50, 1_000] {
        cost_of_a_text(members);
    }
    latency();
    absence(100_000);
}

fn say(world: &mut World, node: Entity, at: Instant, size: usize) {
    world.write_message(Say { node, topic: TopicId::of(LOBBY), text: vec![b'x'; size].into(), at });
}

/// The node of a group says something, and nothing else happens.
fn cost_of_a_text(members: u32) {
    const TEXTS: u32 = 500;
    let mut app = App::empty();
    app.add_plugins((KernelPlugin::default(), MeshPlugins(protocols()), GatePlugin));
    let mut world = std::mem::take(app.world_mut());
    let spec = NodeSpec {
        ordinal: 0,
        identity: Identity::from_seed([1; 32], CryptoMode::Real),
        network_key: NetworkKey([7; 32]),
        network_tag: NetworkTag::default(),
        address: Address::Memory(0),
        seeds: Vec::new(),
        known: Vec::new(),
        incarnation: 0,
        random: 1,
        key_random: Secret([2; 32]),
    };
    let node = spawn_node(&mut world, spec, Instant::ZERO);
    let mut at = Instant::ZERO;
    run_tick(&mut world, at);
    let mut prekeys = world.get_mut::<Prekeys>(node).expect("chat is on");
    for member in 1..members {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&member.to_le_bytes());
        let (_, public) = prekey_pair(&seed);
        prekeys.others.insert(Identity::from_seed(seed, CryptoMode::Real).id(), public);
    }
    let mut step = |world: &mut World| {
        at = at + Duration::from_millis(1);
        say(world, node, at, 64);
        let begin = WallInstant::now();
        run_tick(world, at);
        begin.elapsed()
    };
    let first = step(&mut world);
    let mut all: Vec<Duration> = (0..TEXTS).map(|_| step(&mut world)).collect();
    all.sort_unstable();
    println!(
        "text of 64 B among {members:>5} members: {:>7.1?} (median of {TEXTS}); the first of an epoch, with its keys: {first:.1?}",
        all[all.len() / 2]
    );
}

#[derive(Resource, Clone)]
struct Seen(Arc<Mutex<Vec<Duration>>>);

fn scenario(nodes: u32, seconds: u64) -> Scenario {
    let link = LinkSpec { latency: Latency::Constant(Duration::from_millis(20)), ..LinkSpec::default() };
    Scenario {
        network: Network { link, ..Network::default() },
        protocols: protocols(),
        ..Scenario::new("bench", nodes, Duration::from_secs(seconds))
    }
}

fn percentile(all: &mut [Duration], part: f64) -> Duration {
    all.sort_unstable();
    all.get(((all.len() as f64 - 1.0) * part) as usize).copied().unwrap_or_default()
}

/// Texts and plain broadcasts of the same node at the same instants, over the same links.
fn latency() {
    let (texts, broadcasts) = (Seen(Arc::default()), Seen(Arc::default()));
    let scenario = scenario(20, 60);
    let (heard, delivered) = (texts.clone(), broadcasts.clone());
    let prepare = move |app: &mut App| {
        let (heard, delivered) = (heard.clone(), delivered.clone());
        let note = move |mut texts: MessageReader<TextHeard>, mut broadcasts: MessageReader<Delivered>| {
            let said = |bytes: &[u8]| bytes.first_chunk().map(|bytes| Instant::from_nanos(u64::from_le_bytes(*bytes)));
            for TextHeard { text, at, .. } in texts.read() {
                // The speaker hears itself at once.
                let late = said(&text.text).map(|said| at.since(said)).filter(|late| !late.is_zero());
                heard.0.lock().expect("no panic").extend(late);
            }
            for Delivered { rumor, at, .. } in broadcasts.read() {
                delivered.0.lock().expect("no panic").extend(said(&rumor.payload.0).map(|said| at.since(said)));
            }
        };
        app.insert_resource(Next(Instant::ZERO + Duration::from_secs(15)))
            .add_agenda_source(|world| Some(world.resource::<Next>().0))
            .add_systems(Tick, speak.in_set(TickSystems::Wake))
            .add_systems(Tick, note.in_set(TickSystems::Observe));
    };
    run(&scenario, &RunOptions { prepare: Some(&prepare), ..RunOptions::default() }).expect("a sound scenario");
    for (what, seen) in [("text", texts), ("broadcast", broadcasts)] {
        let mut all = seen.0.lock().expect("no panic");
        println!(
            "{what:>9} among 20 nodes, links of 20 ms: {:.1?} median, {:.1?} p99 ({} deliveries)",
            percentile(&mut all, 0.5),
            percentile(&mut all, 0.99),
            all.len()
        );
    }
}

#[derive(Resource)]
struct Next(Instant);

fn speak(world: &mut World) {
    let end = world.resource::<Clock>().end();
    while world.resource::<Next>().0 < end {
        let at = world.resource::<Next>().0;
        world.resource_mut::<Next>().0 = at + Duration::from_millis(200);
        let node = node(world, 0);
        let bytes: Box<[u8]> = at.as_nanos().to_le_bytes().into();
        world.write_message(Publish { node, payload: Payload((&*bytes).into()), at });
        world.write_message(Say { node, topic: TopicId::of(LOBBY), text: bytes, at });
    }
}

fn node(world: &mut World, ordinal: u32) -> Entity {
    let mut nodes = world.query::<(Entity, &Node)>();
    nodes.iter(world).find(|(_, node)| node.ordinal == ordinal).map(|(entity, _)| entity).expect("the node is there")
}

/// One of three is away while `texts` texts are said, and reads them when it is back.
fn absence(texts: u64) {
    let back = Duration::from_secs(30 + texts / 1_000);
    let mut scenario = scenario(3, back.as_secs() + 300);
    let fault = |at, kind| Fault { at, kind };
    scenario.faults = vec![
        fault(Duration::from_secs(15), FaultKind::Crash(Selection::Nodes(vec![2]))),
        fault(back, FaultKind::Restart { nodes: Selection::Nodes(vec![2]), memory: true }),
    ];
    let seen: Arc<Mutex<(Option<WallInstant>, Option<(WallInstant, Instant)>)>> = Arc::default();
    let noted = seen.clone();
    let prepare = move |app: &mut App| {
        let noted = noted.clone();
        app.insert_resource(Next(Instant::ZERO + Duration::from_secs(20)))
            .add_agenda_source(|world| Some(world.resource::<Next>().0))
            .add_systems(
                Tick,
                (move |world: &mut World| {
                    let end = world.resource::<Clock>().end();
                    while world.resource::<Next>().0 < end {
                        let at = world.resource::<Next>().0;
                        let said = at.since(Instant::ZERO + Duration::from_secs(20)).as_millis() as u64;
                        if said >= texts {
                            world.resource_mut::<Next>().0 = Instant::NEVER;
                            break;
                        }
                        world.resource_mut::<Next>().0 = at + Duration::from_millis(1);
                        let speaker = node(world, 0);
                        say(world, speaker, at, 100);
                    }
                })
                .in_set(TickSystems::Wake),
            )
            .add_systems(
                Tick,
                (move |world: &mut World| {
                    let start = world.resource::<Clock>().start();
                    if start < Instant::ZERO + back {
                        return;
                    }
                    let reader = node(world, 2);
                    let count = world.get::<Chat>(reader).map_or(0, |chat| chat.texts().len() as u64);
                    let mut noted = noted.lock().expect("no panic");
                    noted.0.get_or_insert_with(WallInstant::now);
                    if count >= texts {
                        noted.1.get_or_insert_with(|| (WallInstant::now(), start));
                    }
                })
                .in_set(TickSystems::Observe),
            );
    };
    run(&scenario, &RunOptions { prepare: Some(&prepare), ..RunOptions::default() }).expect("a sound scenario");
    let seen = *seen.lock().expect("no panic");
    match seen {
        (Some(begin), Some((end, at))) => println!(
            "{texts} texts of 100 B missed by one of three: there {:.1?} after it is back (simulated), computed in {:.1?}",
            at.since(Instant::ZERO + back),
            end - begin
        ),
        _ => println!("{texts} texts missed by one of three: not all there after five minutes"),
    }
}
