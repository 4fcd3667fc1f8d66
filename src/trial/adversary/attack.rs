//! What can be read with some secrets of what was recorded. Nobody who has the same could read more: every key is tried on every entry that
//! it could belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::evidence::{Evidence, Secrets};
use crate::crypto::{Chain, MAX_LEAP, MessageKey, Opening, Secret, open};
use crate::kernel::NetworkTag;
use crate::mesh::chat::{CHAIN, DIRECT, context};
use crate::wire::chat::{EntryBody, EntryId, LogEntry, LogId, SyncMessage};
use crate::wire::routing::{Datagram, DatagramBody, PURPOSE};

/// The entries whose texts `secrets` open, out of all that was recorded.
pub fn open_all(evidence: &Evidence, secrets: &Secrets) -> BTreeSet<EntryId> {
    let network = NetworkTag::default().0;
    let mut logs: BTreeMap<LogId, Vec<&Arc<LogEntry>>> = BTreeMap::new();
    let mut entries: BTreeMap<EntryId, &Arc<LogEntry>> = BTreeMap::new();
    for entry in &evidence.entries {
        logs.entry(entry.id.log).or_default().push(entry);
        entries.insert(entry.id, entry);
    }
    let mut read = BTreeSet::new();
    let mut chains = secrets.chains.clone();
    for entry in &evidence.entries {
        match &entry.body {
            EntryBody::Keys { epoch, keys } => chains.extend(keys.iter().filter_map(|key| {
                let secret = secrets.prekeys.get(&key.prekey)?;
                let opened = open(secret, CHAIN, &context(&network, &entry.id.log, [*epoch, 0]), &key.sealed).ok()?;
                Some((entry.id.log, Chain::new(Secret(opened.try_into().ok()?), 0)))
            })),
            EntryBody::Direct { prekey, commitment, sealed, .. } => {
                let context = context(&network, &entry.id.log, [entry.id.sequence, 0]);
                let opened = secrets.prekeys.get(prekey).and_then(|secret| open(secret, DIRECT, &context, sealed).ok());
                let parts = opened.as_deref().and_then(|opened| opened.split_first_chunk());
                if parts.is_some_and(|(opening, text)| Opening(*opening).commit(text) == *commitment) {
                    read.insert(entry.id);
                }
            }
            EntryBody::Text { .. } => {}
        }
    }
    for (log, chain) in chains {
        follow(&network, chain, logs.get(&log).map_or(&[], Vec::as_slice), &mut read);
    }
    for datagram in &evidence.datagrams {
        let Some(SyncMessage::Share { texts }) = open_datagram(&network, datagram, secrets) else { continue };
        let true_texts = texts.iter().filter(|shared| {
            entries.get(&shared.id).and_then(|entry| entry.body.commitment()) == Some(&shared.opening.commit(&shared.text))
        });
        read.extend(true_texts.map(|shared| shared.id));
    }
    read
}

/// Runs a chain forward over all texts of its log, of whichever epoch they say they are.
fn follow(network: &[u8; 8], mut chain: Chain, entries: &[&Arc<LogEntry>], read: &mut BTreeSet<EntryId>) {
    let indices = entries.iter().filter_map(|entry| if let EntryBody::Text { index, .. } = entry.body { Some(index) } else { None });
    let Some(last) = indices.max().filter(|last| *last >= chain.index) else { return };
    let first = chain.index;
    let keys: Vec<MessageKey> = (first..=last.min(first + MAX_LEAP)).map(|_| chain.advance()).collect();
    for entry in entries {
        let EntryBody::Text { epoch, index, commitment, ciphertext } = &entry.body else { continue };
        let key = index.checked_sub(first).and_then(|ahead| keys.get(usize::try_from(ahead).ok()?));
        let Some(key) = key else { continue };
        let opened = key.decrypt(&context(network, &entry.id.log, [*epoch, *index]), ciphertext);
        if opened.is_ok_and(|text| key.opening.commit(&text) == *commitment) {
            read.insert(entry.id);
        }
    }
}

fn open_datagram(network: &[u8; 8], datagram: &Datagram, secrets: &Secrets) -> Option<SyncMessage> {
    let secret = secrets.prekeys.get(&datagram.prekey)?;
    let context = Datagram::context(network, &datagram.source, &datagram.target, datagram.life, datagram.number);
    let opened = open(secret, PURPOSE, &context, &datagram.sealed).ok()?;
    match DatagramBody::from_bytes(&opened).ok()? {
        DatagramBody::Sync(message) => Some(message),
        DatagramBody::Raw(_) => None,
    }
}
