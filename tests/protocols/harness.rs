//! Runs a scenario, does something to its world at given instants, and notes the messages of one type.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bevy_app::App;
use bevy_ecs::prelude::*;
use murmuration::kernel::{AppAgendaExt, Clock, Connect, Instant, Node, SessionClosed, SessionOpened, Tick, TickSystems};
use murmuration::scenario::{Latency, LinkSpec, Network, Protocols, Scenario};
use murmuration::sim::{RunOptions, run};
use murmuration::wire::Address;

use super::disk;

/// What is done to the world at an instant, in milliseconds.
pub type Step = (u64, fn(&mut World, Instant));

#[derive(Resource)]
struct Script(VecDeque<Step>);

fn instant((millis, _): &Step) -> Instant {
    Instant::ZERO + Duration::from_millis(*millis)
}

/// Messages of a node.
pub trait OfNode: Message + Clone {
    fn node(&self) -> Entity;
}

macro_rules! of_node {
    ($($message:ty),*) => {
        $(impl OfNode for $message {
            fn node(&self) -> Entity {
                self.node
            }
        })*
    };
}
of_node!(
    Connect,
    SessionOpened,
    SessionClosed,
    murmuration::kernel::NeighborDown,
    murmuration::kernel::NeighborUp,
    murmuration::kernel::BeaconOut,
    murmuration::kernel::Received<murmuration::wire::LivenessMessage>,
    murmuration::mesh::chat::ForkSeen,
    murmuration::mesh::chat::NotSaid,
    murmuration::mesh::chat::TextHeard,
    murmuration::mesh::discovery::WentOffline,
    murmuration::mesh::discovery::WentOnline,
    murmuration::mesh::leave::MemberLeft,
    murmuration::mesh::admission::Admitted,
    murmuration::mesh::admission::AdmissionRefused,
    murmuration::mesh::admission::Accused,
    murmuration::mesh::admission::Revoked,
    murmuration::mesh::routing::DatagramReceived,
    murmuration::mesh::topics::SubscriptionChanged,
    murmuration::mesh::topics::TopicDelivered,
    murmuration::mesh::topics::TopicRefused,
    murmuration::mesh::routing::SendFailed
);

/// Runs `scenario`; the messages of all nodes, with the ordinal of each.
pub fn observe<M: OfNode>(scenario: &Scenario, script: &[Step]) -> Vec<(u32, M)> {
    observe_with(scenario, script, &|_| {})
}

/// The same in a world that was prepared.
pub fn observe_with<M: OfNode>(scenario: &Scenario, script: &[Step], more: &(dyn Fn(&mut App) + Sync)) -> Vec<(u32, M)> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let prepare = move |app: &mut App| {
        perform(app, script);
        disk::attach(app);
        more(app);
        let noted = noted.clone();
        let note = move |mut messages: MessageReader<M>, nodes: Query<&Node>| {
            let with_ordinal = |message: &M| Some((nodes.get(message.node()).ok()?.ordinal, message.clone()));
            noted.lock().expect("no panic").extend(messages.read().filter_map(with_ordinal));
        };
        app.add_systems(Tick, note.in_set(TickSystems::Observe));
    };
    run(scenario, &RunOptions { prepare: Some(&prepare), ..RunOptions::default() }).expect("a sound scenario");
    std::mem::take(&mut *seen.lock().expect("no panic"))
}

/// Lets `script` be played in the world of `app`.
pub fn perform(app: &mut App, script: &[Step]) {
    app.insert_resource(Script(script.iter().copied().collect()))
        .add_agenda_source(|world| world.resource::<Script>().0.front().map(instant))
        .add_systems(Tick, play.in_set(TickSystems::Wake));
}

fn play(world: &mut World) {
    let end = world.resource::<Clock>().end();
    while let Some(step) = world.resource_mut::<Script>().0.pop_front_if(|step| instant(step) < end) {
        step.1(world, instant(&step));
    }
}

/// The entity of a node.
pub fn node(world: &mut World, ordinal: u32) -> Entity {
    let mut nodes = world.query::<(Entity, &Node)>();
    nodes.iter(world).find(|(_, node)| node.ordinal == ordinal).map(|(entity, _)| entity).expect("the node is there")
}

/// Node `from` asks for a session with node `to`.
pub fn connect(world: &mut World, at: Instant, from: u32, to: u32) {
    let node = node(world, from);
    world.write_message(Connect { node, to: Address::Memory(to), at });
}

/// Nodes that know nobody, over links that take 100 ms.
pub fn strangers(nodes: u32, seconds: u64) -> Scenario {
    let link = LinkSpec { latency: Latency::Constant(Duration::from_millis(100)), ..LinkSpec::default() };
    Scenario {
        network: Network { link, ..Network::default() },
        protocols: Protocols { discovery: None, ..Protocols::default() },
        ..Scenario::new("protocols", nodes, Duration::from_secs(seconds))
    }
}
