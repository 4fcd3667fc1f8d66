//! Topics: what is said in one reaches those who subscribe to it, over a tree of its own.
//!
//! Subscriptions stand in the namespaces of members. Subscribers have two or three links each, and need not be neighbours: between them
//! relays pass on what they do not read. Who relays follows from what everybody knows, the published links and subscriptions: the members
//! on the shortest paths from all subscribers to the one with the smallest id ([`shape`]). Over the links among subscribers and
//! relays runs Plumtree, one for each topic. While views differ some may be left out; the repair of gaps, and whoever keeps a log of
//! what was said, make up for it.
//!
//! To the lobby all members belong: there is nothing to subscribe.

mod components;
mod config;
mod messages;
mod shape;
mod subscriptions;
mod systems;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

pub use components::{TopicCounts, Topics};
pub use config::TopicsConfig;
pub use messages::{JoinTopic, LeaveTopic, PublishTo, SubscriptionChanged, TopicDelivered, TopicError, TopicRefused};
pub use subscriptions::is_name;

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems, Tick};
use crate::mesh::leave::MemberLeft;
use crate::mesh::membership::{KeyChanged, MemberForgotten, MemberJoined, SetKey};

/// The topic to which all members belong.
pub const LOBBY: &str = "lobby";
/// Most topics that a node subscribes to, besides the lobby. Each takes a key of its namespace.
pub const MAX_SUBSCRIPTIONS: usize = 32;
/// Most topics that are known. What more members subscribe to is not listed, and not relayed.
pub const MAX_TOPICS: usize = 1024;

/// Adds topics. Needs routing.
#[derive(Clone, Debug, Default)]
pub struct TopicsPlugin(pub TopicsConfig);

impl Plugin for TopicsPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_waiting_message::<JoinTopic>()
            .add_waiting_message::<LeaveTopic>()
            .add_waiting_message::<PublishTo>()
            .add_waiting_message::<SetKey>()
            .add_tick_message::<TopicDelivered>()
            .add_tick_message::<TopicRefused>()
            .add_tick_message::<SubscriptionChanged>()
            .add_tick_message::<KeyChanged>()
            .add_tick_message::<MemberJoined>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<MemberLeft>()
            .add_timer::<systems::TreeTimer>()
            .add_timer::<systems::ShapeTimer>()
            .add_timer::<systems::SummaryTimer>()
            .add_message_systems(
                (
                    systems::start,
                    subscriptions::subscribe,
                    subscriptions::learn,
                    systems::follow_neighbors,
                    systems::reshape,
                    systems::publish,
                    systems::receive,
                    systems::act,
                )
                    .chain()
                    .in_set(ProtocolSystems::Topics),
            )
            .add_systems(Tick, systems::follow_links.in_set(ProtocolSystems::Topics).after(systems::reshape).before(systems::publish));
        app.world_mut().register_required_components::<Node, Topics>();
    }
}

#[cfg(test)]
mod tests;
