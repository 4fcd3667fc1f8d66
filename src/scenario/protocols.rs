//! Which protocols run, and how they are configured.

use serde::{Deserialize, Serialize};

use crate::mesh::broadcast::BroadcastConfig;
use crate::mesh::detection::DetectionConfig;
use crate::mesh::discovery::DiscoveryConfig;
use crate::mesh::handshake::HandshakeConfig;
use crate::mesh::liveness::LivenessConfig;
use crate::mesh::membership::MembershipConfig;
use crate::mesh::topology::TopologyConfig;

/// The protocols; `None` switches one off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Protocols {
    /// Hellos, seeds, and those who were lost.
    pub discovery: Option<DiscoveryConfig>,
    /// Proven identities. Without it a session is open as soon as its link is, and identities are believed.
    pub handshake: Option<HandshakeConfig>,
    /// Pings.
    pub liveness: Option<LivenessConfig>,
    /// Goodbyes.
    pub leave: bool,
    /// Scuttlebutt.
    pub membership: Option<MembershipConfig>,
    /// Phi accrual. Needs membership.
    pub detection: Option<DetectionConfig>,
    /// Who is linked with whom.
    pub overlay: Overlay,
    /// How broadcasts spread.
    pub dissemination: Dissemination,
}

impl Default for Protocols {
    fn default() -> Self {
        Self {
            discovery: Some(DiscoveryConfig::default()),
            handshake: Some(HandshakeConfig::default()),
            liveness: Some(LivenessConfig::default()),
            leave: true,
            membership: Some(MembershipConfig::default()),
            detection: Some(DetectionConfig::default()),
            overlay: Overlay::default(),
            dissemination: Dissemination::default(),
        }
    }
}

/// Who is linked with whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Overlay {
    /// A connected graph of bounded degree that the nodes find and repair themselves.
    Degree(TopologyConfig),
    /// A graph that is given. Its links are made, and made again when they break; no others are, so discovery has nothing to do and is
    /// left out.
    Pinned(Graph),
}

impl Default for Overlay {
    fn default() -> Self {
        Self::Degree(TopologyConfig::default())
    }
}

/// A graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Graph {
    /// A random connected graph in which every node has so many links.
    RandomRegular(u32),
    /// Each node with the next, the last with the first.
    Ring,
    /// Each node with the next.
    Line,
    /// All with the first.
    Star,
    /// Each with each.
    Full,
    /// These.
    Edges(Vec<(u32, u32)>),
}

/// How broadcasts spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Dissemination {
    /// Plumtree, with the repair of gaps.
    Plumtree(BroadcastConfig),
    /// Not at all.
    Off,
}

impl Default for Dissemination {
    fn default() -> Self {
        Self::Plumtree(BroadcastConfig::default())
    }
}
