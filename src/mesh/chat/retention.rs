//! What a node lets go: entries that are too old or too many, and what it remembers of those who have gone for good.

use std::collections::BTreeSet;

use super::ChatConfig;
use super::outlets::{Outlets, SpeakerItem};
use crate::kernel::Instant;
use crate::wire::NodeId;
use crate::wire::chat::EntryId;

/// What came before this is no longer kept, in milliseconds of the node's clock.
pub(super) fn before(config: &ChatConfig, at: Instant) -> u64 {
    SpeakerItem::millis(at).saturating_sub(config.keep_time.as_millis() as u64)
}

/// Lets go what need not be kept any more.
pub(super) fn let_go(it: &mut SpeakerItem, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    let before = before(config, at);
    // Also of topics that the node has left.
    for topic in it.chat.logs.topics() {
        let gone = it.chat.logs.trim(topic, config.keep_bytes, before);
        it.forget(gone, out);
        let anchors: Vec<EntryId> = it.chat.logs.anchors(topic, before).collect();
        anchors.into_iter().for_each(|id| it.hush(id, out));
    }
    forget_strangers(it, out);
}

/// Of whoever is not there and can no longer be written to nothing is remembered but what stands in logs; or those who come under ever new
/// names would fill the memory.
fn forget_strangers(it: &mut SpeakerItem, out: &mut Outlets) {
    let (node, me, prekeys, book) = (it.entity, it.me.id, it.prekeys, it.book);
    let is_stranger = |id: &NodeId| *id != me && !prekeys.others.contains_key(id) && book.get(id).is_none();
    let chat = &mut *it.chat;
    chat.receipts.forget(is_stranger);
    let authors: BTreeSet<NodeId> = chat.logs.iter().map(|(log, _)| log.author).collect();
    chat.names.retain(|id, _| {
        let stays = !is_stranger(id) || authors.contains(id);
        if !stays {
            out.forget_name(node, id);
        }
        stays
    });
    for (topic, all) in &mut chat.subscribers {
        all.retain(|id| {
            let stays = !is_stranger(id);
            if !stays {
                out.keep_subscriber(node, topic, id, false);
            }
            stays
        });
    }
    chat.subscribers.retain(|_, all| !all.is_empty());
}
