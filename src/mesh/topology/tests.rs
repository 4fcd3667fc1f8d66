//! Properties of meshes whose nodes follow the rules: connected, within bounds, and still.

use std::time::Duration;

use proptest::prelude::*;

use super::TopologyConfig;
use super::model::{Model, SUSPECT};

const SECOND: Duration = Duration::from_secs(1);
const SIZES: [usize; 8] = [2, 3, 4, 5, 8, 20, 50, 200];

fn started(nodes: usize, seed: u64) -> Model {
    let mut model = Model::new(nodes, TopologyConfig::default(), seed);
    (0..nodes).for_each(|node| model.start(node, Duration::ZERO));
    model
}

/// Waits until nothing is wrong, at most `patience`; then the mesh must remain as it is.
fn settles(model: &mut Model, patience: Duration, what: &str) {
    let begin = model.now;
    let mut quiet = 0;
    let mut changes = model.changes;
    let (first, sent) = (changes, model.messages);
    let mut whole = None;
    while model.now.since(begin) < patience && quiet < 15 {
        model.run(SECOND);
        quiet = if model.faults().is_empty() && changes == model.changes { quiet + 1 } else { 0 };
        changes = model.changes;
        if whole.is_none() && quiet > 0 {
            whole = Some(model.now.since(begin));
        }
    }
    let took = model.now.since(begin);
    assert_eq!(model.faults(), [""; 0], "{what}: within {took:?}");
    assert!(quiet >= 15, "{what}: still moving after {took:?}");
    if std::env::var_os("SHOW").is_some() {
        println!(
            "{what}: settled after {took:?} whole {whole:?} changes {} messages {}  probes {}",
            changes - first,
            model.messages - sent,
            model.probes
        );
    }
    model.run(SECOND * 60);
    assert_eq!(model.changes, changes, "{what}: a settled mesh is still");
    assert!(model.most_sessions() <= model.config.max_degree, "{what}: sessions that serve nobody are closed");
}

fn seeds(nodes: usize) -> u64 {
    if nodes >= 100 { 2 } else { 20 }
}

#[test]
fn nodes_that_start_at_once_from_one_seed_become_one_mesh() {
    for nodes in SIZES {
        for seed in 0..seeds(nodes) {
            settles(&mut started(nodes, seed), SECOND * 120, &format!("start of {nodes}, seed {seed}"));
        }
    }
}

#[test]
fn nodes_that_join_one_by_one_find_a_place() {
    for nodes in SIZES {
        for seed in 0..seeds(nodes) {
            let mut model = Model::new(nodes, TopologyConfig::default(), seed);
            (0..nodes).for_each(|node| model.start(node, Duration::from_millis(700) * node as u32));
            model.run(Duration::from_millis(700) * nodes as u32);
            settles(&mut model, SECOND * 60, &format!("joins of {nodes}, seed {seed}"));
        }
    }
}

#[test]
fn two_healed_halves_become_one_mesh() {
    for nodes in SIZES {
        for seed in 0..seeds(nodes) {
            for parted in [6, 20, 150] {
                let mut model = started(nodes, seed);
                model.run(SECOND * 60);
                model.split(|node| (node % 2) as u8);
                model.run(SECOND * parted);
                model.split(|_| 0);
                settles(&mut model, SECOND * 180, &format!("halves of {nodes} after {parted} s, seed {seed}"));
            }
        }
    }
}

#[test]
fn half_of_the_nodes_may_die_at_once() {
    for nodes in SIZES {
        for seed in 0..seeds(nodes) {
            let mut model = started(nodes, seed);
            model.run(SECOND * 60);
            (0..nodes / 2).for_each(|node| model.crash(node));
            settles(&mut model, SECOND * 180, &format!("death of half of {nodes}, seed {seed}"));
        }
    }
}

/// How long it takes until the survivors are connected again, when half of `nodes` die at once.
fn reunion(nodes: usize, silence: Duration, seed: u64) -> Duration {
    let mut model = Model::new(nodes, TopologyConfig { silence, ..TopologyConfig::default() }, seed);
    (0..nodes).for_each(|node| model.start(node, Duration::ZERO));
    model.run(SECOND * 60);
    (0..nodes / 2).for_each(|node| model.crash(node));
    let begin = model.now;
    while !model.is_connected() {
        model.run(Duration::from_millis(100));
        assert!(model.now.since(begin) < SECOND * 120, "{nodes} nodes, seed {seed}");
    }
    model.now.since(begin)
}

#[test]
fn silent_links_are_replaced_before_the_dead_are_suspected() {
    let mean = |silence: Duration| (0..20).map(|seed| reunion(50, silence, seed)).sum::<Duration>() / 20;
    let (usual, never) = (mean(TopologyConfig::default().silence), mean(SECOND * 3600));
    assert!(usual < SUSPECT && usual * 3 < never * 2, "connected again after {usual:?}, without this after {never:?}");
}

#[test]
fn a_brief_cut_of_the_network_ends_no_link() {
    for seed in 0..20 {
        let mut model = started(2, seed);
        model.run(SECOND * 30);
        let changes = model.changes;
        model.split(|node| node as u8);
        model.run(Duration::from_millis(5600));
        assert_eq!((model.degree(0), model.degree(1)), (0, 0), "seed {seed}: silent links do not count");
        model.split(|_| 0);
        model.run(SECOND * 20);
        assert_eq!((model.degree(0), model.degree(1)), (1, 1), "seed {seed}: what is heard again does");
        assert_eq!(model.changes, changes, "seed {seed}");
    }
}

#[test]
fn a_mesh_that_was_cut_briefly_is_sound_again_with_few_questions() {
    let nodes = 50;
    let mut probes = 0;
    for seed in 0..10 {
        let mut model = started(nodes, seed);
        model.run(SECOND * 60);
        let before = model.probes;
        model.split(|node| (node % 2) as u8);
        model.run(Duration::from_millis(5600));
        model.split(|_| 0);
        model.run(SECOND * 30);
        assert_eq!(model.faults(), [""; 0], "seed {seed}");
        probes += model.probes - before;
    }
    let each = probes / (10 * nodes as u64);
    assert!(each < 40, "{each} probes for each node");
}

fn configs() -> impl Strategy<Value = TopologyConfig> {
    (1..5_usize, 1..4_usize).prop_map(|(min, more)| TopologyConfig {
        min_degree: min,
        max_degree: (min + more).max(3),
        ..TopologyConfig::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_mesh_comes_together_again(
        nodes in 2..40_usize,
        config in configs(),
        loss in prop_oneof![Just(0.0), 0.0..0.2],
        publishes in any::<bool>(),
        seed in any::<u64>(),
        faults in prop::collection::vec((0..3_u8, 2..4_u8, 1..100_u64), 0..4),
    ) {
        let mut model = Model::new(nodes, config, seed);
        model.loss = loss;
        model.publishes = publishes;
        (0..nodes).for_each(|node| model.start(node, Duration::ZERO));
        model.run(SECOND * 30);
        let mut next = nodes;
        for (kind, parts, seconds) in faults {
            match kind {
                0 => model.split(|node| (node % usize::from(parts)) as u8),
                1 => {
                    let survivors = next.div_ceil(usize::from(parts)).max(1);
                    (survivors..next).for_each(|node| model.crash(node));
                    next = survivors;
                }
                _ => model.split(|_| 0),
            }
            model.run(SECOND * seconds as u32);
        }
        model.split(|_| 0);
        model.loss = 0.0;
        settles(&mut model, SECOND * 400, "in the end");
    }
}
