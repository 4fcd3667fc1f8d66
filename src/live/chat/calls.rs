//! What a program asks of a node that has to do with chat.

use std::collections::BTreeMap;
use std::sync::Arc;

use bevy_ecs::prelude::*;

use super::look;
use super::{TextView, View};
use crate::crypto::NodeId;
use crate::gate::Command;
use crate::kernel::AccessList;
use crate::live::{MeshNode, NodeStopped, SendError};
use crate::mesh::chat::{Chat, Text};
use crate::mesh::topics::LOBBY;
use crate::wire::chat::{EntryId, MAX_TEXT};
use crate::wire::limits::MAX_PAYLOAD;
use crate::wire::{Payload, TopicId};

impl MeshNode {
    /// Says something to all members, encrypted for them. If nobody is there yet it is kept, and said when somebody is.
    ///
    /// ```
    /// # use murmuration::live::{MeshConfig, MeshEvent, MeshNode};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quiet = || MeshConfig { bind_addr: "127.0.0.1:0".parse().unwrap(), lan: false, ..MeshConfig::default() };
    /// # let alice = MeshNode::start(quiet()).await?;
    /// # let bob = MeshNode::start(MeshConfig { seeds: vec![alice.local_addr().to_string()], ..quiet() }).await?;
    /// let mut events = bob.subscribe();
    /// alice.send_chat("hello")?;
    /// loop {
    ///     if let MeshEvent::ChatMessageReceived { sender_pub_key, plaintext, .. } = events.recv().await? {
    ///         assert_eq!((sender_pub_key, &*plaintext), (alice.pub_key(), &b"hello"[..]));
    ///         break;
    ///     }
    /// }
    /// let history = bob.chat_history(0).await?;
    /// assert_eq!(&*history[0].text, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// It is blank or longer than [`MAX_TEXT`], or the node has stopped.
    pub fn send_chat(&self, text: impl Into<Vec<u8>>) -> Result<(), SendError> {
        self.send_to_topic(LOBBY, text)
    }

    /// Says something to all who subscribe to `topic`, as this node must. If it does not, a
    /// [`ChatRefused`](crate::live::MeshEvent::ChatRefused) follows.
    ///
    /// # Errors
    /// As for [`send_chat`](Self::send_chat).
    pub fn send_to_topic(&self, topic: &str, text: impl Into<Vec<u8>>) -> Result<(), SendError> {
        let (topic, text) = (TopicId::of(topic), fit(text.into())?);
        self.limited(Command::Say { topic, text })
    }

    /// Says something to one member, which nobody else can read. It is delivered also if that member is away now. If the member is not
    /// known a [`ChatRefused`](crate::live::MeshEvent::ChatRefused) follows.
    ///
    /// # Errors
    /// As for [`send_chat`](Self::send_chat).
    pub fn send_direct_chat(&self, to: NodeId, text: impl Into<Vec<u8>>) -> Result<(), SendError> {
        let text = fit(text.into())?;
        self.limited(Command::SayTo { to, text })
    }

