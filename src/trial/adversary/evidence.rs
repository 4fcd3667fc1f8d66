//! What was recorded of the network, and the secrets that came into the wrong hands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bevy_ecs::prelude::*;

use crate::crypto::{Chain, PrekeyId, Secret};
use crate::kernel::{Node, Outgoing, Prekeys};
use crate::mesh::chat::Chat;
use crate::mesh::topics::PublishTo;
use crate::wire::chat::{LogEntry, LogId};
use crate::wire::codec::decode_value;
use crate::wire::routing::Datagram;
use crate::wire::{RoutingMessage, WireMessage};

/// What the adversaries of one world have.
#[derive(Resource, Default, Debug)]
pub struct Evidence {
    /// Every entry that a node of this world has published.
    pub entries: Vec<Arc<LogEntry>>,
    /// Every datagram that one has sent.
    pub datagrams: Vec<Datagram>,
    /// What was stolen at the instant of the theft.
    pub stolen: Secrets,
    /// What was never erased.
    pub kept: Secrets,
    /// Who never erases anything.
    keepers: BTreeSet<u32>,
}

/// Secrets of nodes.
#[derive(Default, Debug)]
pub struct Secrets {
    /// Halves of prekeys that open.
    pub prekeys: BTreeMap<PrekeyId, Secret>,
    /// Chains, each of one log.
    pub chains: Vec<(LogId, Chain)>,
}

impl Secrets {
    /// Adds what a node holds just now. Its identity opens nothing: it only signs.
    pub fn take(&mut self, prekeys: &Prekeys, chat: &Chat) {
        self.take_prekeys(prekeys);
        self.chains.extend(chat.chains().map(|(log, chain)| (log, chain.clone())));
    }

    fn take_prekeys(&mut self, prekeys: &Prekeys) {
        self.prekeys.extend(prekeys.own.iter().map(|own| (own.public.id(), own.secret.clone())));
    }

    /// Adds those of another.
    pub fn merge(&mut self, other: Self) {
        self.prekeys.extend(other.prekeys);
        self.chains.extend(other.chains);
    }
}

impl Evidence {
    /// Nothing yet. `keepers` never erase anything.
    pub fn of(keepers: BTreeSet<u32>) -> Self {
        Self { keepers, ..Self::default() }
    }

    /// Adds that of another world.
    pub fn merge(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.datagrams.extend(other.datagrams);
        self.stolen.merge(other.stolen);
        self.kept.merge(other.kept);
    }
}

/// Records what is published, and every datagram that goes over a link; those that are passed on come again and again, and are kept
/// once from their source.
pub(super) fn record(
    mut published: MessageReader<PublishTo>,
    mut outgoing: MessageReader<Outgoing>,
    sessions: Query<&crate::kernel::SessionOf>,
    nodes: Query<&crate::kernel::Contact>,
    mut evidence: ResMut<Evidence>,
) {
    let entries = published.read().filter_map(|message| decode_value::<LogEntry>(&message.payload.0).ok());
    evidence.entries.extend(entries.map(Arc::new));
    for Outgoing { session, message, .. } in outgoing.read() {
        let WireMessage::Routing(RoutingMessage::Datagram(datagram)) = message else { continue };
        let sender = sessions.get(*session).ok().and_then(|session| nodes.get(session.0).ok());
        if sender.is_some_and(|sender| sender.id == datagram.source) {
            evidence.datagrams.push(Datagram::clone(datagram));
        }
    }
}

/// Keeps every prekey that a keeper ever has: with it all chains that were ever sealed to it.
pub(super) fn keep(nodes: Query<(&Node, &Prekeys), Changed<Prekeys>>, mut evidence: ResMut<Evidence>) {
    for (_, prekeys) in nodes.iter().filter(|(node, _)| evidence.keepers.contains(&node.ordinal)).collect::<Vec<_>>() {
        evidence.kept.take_prekeys(prekeys);
    }
}
