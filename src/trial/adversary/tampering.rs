//! Which messages carry what others have said, and how they are altered.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::wire::chat::{EntryBody, LogEntry, SyncMessage};
use crate::wire::routing::DatagramBody;
use crate::wire::{BroadcastMessage, NodeId, Payload, RoutingMessage, Rumor, WireMessage};

/// Whether a message that `me` sends carries something that another has said.
pub(super) fn is_foreign(message: &WireMessage, me: &NodeId) -> bool {
    match message {
        WireMessage::Routing(RoutingMessage::Datagram(datagram)) => datagram.source != *me,
        // Notes are about what another has sent.
        WireMessage::Routing(RoutingMessage::Undeliverable(_)) => true,
        WireMessage::Broadcast(message) => rumor(message).is_some_and(|rumor| rumor.id.origin != *me),
        WireMessage::Topics(message) => rumor(&message.message).is_some_and(|rumor| rumor.id.origin != *me),
        _ => false,
    }
}

/// Whether a datagram that `me` is about to seal tells another what a third has said.
pub(super) fn is_foreign_body(body: &DatagramBody, me: &NodeId) -> bool {
    match body {
        DatagramBody::Sync(SyncMessage::Entries { entries, .. }) => entries.iter().any(|entry| entry.id.log.author != *me),
        DatagramBody::Sync(SyncMessage::Share { texts }) => texts.iter().any(|text| text.id.log.author != *me),
        _ => false,
    }
}

fn rumor(message: &BroadcastMessage) -> Option<&Arc<Rumor>> {
    match message {
        BroadcastMessage::Gossip { rumor, .. } | BroadcastMessage::Repair { rumor, .. } => Some(rumor),
        _ => None,
    }
}

/// Alters one bit of a message that [is another's](is_foreign).
pub(super) fn alter_message(message: &mut WireMessage, rng: &mut ChaCha8Rng) {
    match message {
        WireMessage::Routing(RoutingMessage::Datagram(datagram)) => {
            // What is sealed, its number, or whom it is from.
            match rng.random_range(0..3) {
                0 => flip(&mut datagram.sealed.ciphertext, rng),
                1 => datagram.number ^= 1,
                _ => flip(&mut datagram.source.0, rng),
            }
        }
        WireMessage::Broadcast(message) => alter_rumor(message, rng),
        WireMessage::Topics(message) => alter_rumor(&mut message.message, rng),
        _ => {}
    }
}

fn alter_rumor(message: &mut BroadcastMessage, rng: &mut ChaCha8Rng) {
    if let BroadcastMessage::Gossip { rumor, .. } | BroadcastMessage::Repair { rumor, .. } = message {
        let mut bytes = rumor.payload.0.to_vec();
        flip(&mut bytes, rng);
        *rumor = Arc::new(Rumor { payload: Payload(bytes.into()), ..(**rumor).clone() });
    }
}

/// Alters one bit of an entry or a text that [is another's](is_foreign_body).
pub(super) fn alter_body(body: &mut DatagramBody, rng: &mut ChaCha8Rng) {
    match body {
        DatagramBody::Sync(SyncMessage::Entries { entries, .. }) if !entries.is_empty() => {
            let index = rng.random_range(0..entries.len());
            let mut entry = LogEntry::clone(&entries[index]);
            match &mut entry.body {
                EntryBody::Text { ciphertext, .. } => flip(ciphertext, rng),
                EntryBody::Direct { sealed, .. } => flip(&mut sealed.ciphertext, rng),
                EntryBody::Keys { epoch, .. } => *epoch ^= 1,
            }
            entries[index] = Arc::new(entry);
        }
        DatagramBody::Sync(SyncMessage::Share { texts }) if !texts.is_empty() => {
            let index = rng.random_range(0..texts.len());
            flip(&mut texts[index].text, rng);
        }
        _ => {}
    }
}

fn flip(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    if !bytes.is_empty() {
        let index = rng.random_range(0..bytes.len());
        bytes[index] ^= 1 << rng.random_range(0..8);
    }
}
