use std::sync::Arc;
use std::time::Duration;

use bevy_app::App;
use bevy_ecs::prelude::*;
use murmuration::kernel::{Neighbors, ProtocolSystems, Tick, forbid_ambiguity};
use murmuration::live::{MeshConfig, install};
use murmuration::mesh::admission::AdmissionConfig;
use murmuration::mesh::chat::ChatConfig;
use murmuration::mesh::prekeys::PrekeyConfig;
use murmuration::mesh::routing::RoutingConfig;
use murmuration::mesh::topics::TopicsConfig;
use murmuration::scenario::{Adversary, Graph, Overlay, Scenario, Selection};
use murmuration::sim::build;
use murmuration::trial::Plan;

fn app(scenario: &Scenario) -> App {
    let plan = Arc::new(Plan::new(scenario, 1, 1).expect("the scenario is sound"));
    build(&plan, 0).expect("the scenario is sound")
}

/// Builds the tick with ambiguity as an error.
fn ambiguities(mut app: App) -> Result<(), String> {
    forbid_ambiguity(&mut app);
    let world = app.world_mut();
    world.schedule_scope(Tick, |world, schedule| schedule.initialize(world).map(drop).map_err(|error| format!("{error:?}")))
}

/// Everything on, and every alternative once.
fn variants() -> [Scenario; 2] {
    let mut all = Scenario::new("all", 2, Duration::from_secs(1));
    all.protocols.admission = Some(AdmissionConfig::default());
    // What is off by default.
    all.protocols.prekeys = Some(PrekeyConfig::default());
    all.protocols.routing = Some(RoutingConfig::default());
    all.protocols.topics = Some(TopicsConfig::default());
    all.protocols.chat = Some(ChatConfig::default());
    let second = Duration::from_secs(1);
    all.adversaries = vec![
        Adversary::Recorder { steals_from: Selection::All, at: second },
        Adversary::Relay { who: Selection::All, drops: 0.1, delays: second, replays: 0.1, alters: 0.1 },
        Adversary::Liar { who: Selection::All, lies: 0.5, floods: 1.0, until: None },
    ];
    let mut bare = all.clone();
    bare.protocols.overlay = Overlay::Pinned(Graph::Line);
    bare.protocols.handshake = None;
    [all, bare]
}

#[test]
fn no_two_systems_that_touch_the_same_data_are_unordered() {
    for scenario in variants() {
        assert_eq!(ambiguities(app(&scenario)), Ok(()));
    }
}

#[test]
fn nor_in_a_node_on_sockets() {
    let mut app = App::empty();
    let config = MeshConfig { bind_addr: "127.0.0.1:0".parse().expect("an address"), lan: false, ..MeshConfig::default() };
    let _node = install(&mut app, config).expect("a node starts");
    assert_eq!(ambiguities(app), Ok(()));
}

#[test]
fn an_unordered_writer_of_neighbors_is_caught() {
    let mut app = app(&variants()[0]);
    app.add_systems(
        Tick,
        (|mut neighbors: Query<&mut Neighbors>| neighbors.iter_mut().for_each(|mut all| all.clear())).in_set(ProtocolSystems::Topology),
    );
    assert!(ambiguities(app).is_err());
}
