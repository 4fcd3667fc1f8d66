//! One typed ECS message for each wire message.

use bevy_app::App;
use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;

use super::schedule::AppTickExt;
use super::time::Instant;
use crate::wire::{
    AdmissionMessage, BroadcastMessage, LeaveMessage, LivenessMessage, MembershipMessage, RoutingMessage, SessionMessage, TopicMessage,
    TopologyMessage,
};
use crate::wire::{Held, WireMessage, for_each_protocol};

/// A message of one protocol came in over an open session.
#[derive(Message, Clone, Debug)]
pub struct Received<M: Send + Sync + 'static> {
    /// Who received it.
    pub node: Entity,
    /// Over which session.
    pub session: Entity,
    /// When exactly.
    pub at: Instant,
    /// What.
    pub message: M,
}

macro_rules! define_router {
    ($($field:ident: $variant:ident($message:ty, $held:ty) = $index:literal, $name:literal, $doc:literal;)*) => {
        /// Writers of the received messages of all protocols.
        #[derive(SystemParam)]
        pub(super) struct Router<'w> {
            $($field: MessageWriter<'w, Received<$message>>,)*
        }

        impl Router<'_> {
            /// Hands `message` to its protocol.
            #[inline]
            pub(super) fn route(&mut self, Received { node, session, at, .. }: Received<()>, message: WireMessage) {
                match message {
                    $(WireMessage::$variant(message) => {
                        let message = Held::<$message>::release(message);
                        self.$field.write(Received { node, session, at, message });
                    })*
                }
            }
        }

        pub(super) fn add_received_messages(app: &mut App) {
            $(app.add_tick_message::<Received<$message>>();)*
        }
    };
}
for_each_protocol!(define_router);
