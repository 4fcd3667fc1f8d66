//! How admission behaves.

use std::time::Duration;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

use crate::wire::admission::Rules;

/// Configuration of admission.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionConfig {
    /// Whether networks are by invitation. If not, everybody who knows the network key is a member.
    pub invite_only: bool,
    /// Time between two comparisons of records, each with a random session.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// The rules of a network that is founded.
    pub rules: Rules,
    /// Whether a node that knows no seed founds a network.
    pub found: bool,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self { invite_only: false, interval: Duration::from_secs(5), rules: Rules::default(), found: true }
    }
}

/// What a single node does otherwise than the configuration says. On the node entity, before it starts.
#[derive(Component, Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdmissionSettings {
    /// Whether its network is by invitation.
    pub invite_only: bool,
    /// Whether it founds a network, if it knows no seed and has been in none.
    pub founds: bool,
}
