//! How a recording begins: everything that decides a life but its keys.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::keys::{Keys, key_random};
use crate::crypto::{CryptoMode, Identity, NodeId, network_key};
use crate::gate::NodeSpec;
use crate::kernel::Instant;
use crate::kernel::NetworkTag;
use crate::mesh::Protocols;
use crate::mesh::handshake::NetworkKey;
use crate::scenario::{self, Loaded, Scenario, ScenarioError};
use crate::wire::Address;

/// How a recording begins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The version of the program that recorded.
    pub program: String,
    /// The protocols and the length of a tick, as [`describe_protocols`] writes them.
    pub protocols: String,
    /// The name of the network.
    pub network: String,
    /// What its hellos say of it.
    pub tag: [u8; 8],
    /// The rank of the node in its world.
    pub ordinal: u32,
    /// Who it is.
    pub id: NodeId,
    /// The address that it told others.
    pub address: Address,
    /// Whom it asked first, as text.
    pub seeds: Vec<String>,
    /// Where others were when it last ran, as text.
    pub known: Vec<String>,
    /// Its lives so far ended before this number.
    pub incarnation: u64,
    /// The seed of what it decided at random.
    pub random: u64,
    /// When it started, in nanoseconds of its world's time.
    pub start: u64,
    /// Links dialled before, by earlier lives in the same process.
    pub dialled: u64,
    /// What the keys of handshakes were made of, besides the identity.
    pub salt: [u8; 32],
}

/// What a world needs to know before a node is born in it.
#[derive(Clone, PartialEq, Debug)]
pub struct Setup {
    /// Its protocols.
    pub protocols: Protocols,
    /// The length of its ticks.
    pub quantum: Duration,
}

/// Protocols and the length of a tick as a text that [`Header::setup`] reads: that of a scenario, since a scenario knows how to be changed.
///
/// # Errors
/// They make no sense.
pub fn describe_protocols(protocols: &Protocols, quantum: Duration) -> Result<String, ScenarioError> {
    let mut scenario = Scenario::new("recording", 1000, Duration::from_secs(3600));
    scenario.protocols = protocols.clone();
    scenario.tick = quantum;
    let text = scenario::to_ron(&scenario).unwrap_or_default();
    scenario::check(&scenario::parse(&text, PathBuf::from("recording"))?)?;
    Ok(text)
}

impl Header {
    /// The header of a life that begins with `spec`.
    pub fn new(protocols: String, network: &str, spec: &NodeSpec, start: Instant, salt: [u8; 32], dialled: u64) -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            protocols,
            network: network.to_owned(),
            tag: spec.network_tag.0,
            ordinal: spec.ordinal,
            id: spec.identity.id(),
            address: spec.address,
            seeds: spec.seeds.iter().map(Address::to_string).collect(),
            known: spec.known.iter().map(Address::to_string).collect(),
            incarnation: spec.incarnation,
            random: spec.random,
            start: start.as_nanos(),
            dialled,
            salt,
        }
    }

    /// Whether this program is the one that recorded.
    pub fn is_of_this_program(&self) -> bool {
        self.program == env!("CARGO_PKG_VERSION")
    }

    /// When the node started.
    pub fn started(&self) -> Instant {
        Instant::from_nanos(self.start)
    }

    /// The protocols, with changes as `protocols.detection.threshold=10`.
    ///
    /// # Errors
    /// A change that cannot be made, or a header that was altered.
    pub fn setup(&self, changes: &[String]) -> Result<Setup, ScenarioError> {
        let mut loaded = scenario::parse(&self.protocols, PathBuf::from("the recording"))?;
        for change in changes {
            set(&mut loaded, change)?;
        }
        scenario::check(&loaded)?;
        Ok(Setup { protocols: loaded.scenario.protocols, quantum: loaded.scenario.tick })
    }

    /// The node, with its keys.
    pub fn spec(&self, keys: &Keys) -> NodeSpec {
        NodeSpec {
            ordinal: self.ordinal,
            identity: Identity::from_seed(keys.identity.0, CryptoMode::Real),
            network_key: NetworkKey(network_key(&self.network, keys.network.as_ref())),
            network_tag: NetworkTag(self.tag),
            address: self.address,
            seeds: self.seeds.iter().filter_map(|text| address(text)).collect(),
            known: self.known.iter().filter_map(|text| address(text)).collect(),
            incarnation: self.incarnation,
            random: self.random,
            key_random: key_random(&keys.identity, &self.salt),
        }
    }
}

/// Changes what a node does; the rest of a scenario has no meaning for a recording.
fn set(loaded: &mut Loaded, change: &str) -> Result<(), ScenarioError> {
    let before = loaded.scenario.clone();
    loaded.set(change)?;
    let after = &loaded.scenario;
    let only = Scenario { protocols: after.protocols.clone(), tick: after.tick, ..before };
    if *after != only {
        let message = format!("`{change}` changes nothing that a recording holds: `protocols.…` and `tick` can be changed");
        return Err(ScenarioError { origin: "--set".into(), place: None, message, suggestion: None });
    }
    Ok(())
}

/// Reads what `Display` writes of an address.
fn address(text: &str) -> Option<Address> {
    if let Some(number) = text.strip_prefix("seed ") {
        return number.parse().ok().map(Address::Seed);
    }
    if let Some(socket) = text.strip_prefix("from ") {
        return socket.parse::<SocketAddr>().ok().map(Address::Inbound);
    }
    Address::from_bytes(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_survives_being_text() {
        let socket = "[::1]:9000".parse().unwrap();
        for it in [Address::Memory(7), Address::Socket(socket), Address::Seed(3), Address::Inbound(socket)] {
            assert_eq!(address(&it.to_string()), Some(it));
        }
        assert_eq!(address("seed x"), None);
    }
}
