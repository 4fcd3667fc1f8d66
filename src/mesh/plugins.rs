//! Which protocols run, how they are configured, and the plugins that follow from it.

use bevy_app::{App, Plugin};
use serde::{Deserialize, Serialize};

use super::admission::{AdmissionConfig, AdmissionPlugin};
use super::broadcast::{BroadcastConfig, BroadcastPlugin};
use super::chat::{ChatConfig, ChatPlugin};
use super::detection::{DetectionConfig, DetectionPlugin};
use super::discovery::{DiscoveryConfig, DiscoveryPlugin};
use super::handshake::{HandshakeConfig, HandshakePlugin, PlainSessionsPlugin};
use super::leave::LeavePlugin;
use super::liveness::{LivenessConfig, LivenessPlugin};
use super::membership::{MembershipConfig, MembershipPlugin};
use super::pinned::PinnedPlugin;
use super::prekeys::{PrekeyConfig, PrekeyPlugin};
use super::routing::{RoutingConfig, RoutingPlugin};
use super::topics::{TopicsConfig, TopicsPlugin};
use super::topology::{TopologyConfig, TopologyPlugin};
use crate::kernel::SessionLimits;

/// Most sessions of a node whose links are given: those of the hub of the largest star that fits into memory.
const MAX_PINNED: usize = 1 << 24;

/// Adds the protocols that are chosen. [`KernelPlugin`](crate::kernel::KernelPlugin) must have been added, a transport must follow.
///
/// ```
/// use bevy_app::App;
/// use murmuration::kernel::KernelPlugin;
/// use murmuration::mesh::{MeshPlugins, Protocols};
///
/// let mut app = App::empty();
/// app.add_plugins((KernelPlugin::default(), MeshPlugins(Protocols::default())));
/// ```
#[derive(Clone, Debug, Default)]
pub struct MeshPlugins(pub Protocols);

impl Plugin for MeshPlugins {
    fn build(&self, app: &mut App) {
        let protocols = self.0.clone();
        // Where it is given who is linked, nobody looks for others.
        let pinned = matches!(protocols.overlay, Overlay::Pinned(_));
        if let Some(config) = protocols.discovery.filter(|_| !pinned) {
            app.add_plugins(DiscoveryPlugin(config));
        }
        match protocols.handshake {
            Some(config) => app.add_plugins(HandshakePlugin(config)),
            None => app.add_plugins(PlainSessionsPlugin),
        };
        if let Some(config) = protocols.liveness {
            app.add_plugins(LivenessPlugin(config));
        }
        if protocols.leave {
            app.add_plugins(LeavePlugin);
        }
        if let Some(config) = protocols.admission {
            app.add_plugins(AdmissionPlugin(config));
        }
        if let Some(config) = protocols.membership {
            app.add_plugins(MembershipPlugin(config));
        }
        if let Some(config) = protocols.detection {
            app.add_plugins(DetectionPlugin(config));
        }
        match protocols.overlay {
            Overlay::Degree(config) => app.add_plugins(TopologyPlugin(config)),
            // The links that are given are all made, however many.
            Overlay::Pinned(_) => app.insert_resource(SessionLimits { max_sessions: MAX_PINNED }).add_plugins(PinnedPlugin),
        };
        match protocols.dissemination {
            Dissemination::Plumtree(config) => app.add_plugins(BroadcastPlugin(config)),
            Dissemination::Off => app,
        };
        if let Some(config) = protocols.prekeys {
            app.add_plugins(PrekeyPlugin(config));
        }
        if let Some(config) = protocols.routing {
            app.add_plugins(RoutingPlugin(config));
        }
        if let Some(config) = protocols.topics {
            app.add_plugins(TopicsPlugin(config));
        }
        if let Some(config) = protocols.chat {
            app.add_plugins(ChatPlugin(config));
        }
    }
}

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
    /// Who may be a member. Without it everybody may.
    pub admission: Option<AdmissionConfig>,
    /// What members seal to one another with. Needs membership.
    pub prekeys: Option<PrekeyConfig>,
    /// Messages to one member. Needs prekeys.
    pub routing: Option<RoutingConfig>,
    /// Topics. Needs routing.
    pub topics: Option<TopicsConfig>,
    /// Chat. Needs topics.
    pub chat: Option<ChatConfig>,
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
            admission: None,
            prekeys: None,
            routing: None,
            topics: None,
            chat: None,
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
