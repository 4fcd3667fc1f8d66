//! What a transport guarantees, case by case. Links take 5 ms.

use std::mem::offset_of;
use std::time::Duration;

use super::super::endpoint::Endpoint;
use super::super::flight::Flight;
use super::harness::{Do, Run, Told, id};
use crate::kernel::Role;
use crate::link_model::NetworkFault;
use crate::scenario::{LinkSpec, Loss, Network, Selection, ServiceKind};
use crate::wire::CloseReason;

const MS: u64 = 1_000_000;

fn stream() -> Network {
    Network::default()
}

fn datagram() -> Network {
    Network { service: ServiceKind::Datagram, ..Network::default() }
}

/// Frames from 0 to 1, one a millisecond.
fn frames(from: u64, numbers: std::ops::Range<u32>) -> impl Iterator<Item = (u64, Do)> {
    numbers.zip(from..).map(|(number, at)| (at, Do::Send(0, 1, number)))
}

fn script(parts: impl IntoIterator<Item = (u64, Do)>) -> Vec<(u64, Do)> {
    [(0, Do::Dial(0, 1))].into_iter().chain(parts).collect()
}

fn numbers(log: &[(u64, Told)]) -> Vec<u32> {
    log.iter().filter_map(|(_, told)| if let Told::Frame(_, number) = told { Some(*number) } else { None }).collect()
}

#[test]
fn a_dial_takes_a_round_trip_and_frames_their_latency() {
    for network in [stream(), datagram()] {
        let log = Run::single(&network, 2, script([(20, Do::Send(0, 1, 7)), (21, Do::Send(1, 0, 8))])).until(100);
        assert_eq!(log[&1], [(5 * MS, Told::Up(0, Role::Responder)), (25 * MS, Told::Frame(0, 7))]);
        assert_eq!(log[&0], [(10 * MS, Told::Up(1, Role::Initiator)), (26 * MS, Told::Frame(1, 8))]);
    }
}

#[test]
fn a_dial_to_nobody_ends_after_ten_seconds() {
    for network in [stream(), datagram()] {
        let nobody = [(0, Do::Dial(0, 9)), (0, Do::Crash(1)), (1, Do::Dial(0, 1))];
        let log = Run::single(&network, 2, nobody.into()).until(20_000);
        let unreachable = |at, peer| (at * MS, Told::Down(peer, CloseReason::Unreachable));
        assert_eq!(log[&0], [unreachable(10_000, 9), unreachable(10_001, 1)]);
        assert!(!log.contains_key(&1));
    }
}

#[test]
fn a_dial_is_repeated_while_the_way_is_blocked() {
    let faults = [Do::Fault(NetworkFault::Cut(vec![0], vec![1])), Do::Fault(NetworkFault::Heal)];
    let [cut, heal] = faults;
    let log = Run::single(&stream(), 2, vec![(0, cut), (0, Do::Dial(0, 1)), (2500, heal)]).until(20_000);
    assert_eq!(log[&0], [(3010 * MS, Told::Up(1, Role::Initiator))]);
    assert_eq!(log[&1].len(), 1, "accepted once: {log:?}");
}

#[test]
fn a_host_at_its_limit_refuses() {
    let dials = (1..=5).map(|node| (u64::from(node), Do::Dial(node, 0)));
    let log = Run::single(&stream(), 6, dials.collect()).until(100);
    assert_eq!(log[&0].len(), 4);
    assert_eq!(log[&5], [(15 * MS, Told::Down(0, CloseReason::TooManySessions))]);
}

#[test]
fn a_fin_comes_after_the_last_frame_and_ends_the_link_once() {
    let network = Network { link: LinkSpec { rate: Some(1000), ..LinkSpec::default() }, ..stream() };
    let log = Run::single(&network, 2, script(frames(200, 0..20).chain([(219, Do::HangUp(0, 1))]))).until(100_000);
    assert_eq!(numbers(&log[&1]), (0..20).collect::<Vec<_>>());
    let downs = log[&1].iter().filter(|(_, told)| matches!(told, Told::Down(..))).count();
    assert_eq!((log[&1].last().unwrap().1, downs), (Told::Down(0, CloseReason::Unwanted), 1));
    assert_eq!(log[&0].len(), 1, "who hangs up is not told");
}

#[test]
fn who_hangs_up_leaves_nothing_behind() {
    for network in [stream(), datagram()] {
        let mut run = Run::single(&network, 2, script([(20, Do::HangUp(0, 1)), (21, Do::Send(1, 0, 1))]));
        run.run(100_000);
        assert_eq!(run.fabric(0).in_flight(), 0);
        assert!(run.fabric(0).ports.iter().all(|port| port.ends.is_empty()));
    }
}

#[test]
fn after_a_restart_frames_of_old_links_are_answered_with_a_reset() {
    for network in [stream(), datagram()] {
        let crash = [(20, Do::Crash(1)), (30, Do::Send(0, 1, 1)), (40, Do::Restart(1)), (50, Do::Send(0, 1, 2))];
        let log = Run::single(&network, 2, script(crash)).until(1000);
        assert_eq!(log[&0][1..], [(60 * MS, Told::Down(1, CloseReason::Reset))]);
        assert_eq!(log[&1].len(), 1, "the new life hears nothing of the old link");
    }
}

