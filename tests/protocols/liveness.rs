use std::time::Duration;

use bevy_ecs::prelude::*;
use murmuration::kernel::{Instant, Received, SessionClosed, SessionOpened};
use murmuration::mesh::liveness::RoundTrip;
use murmuration::scenario::{Fault, FaultKind, Graph, Overlay, Protocols, Scenario, Selection};
use murmuration::wire::{CloseReason, LivenessMessage};

use crate::harness::{observe, strangers};

/// Two nodes with one link, and nothing on it but pings.
fn pinging(seconds: u64) -> Scenario {
    let protocols =
        Protocols { overlay: Overlay::Pinned(Graph::Line), membership: None, detection: None, ..strangers(2, seconds).protocols };
    Scenario { protocols, ..strangers(2, seconds) }
}

#[test]
fn a_session_is_pinged_within_a_second_and_then_every_eight() {
    let opened = observe::<SessionOpened>(&pinging(60), &[])[0].1.at.as_secs_f64();
    let received = observe::<Received<LivenessMessage>>(&pinging(60), &[]);
    let pings = received.iter().filter(|(node, received)| *node == 1 && matches!(received.message, LivenessMessage::Ping(_)));
    let times: Vec<f64> = pings.map(|(_, ping)| ping.at.as_secs_f64()).collect();
    assert!(times[0] - opened <= 1.4 && times.len() == 8, "{times:?} after {opened}");
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 8.0).abs() < 1e-6), "{times:?}");
}

#[test]
fn the_round_trip_time_is_that_of_the_link() {
    fn check(world: &mut World, _: Instant) {
        let trip = Some(Duration::from_millis(200));
        let trips: Vec<RoundTrip> = world.query::<&RoundTrip>().iter(world).copied().collect();
        assert_eq!(trips, [RoundTrip { current: trip, min: trip, max: trip, average: trip }; 2]);
    }
    observe::<SessionOpened>(&pinging(20), &[(19_000, check)]);
}

#[test]
fn a_session_whose_ping_is_not_answered_for_thirty_seconds_is_closed() {
    let pause = FaultKind::Pause { nodes: Selection::Nodes(vec![1]), period: Duration::from_secs(60) };
    let scenario = Scenario { faults: vec![Fault { at: Duration::from_secs(20), kind: pause }], ..pinging(79) };
    let closed = observe::<SessionClosed>(&scenario, &[]);
    let (_, closed) = closed[0];
    assert_eq!(closed.reason, CloseReason::PingTimeout);
    // The first ping that was not answered was sent within the eight seconds after the pause began, or just before.
    let after = closed.at.as_secs_f64() - 20.0;
    assert!((29.8..38.0).contains(&after), "closed {after} s after the other side stopped");
}
