//! Who takes part in a topic: subscribers, and the relays between them.

use std::collections::BTreeSet;

use crate::kernel::LinkState;
use crate::wire::NodeId;

/// The members that take part in a topic with these subscribers, as the published links stand: subscribers, and whoever lies on the
/// shortest path from one to the first of those that it can reach. All who see the same links and subscribers see the same.
pub fn participants(links: &LinkState, subscribers: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut part = subscribers.clone();
    let mut reached: BTreeSet<NodeId> = BTreeSet::new();
    for root in subscribers {
        if reached.contains(root) {
            continue;
        }
        // The first of its part of the network: usually of all.
        let tree = links.tree(root);
        reached.insert(*root);
        let mut walked = BTreeSet::from([*root]);
        for subscriber in subscribers.iter().filter(|subscriber| tree.hops(subscriber).is_some()) {
            reached.insert(*subscriber);
            let mut at = *subscriber;
            // Where another's way has been, the rest of the way is known.
            while walked.insert(at) {
                part.insert(at);
                match tree.parent(&at) {
                    Some(parent) => at = parent,
                    None => break,
                }
            }
        }
    }
    part
}