#[test]
fn what_comes_to_a_paused_node_waits_in_order() {
    for network in [stream(), datagram()] {
        let log = Run::single(&network, 2, script(frames(20, 0..50).chain([(30, Do::Pause(1, 60))]))).until(1000);
        assert_eq!(numbers(&log[&1]), (0..50).collect::<Vec<_>>());
        let during = log[&1].iter().filter(|(at, _)| (30 * MS..60 * MS).contains(at)).count();
        assert_eq!(during, 0);
        assert_eq!(log[&1].iter().filter(|(at, _)| *at == 60 * MS).count(), 31);
    }
}

#[test]
fn a_slow_node_takes_one_frame_after_the_other_and_keeps_their_order() {
    let slow = |time: Option<u64>| NetworkFault::Slow { nodes: vec![1], service_time: time.map(Duration::from_millis) };
    let faults = [(19, Do::Fault(slow(Some(3)))), (50, Do::Fault(slow(None)))];
    let log = Run::single(&stream(), 2, script(frames(20, 0..100).chain(faults))).until(1000);
    assert_eq!(numbers(&log[&1]), (0..100).collect::<Vec<_>>());
    assert_eq!(log[&1][1..4].iter().map(|(at, _)| at / MS).collect::<Vec<_>>(), [28, 31, 34]);
}

#[test]
fn a_stream_resumes_after_a_partition_and_breaks_after_a_minute() {
    let partition = || Do::Fault(NetworkFault::Partition(vec![vec![0]]));
    let faults = [(30, partition()), (1000, Do::Fault(NetworkFault::Heal))];
    let log = Run::single(&stream(), 2, script(frames(20, 0..100).chain(faults))).until(5000);
    assert_eq!(numbers(&log[&1]), (0..100).collect::<Vec<_>>());
    let during = log[&1].iter().filter(|(at, _)| (30 * MS..1000 * MS).contains(at)).count();
    assert_eq!(during, 0, "frames in flight do not pass either");

    let log = Run::single(&stream(), 2, script(frames(20, 0..100).chain([(30, partition())]))).until(100_000);
    for node in [0, 1] {
        let (at, told) = *log[&node].last().unwrap();
        assert!(
            matches!(told, Told::Down(_, CloseReason::Unreachable)) && (60_000 * MS..61_000 * MS).contains(&at),
            "{node}: {told:?} {at}"
        );
    }
}

#[test]
fn a_datagram_does_not_pass_a_partition_that_overtakes_it() {
    let faults = [(30, Do::Fault(NetworkFault::OneWay(vec![0], vec![1]))), (60, Do::Fault(NetworkFault::Heal))];
    let log = Run::single(&datagram(), 2, script(frames(20, 0..100).chain(faults))).until(5000);
    let (passed, expected): (Vec<_>, Vec<_>) = (numbers(&log[&1]), (0..5).chain(40..100).collect());
    assert_eq!(passed, expected);
}

#[test]
fn too_much_that_waits_breaks_the_link() {
    let cut = (15, Do::Fault(NetworkFault::Cut(vec![0], vec![1])));
    let flood = (0..9000).map(|number| (16 + u64::from(number / 100), Do::Send(0, 1, number)));
    let log = Run::single(&stream(), 2, script(flood.chain([cut]))).until(5000);
    assert!(matches!(log[&0][1], (_, Told::Down(1, CloseReason::Overflow))), "{:?}", log[&0]);
}

#[test]
fn a_loss_burst_delays_a_stream_and_thins_datagrams() {
    let burst = |loss| Do::Fault(NetworkFault::LossBurst { nodes: vec![1], loss });
    let faults = || [(19, burst(Some(Loss::Independent(1.0)))), (60, burst(None))];
    let log = Run::single(&stream(), 2, script(frames(20, 0..100).chain(faults()))).until(5000);
    assert_eq!(numbers(&log[&1]), (0..100).collect::<Vec<_>>());
    assert_eq!(log[&1][1].0, 225 * MS, "one time-out of 200 ms");
    let log = Run::single(&datagram(), 2, script(frames(20, 0..100).chain(faults()))).until(5000);
    assert_eq!(numbers(&log[&1]), (40..100).collect::<Vec<_>>());
}

#[test]
fn a_hello_reaches_the_running_nodes_of_the_segment() {
    let network = Network { segments: vec![Selection::Range(0, 4)], ..stream() };
    let log = Run::single(&network, 6, vec![(0, Do::Crash(3)), (10, Do::Hello(1)), (11, Do::Hello(5))]).until(100);
    assert_eq!(log.keys().copied().collect::<Vec<_>>(), [0, 2]);
    assert_eq!(log[&2], [(15 * MS, Told::Hello(id(1)))]);
}

#[test]
fn what_a_link_and_a_packet_cost() {
    // Two lines of the cache, and what comes in needs the first only.
    assert_eq!((size_of::<Endpoint>(), align_of::<Endpoint>()), (128, 64));
    assert!(offset_of!(Endpoint, stall) <= 64);
    // The frame, and 32 bytes: instant, sender, sequence, receiver, endpoint.
    assert_eq!(size_of::<Flight>(), 80);
}
