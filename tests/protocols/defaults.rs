use std::time::Duration;

use murmuration::mesh::broadcast::BroadcastConfig;
use murmuration::mesh::detection::DetectionConfig;
use murmuration::mesh::discovery::DiscoveryConfig;
use murmuration::mesh::handshake::HandshakeConfig;
use murmuration::mesh::liveness::LivenessConfig;
use murmuration::mesh::membership::MembershipConfig;
use murmuration::mesh::topology::TopologyConfig;

/// Rows B01, B19, D02, D04 and T02 of the mission.
#[test]
fn the_defaults_are_those_that_were_promised() {
    let (millis, seconds) = (Duration::from_millis, Duration::from_secs);
    let topology = TopologyConfig::default();
    assert_eq!((topology.min_degree, topology.max_degree, topology.rebalance_interval), (2, 3, seconds(5)));
    let membership = MembershipConfig::default();
    assert_eq!((membership.gossip_interval, membership.heartbeat_interval), (seconds(1), millis(500)));
    assert_eq!(DetectionConfig::default().threshold, 8.0);
    assert_eq!(BroadcastConfig::default().graft_timeout, millis(500));
    let discovery = DiscoveryConfig::default();
    assert_eq!((discovery.hello_interval, discovery.retry_base, discovery.offline_after), (seconds(15), millis(500), 10));
    assert_eq!(HandshakeConfig::default().connect_timeout, seconds(5));
    let liveness = LivenessConfig::default();
    assert_eq!((liveness.interval, liveness.timeout), (seconds(8), seconds(30)));
}
