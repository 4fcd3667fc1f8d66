//! Chat: what people say, kept in logs and encrypted for those who may read it.
//!
//! Every author writes a log for each topic: entries that are signed, numbered and bound to the one before by its hash. An entry holds a
//! text for all readers of the topic, a text for one, or the keys of the texts that follow. New entries spread over the topic's tree; what
//! a member lacks it gets from any other, by comparing logs. So keys go the way of the texts that need them: they reach whoever was
//! away, and no order of changes has to be agreed on across partitions. (Kept in namespaces they would be lost with the next epoch.)
//!
//! What holds, as far as cryptography goes: see `docs/security.md`. What a node cannot read because the key it was sealed to is gone, or because it was
//! said before it came, it asks others for; who has it shares it if the asker may read it, and the commitment in the signed entry shows that it
//! is what its author said.

mod asking;
mod components;
mod config;
mod entries;
mod log;
mod messages;
mod outlets;
mod receipts;
mod retention;
mod secrets;
mod sender;
mod speaking;
mod store;
mod sync;
mod systems;
mod timeline;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;

pub use components::{Chat, ChatCounts};
pub use config::ChatConfig;
pub use entries::{CHAIN, DIRECT, context};
pub use log::{Log, Logs};
pub use messages::{ChatError, ForkSeen, NotSaid, ReceiptsChanged, Say, SayTo, TextHeard, TextWaits};
pub use timeline::{Text, Timeline};

use crate::kernel::{AppRestExt, AppTickExt, AppTimerExt, Node, ProtocolSystems, Tick};
use crate::mesh::membership::{KeyChanged, MemberForgotten, SetKey};
use crate::mesh::routing::{DatagramReceived, SendTo};
use crate::mesh::topics::{PublishTo, SubscriptionChanged, TopicDelivered};

/// Adds chat. Needs topics.
#[derive(Clone, Debug, Default)]
pub struct ChatPlugin(pub ChatConfig);

impl Plugin for ChatPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone())
            .add_waiting_message::<Say>()
            .add_waiting_message::<SayTo>()
            .add_waiting_message::<SetKey>()
            .add_waiting_message::<SendTo>()
            .add_waiting_message::<PublishTo>()
            .add_tick_message::<TextHeard>()
            .add_tick_message::<NotSaid>()
            .add_tick_message::<TextWaits>()
            .add_tick_message::<ReceiptsChanged>()
            .add_tick_message::<ForkSeen>()
            .add_tick_message::<KeyChanged>()
            .add_tick_message::<MemberForgotten>()
            .add_tick_message::<SubscriptionChanged>()
            .add_tick_message::<TopicDelivered>()
            .add_tick_message::<DatagramReceived>()
            .add_timer::<systems::ChatTimer>()
            .add_message_systems(
                (store::restore, systems::start, systems::hear, speaking::say, speaking::say_to, sync::greet, sync::answer, systems::act)
                    .chain()
                    .in_set(ProtocolSystems::Chat),
            )
            .add_systems(Tick, systems::learn.in_set(ProtocolSystems::Chat).after(systems::start).before(systems::hear));
        app.world_mut().register_required_components::<Node, Chat>();
    }
}

#[cfg(test)]
mod tests;
