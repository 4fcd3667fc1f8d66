//! How membership behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration of membership. Defaults: row T02 of the mission; where it is silent, as argued at the field.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MembershipConfig {
    /// Time between two rounds of anti-entropy.
    #[serde(with = "humantime_serde")]
    pub gossip_interval: Duration,
    /// Time between two increments of the node's own heartbeat.
    #[serde(with = "humantime_serde")]
    pub heartbeat_interval: Duration,
    /// Time for which news that change the view (somebody joins, or is back) are gathered before they are passed on to all
    /// neighbours, without waiting for a round. Thus views grow by a hop in this time, and not in one of rounds.
    #[serde(with = "humantime_serde")]
    pub news_delay: Duration,
    /// Most bytes of a digest, and of a delta. What does not fit waits for a later round. A round exchanges with as many neighbours as
    /// there is room for their digests, and with at least one.
    ///
    /// 16 KiB hold a digest of 900 members, and a delta of 150 heartbeats or 80 members that join. A mesh of 50 never notices the
    /// bound; in one of 1,000 each heartbeat is renewed every three to four seconds. With 8 KiB a thousand nodes no longer kept their
    /// views whole. Below 1.5 KiB one entry may exceed it; at least one is always sent.
    pub byte_budget: usize,
    /// Time for which a member must be suspected before it is forgotten.
    #[serde(with = "humantime_serde")]
    pub grace_period: Duration,
    /// Time after which the owner no longer keeps the tombstone of a deleted key. Whoever missed it until then reads the
    /// whole namespace anew.
    #[serde(with = "humantime_serde")]
    pub tombstone_grace: Duration,
}

impl Default for MembershipConfig {
    fn default() -> Self {
        Self {
            gossip_interval: Duration::from_secs(1),
            heartbeat_interval: Duration::from_millis(500),
            news_delay: Duration::from_millis(100),
            byte_budget: 16 << 10,
            grace_period: Duration::from_secs(60),
            tombstone_grace: Duration::from_secs(60),
        }
    }
}
