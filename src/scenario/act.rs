//! What people do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Selection;

/// Something that somebody does at an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// When, from the beginning.
    #[serde(with = "humantime_serde")]
    pub at: Duration,
    /// What.
    #[serde(rename = "do")]
    pub kind: ActKind,
}

/// What people do. Of those who do not run just then nothing is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ActKind {
    /// Each of these says a text in a topic.
    Say {
        /// Who.
        from: Selection,
        /// Where.
        #[serde(default = "lobby")]
        topic: String,
        /// What.
        text: String,
        /// What expectations call it. Of several nodes that say it, or acts of the same name, they mean all.
        #[serde(default)]
        name: Option<String>,
    },
    /// One says a text to one other.
    Dm {
        /// Who.
        from: u32,
        /// To whom.
        to: u32,
        /// What.
        text: String,
        /// What expectations call it.
        #[serde(default)]
        name: Option<String>,
    },
    /// One invites others into the network.
    Invite {
        /// Who.
        by: u32,
        /// Whom.
        who: Selection,
    },
    /// One revokes others, for good.
    Revoke {
        /// Who.
        by: u32,
        /// Whom.
        who: Selection,
    },
    /// They join a topic.
    Join {
        /// Who.
        nodes: Selection,
        /// Which.
        topic: String,
    },
    /// They leave a topic.
    Leave {
        /// Who.
        nodes: Selection,
        /// Which.
        topic: String,
    },
}

/// The topic to which all belong.
pub(super) fn lobby() -> String {
    crate::mesh::topics::LOBBY.to_owned()
}
