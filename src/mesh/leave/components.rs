//! Goodbyes that a node has heard.

use std::collections::VecDeque;

use bevy_ecs::prelude::*;

use crate::crypto::NodeId;

/// Most goodbyes remembered. An older one that comes again is passed on again, and ends at whoever remembers it.
const MAX_GOODBYES: usize = 1024;

/// Who said goodbye, in which life, so that each is passed on once.
#[derive(Component, Default, Debug)]
pub(super) struct Goodbyes(VecDeque<(NodeId, u64)>);

impl Goodbyes {
    /// Whether this goodbye, or one of a later life, has been heard.
    pub fn contains(&self, member: &NodeId, incarnation: u64) -> bool {
        self.0.iter().any(|(known, life)| known == member && *life >= incarnation)
    }

    /// Remembers a goodbye.
    pub fn insert(&mut self, member: NodeId, incarnation: u64) {
        self.0.retain(|(known, _)| *known != member);
        if self.0.len() >= MAX_GOODBYES {
            self.0.pop_front();
        }
        self.0.push_back((member, incarnation));
    }
}
