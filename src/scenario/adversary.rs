//! Who means harm.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Selection;

/// Somebody who means harm. What adversaries can read at the end is for [`Expectation::Unreadable`](super::Expectation::Unreadable).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Adversary {
    /// Records every entry of a log and every datagram that crosses the network, and once steals the secrets of some nodes: their own
    /// prekeys with those that are still kept for a while, and their chains. Not what they have on their screens and disks.
    Recorder {
        /// From whom.
        steals_from: Selection,
        /// When.
        #[serde(with = "humantime_serde")]
        at: Duration,
    },
    /// Members who have never erased a secret, nor do when they are revoked, and who record as much as a [`Recorder`](Self::Recorder).
    Revoked {
        /// Which.
        who: Selection,
    },
    /// Members who mistreat what they pass on for others: datagrams, what spreads over the trees of topics and of broadcasts, entries
    /// and texts by which logs are filled up.
    Relay {
        /// Which.
        who: Selection,
        /// The fraction that they drop.
        #[serde(default)]
        drops: f64,
        /// They hold each back for up to this long.
        #[serde(default, with = "humantime_serde")]
        delays: Duration,
        /// The fraction that they send once more, some time later.
        #[serde(default)]
        replays: f64,
        /// The fraction that they alter.
        #[serde(default)]
        alters: f64,
    },
    /// Members who lie about what they have when logs are compared: entries that do not exist, other branches of logs, earlier lives of
    /// authors, beginnings that are gone. And who flood others: with entries, true and forged, with questions, false texts and records.
    Liar {
        /// Which.
        who: Selection,
        /// The fraction of what they tell about logs that is a lie.
        #[serde(default)]
        lies: f64,
        /// How many messages a second each sends besides.
        #[serde(default)]
        floods: f64,
        /// Until when they flood; they lie to the end.
        #[serde(default, with = "humantime_serde")]
        until: Option<Duration>,
    },
}
