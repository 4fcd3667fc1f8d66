//! Detection over membership, in small meshes.

use std::time::Duration;

use super::components::Limits;
use super::*;
use crate::crypto::NodeId;
use crate::kernel::{Instant, NodeClock, NodeState};
use crate::mesh::membership::MembershipConfig;
use crate::mesh::membership::testbed::Testbed;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_crash_is_noticed_and_a_tenth_of_lost_frames_is_none() {
    let mut bed = Testbed::new(50, 0.1, MembershipConfig::default(), DetectionConfig::default());
    bed.link_sparsely();
    bed.start_all();
    bed.run(300 * SECOND);
    assert_eq!(bed.log().suspected.len(), 0, "nobody has crashed");
    let (crash, crashed) = (bed.now, bed.id(7));
    bed.set_state(7, NodeState::Down);
    bed.run(40 * SECOND);
    let suspicions = bed.log().suspected.iter().filter(|(.., member)| *member == crashed);
    let mut times: Vec<f64> = suspicions.map(|(at, ..)| at.since(crash).as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    println!("noticed by {} after {:?}", times.len(), [times[0], times[times.len() / 2], times[times.len() - 1]]);
    assert!(times.len() >= 49 && times[times.len() / 2] < 20.0, "{times:?}");
}

#[test]
fn who_was_stopped_itself_suspects_nobody() {
    let mut bed = Testbed::new(8, 0.0, MembershipConfig::default(), DetectionConfig::default());
    bed.link_sparsely();
    bed.start_all();
    bed.run(30 * SECOND);
    let until = bed.now + 60 * SECOND;
    bed.set_state(3, NodeState::Paused { until });
    bed.run(60 * SECOND);
    bed.set_state(3, NodeState::Running);
    bed.run(20 * SECOND);
    let (stopped, others) = (bed.nodes[3], bed.id(3));
    assert!(bed.log().suspected.iter().all(|(_, node, member)| *node != stopped && *member == others));
    assert_eq!(bed.log().suspected.len(), 7, "everybody else does suspect it");
    assert!((0..8).all(|node| bed.alive(node) == 7), "and trusts it again");
}

#[test]
fn who_has_not_been_heard_of_yet_has_the_time_that_a_crowd_needs_which_came_after_it() {
    let (clock, limits) = (NodeClock::default(), Limits::new(DetectionConfig::default()));
    let at = |seconds| Instant::ZERO + seconds * SECOND;
    let suspects = |crowd: u16, seconds| {
        let mut detector = Detector::default();
        detector.watch(NodeId([7; 32]), &clock, &limits, at(0));
        for number in 0..crowd {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&number.to_le_bytes());
            detector.watch(NodeId(id), &clock, &limits, at(5));
        }
        let mut suspected = 0;
        detector.suspect(&clock, &limits, at(seconds), |_, _| suspected += 1);
        (suspected, detector.suspects(&NodeId([7; 32])))
    };
    assert_eq!((suspects(0, 15), suspects(0, 16)), ((0, false), (1, true)));
    assert_eq!((suspects(999, 16), suspects(999, 43)), ((0, false), (0, false)));
    assert_eq!((suspects(999, 44), suspects(999, 49)), ((1, true), (1000, true)), "the first a little before the others");
}

#[test]
fn without_a_pause_it_is_learnt_how_heartbeats_vary() {
    let config = DetectionConfig { acceptable_pause: Duration::ZERO, min_std_deviation: SECOND / 10, ..DetectionConfig::default() };
    let (clock, limits, member) = (NodeClock::default(), Limits::new(config), NodeId([7; 32]));
    let (mut detector, mut now) = (Detector::default(), Instant::ZERO);
    detector.watch(member, &clock, &limits, now);
    // Two exchanges a second, one soon after the other.
    for interval in [SECOND * 9 / 10, SECOND / 10].into_iter().cycle().take(400) {
        detector.suspect(&clock, &limits, now + interval, |_, phi| panic!("suspected at {now:?}: {phi}"));
        now = now + interval;
        detector.hear(&member, &clock, &limits, now);
    }
}