    /// How many of those whom texts are for have them, as far as is known, their author among them. Members who only pass them on do not
    /// count.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn delivered(&self, texts: Vec<EntryId>) -> Result<BTreeMap<EntryId, usize>, NodeStopped> {
        let look =
            |world: &World, node: Entity, id: &EntryId| Some(world.get::<Chat>(node)?.delivered_to(id, world.get::<AccessList>(node)?));
        self.ask(move |world, node| texts.into_iter().filter_map(|id| Some((id, look(world, node, &id)?))).collect()).await
    }

    /// Sends something to one member, as it is and only if a way leads there now. What is not known as a member yet has no way. If it does not arrive, as far as that is known, a
    /// [`SendFailed`](crate::live::MeshEvent::SendFailed) follows.
    ///
    /// ```
    /// # use murmuration::live::{MeshConfig, MeshEvent, MeshNode};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quiet = || MeshConfig { bind_addr: "127.0.0.1:0".parse().unwrap(), lan: false, ..MeshConfig::default() };
    /// # let alice = MeshNode::start(quiet()).await?;
    /// # let bob = MeshNode::start(MeshConfig { seeds: vec![alice.local_addr().to_string()], ..quiet() }).await?;
    /// let mut events = bob.subscribe();
    /// while !matches!(events.recv().await?, MeshEvent::NodeJoined(_)) {}
    /// loop {
    ///     bob.send(alice.id(), b"ping".as_slice())?;
    ///     alice.send(bob.id(), b"ping".as_slice())?;
    ///     if let MeshEvent::MessageReceived { from, payload } = events.recv().await? {
    ///         assert_eq!((from, &*payload), (alice.id(), &b"ping"[..]));
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// It is longer than [`MAX_PAYLOAD`], or the node has stopped.
    pub fn send(&self, to: NodeId, payload: impl Into<Arc<[u8]>>) -> Result<(), SendError> {
        let payload = payload.into();
        if payload.len() > MAX_PAYLOAD {
            return Err(SendError::TooLong(payload.len()));
        }
        self.limited(Command::Send { to, payload: Payload(payload) })
    }

    /// What can be read of what was said since `since`, in milliseconds by the authors' clocks; 0 for all. Each topic is in the order in
    /// which it is shown.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn chat_history(&self, since: u64) -> Result<Vec<Arc<Text>>, NodeStopped> {
        self.ask(move |world, node| world.get::<Chat>(node).map_or_else(Vec::new, |chat| chat.history(since).cloned().collect())).await
    }

    /// Makes the owner of a key a member. A [`MemberAdmitted`](crate::live::MeshEvent::MemberAdmitted) or an
    /// [`AdmissionRefused`](crate::live::MeshEvent::AdmissionRefused) follows.
    ///
    /// ```
    /// # use murmuration::live::{MeshConfig, MeshEvent, MeshNode};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quiet = || MeshConfig { bind_addr: "127.0.0.1:0".parse().unwrap(), lan: false, require_invitation: true, ..MeshConfig::default() };
    /// # let alice = MeshNode::start(quiet()).await?;
    /// # let bob = MeshNode::start(MeshConfig { seeds: vec![alice.local_addr().to_string()], ..quiet() }).await?;
    /// let mut events = bob.subscribe();
    /// alice.invite(bob.id())?;
    /// while !matches!(events.recv().await?, MeshEvent::NodeJoined(id) if id == alice.id()) {}
    /// alice.revoke(bob.id())?;
    /// while !matches!(events.recv().await?, MeshEvent::Disconnected { .. }) {}
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The node has stopped.
    pub fn invite(&self, key: NodeId) -> Result<(), SendError> {
        self.limited(Command::Invite(key))
    }

    /// Removes a member for good. A [`MemberRevoked`](crate::live::MeshEvent::MemberRevoked) or an
    /// [`AdmissionRefused`](crate::live::MeshEvent::AdmissionRefused) follows, or a
    /// [`RevocationProposed`](crate::live::MeshEvent::RevocationProposed) if others must say so too.
    ///
    /// # Errors
    /// The node has stopped.
    pub fn revoke(&self, key: NodeId) -> Result<(), SendError> {
        self.limited(Command::Revoke(key))
    }

    /// Subscribes to a topic, which begins with its first subscriber. If that cannot be a
    /// [`TopicRefused`](crate::live::MeshEvent::TopicRefused) follows.
    ///
    /// # Errors
    /// The node has stopped.
    pub fn join_topic(&self, name: &str) -> Result<(), SendError> {
        self.limited(Command::JoinTopic(name.to_owned()))
    }

    /// Subscribes to a topic no more.
    ///
    /// # Errors
    /// The node has stopped.
    pub fn leave_topic(&self, name: &str) -> Result<(), SendError> {
        self.limited(Command::LeaveTopic(name.to_owned()))
    }

    /// The topics that are known, the lobby first.
    ///
    /// ```
    /// # use murmuration::live::{MeshConfig, MeshEvent, MeshNode};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quiet = || MeshConfig { bind_addr: "127.0.0.1:0".parse().unwrap(), lan: false, ..MeshConfig::default() };
    /// # let alice = MeshNode::start(quiet()).await?;
    /// # let bob = MeshNode::start(MeshConfig { seeds: vec![alice.local_addr().to_string()], ..quiet() }).await?;
    /// alice.join_topic("tech")?;
    /// bob.join_topic("tech")?;
    /// let mut events = bob.subscribe();
    /// // It takes a moment until each knows that the other has joined.
    /// while bob.topics().await?.iter().all(|topic| topic.name != "tech" || topic.others == 0) {
    ///     events.recv().await?;
    /// }
    /// bob.leave_topic("tech")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn topics(&self) -> Result<Vec<super::TopicView>, NodeStopped> {
        Ok(self.view().await?.topics)
    }

    /// What a person sees of the node.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn view(&self) -> Result<View, NodeStopped> {
        let (listens, network) = (self.shared.local_addr, self.shared.network.clone());
        self.ask(move |world, node| look::view(world, node, listens, &network)).await
    }

    /// The last texts of a topic, or of all, in the order in which they are shown.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn texts(&self, topic: Option<String>, last: usize) -> Result<Vec<TextView>, NodeStopped> {
        self.ask(move |world, node| look::texts(world, node, topic.as_deref(), last)).await
    }
}

/// Whether a text can be said.
///
/// # Errors
/// There is nothing in it but blanks, or it is too long.
pub fn check_text(text: &[u8]) -> Result<(), SendError> {
    match text.len() {
        // Whatever bytes are no UTF-8 is no blank.
        _ if std::str::from_utf8(text).is_ok_and(|text| text.trim().is_empty()) => Err(SendError::Empty),
        length if length > MAX_TEXT => Err(SendError::TextTooLong(length)),
        _ => Ok(()),
    }
}

fn fit(text: Vec<u8>) -> Result<Box<[u8]>, SendError> {
    check_text(&text)?;
    Ok(text.into())
}
