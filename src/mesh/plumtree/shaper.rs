//! Which messages shape the tree.
//!
//! The paper's tree grows from the messages of one source, one after the other. When many are under way together, each reaches
//! a node over another link first, and the links that all their duplicates prune are more than make a tree: it falls apart, is
//! grafted, and falls apart again for as long as they speak. So only one message at a time shapes the tree, about one each
//! [`period`], and when many speak they are those of the smallest id that has spoken lately.

use std::time::Duration;

use super::effects::Moment;
use crate::kernel::Instant;
use crate::wire::NodeId;

/// Periods for which the others leave the shaping to a smaller id that is silent.
const PATIENCE: u32 = 5;

/// Who shapes the tree, as far as a node has heard.
#[derive(Debug, Default, Clone, Copy)]
pub struct Shaper(Option<(NodeId, Instant)>);

/// Time between two messages that shape: the first should have come everywhere.
fn period(moment: &Moment) -> Duration {
    moment.config.graft_timeout * 2
}

impl Shaper {
    /// Whether the next message of `me` shall shape.
    pub fn may(&self, me: &NodeId, moment: &Moment) -> bool {
        !moment.config.one_shaper
            || self.0.is_none_or(|(shaper, last)| {
                let pause = if shaper < *me { period(moment) * PATIENCE } else { period(moment) };
                moment.clock.elapsed(last, moment.at) >= pause
            })
    }

    /// A message of `origin` that shapes came for the first time.
    pub fn heard(&mut self, origin: NodeId, moment: &Moment) {
        let stays =
            |(shaper, last): (NodeId, Instant)| shaper < origin && moment.clock.elapsed(last, moment.at) < period(moment) * PATIENCE;
        if !self.0.is_some_and(stays) {
            self.0 = Some((origin, moment.at));
        }
    }

    /// Whether messages of `origin` are those that shape.
    pub fn is(&self, origin: &NodeId, moment: &Moment) -> bool {
        !moment.config.one_shaper || self.0.is_some_and(|(shaper, _)| shaper == *origin)
    }
}
