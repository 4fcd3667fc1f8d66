//! Promises that hold whatever the network does.

use std::time::Duration;

use proptest::prelude::*;

use super::harness::{Do, Run, Told};
use crate::kernel::Role;
use crate::link_model::NetworkFault;
use crate::scenario::{Latency, LinkSpec, Loss, Network, Reorder, Selection, ServiceKind};

fn link() -> impl Strategy<Value = LinkSpec> {
    let latency = prop_oneof![
        (1_u64..40).prop_map(|ms| Latency::Constant(Duration::from_millis(ms))),
        (1_u64..20, 20_u64..60).prop_map(|(a, b)| Latency::Uniform(Duration::from_millis(a), Duration::from_millis(b))),
        (5_u64..60).prop_map(|ms| Latency::Normal(Duration::from_millis(ms), Duration::from_millis(ms / 2))),
    ];
    let loss = prop_oneof![
        Just(Loss::None),
        (0.0..0.4).prop_map(Loss::Independent),
        Just(Loss::GilbertElliott { to_bad: 0.1, to_good: 0.3, loss_good: 0.0, loss_bad: 1.0 }),
    ];
    let rate = prop::option::of(10_000_u64..100_000);
    (latency, 0_u64..20, loss, 0.0..0.3, 0.0..0.3, rate).prop_map(|(latency, jitter, loss, duplicate, reorder, rate)| LinkSpec {
        latency,
        jitter: Duration::from_millis(jitter),
        loss,
        duplicate,
        reorder: Reorder { probability: reorder, delay: Duration::from_millis(30) },
        rate,
        queue: 1 << 20,
    })
}

/// Four nodes that dial and talk, while the network and the nodes have their troubles.
fn script() -> impl Strategy<Value = Vec<(u64, Do)>> {
    let node = 0_u32..4;
    let pair = (0_u32..4, 1_u32..4).prop_map(|(from, step)| (from, (from + step) % 4));
    let action = prop_oneof![
        3 => pair.clone().prop_map(|(a, b)| Do::Dial(a, b)),
        12 => (pair.clone(), any::<u32>()).prop_map(|((a, b), number)| Do::Send(a, b, number)),
        1 => pair.clone().prop_map(|(a, b)| Do::HangUp(a, b)),
        1 => node.clone().prop_map(Do::Hello),
        1 => node.clone().prop_map(Do::Crash),
        2 => node.clone().prop_map(Do::Restart),
        1 => node.clone().prop_map(|node| Do::Fault(NetworkFault::Partition(vec![vec![node]]))),
        1 => pair.prop_map(|(a, b)| Do::Fault(NetworkFault::OneWay(vec![a], vec![b]))),
        2 => Just(Do::Fault(NetworkFault::Heal)),
        1 => (node.clone(), prop::option::of(0_u64..9)).prop_map(|(node, time)| {
            Do::Fault(NetworkFault::Slow { nodes: vec![node], service_time: time.map(Duration::from_millis) })
        }),
        1 => (node, prop::option::of(0.0..1.0)).prop_map(|(node, loss)| {
            Do::Fault(NetworkFault::LossBurst { nodes: vec![node], loss: loss.map(Loss::Independent) })
        }),
    ];
    prop::collection::vec((0_u64..3000, action), 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_delivers_everything_once_and_in_order_until_it_is_reset(
        link in link(),
        times in prop::collection::vec(200_u64..2000, 1..150),
        pauses in prop::collection::vec((200_u64..1900, 1_u64..300), 0..3),
        faults in prop::collection::vec((200_u64..2000, 0..6_u8), 0..8),
    ) {
        // The dial has until then to succeed, however many SYNs are lost.
        let open = 9_000;
        let mut script = vec![(0, Do::Dial(0, 1))];
        let mut times = times;
        times.sort_unstable();
        script.extend(times.iter().zip(0..).map(|(at, number)| (open + at, Do::Send(0, 1, number))));
        script.extend(pauses.iter().map(|(at, period)| (open + at, Do::Pause(1, open + at + period))));
        script.extend(faults.iter().map(|(at, kind)| {
            let slow = |time: Option<u64>| NetworkFault::Slow { nodes: vec![1], service_time: time.map(Duration::from_micros) };
            (open + at, Do::Fault(match kind {
                0 => NetworkFault::Partition(vec![vec![0]]),
                1 => NetworkFault::OneWay(vec![0], vec![1]),
                2 => slow(Some(700)),
                3 => slow(Some(8_000)),
                4 => slow(None),
                _ => NetworkFault::Heal,
            }))
        }));
        script.push((open + 2000, Do::Fault(NetworkFault::Heal)));
        let log = Run::single(&Network { link, ..Network::default() }, 2, script).until(120_000);
        // A dial whose SYNs were all lost, or whose SYN-ACK came too late, has nothing to send over.
        let opened_at = log.get(&0).and_then(|log| log.iter().find(|(_, told)| matches!(told, Told::Up(..)))).map(|(at, _)| *at);
        prop_assume!(opened_at.is_some_and(|at| at < open * 1_000_000));
        let arrived: Vec<(u64, u32)> =
            log[&1].iter().filter_map(|(at, told)| if let Told::Frame(0, number) = told { Some((*at, *number)) } else { None }).collect();
        prop_assert!(arrived.is_sorted());
        // A stream whose every attempt fails for a minute is reset; what had arrived until then has no gap either.
        let reset = log[&1].iter().any(|(_, told)| matches!(told, Told::Down(..)));
        let expected = if reset { arrived.len() } else { times.len() };
        prop_assert_eq!(arrived.iter().map(|(_, number)| *number).collect::<Vec<_>>(), (0..expected as u32).collect::<Vec<_>>());
    }

    #[test]
    fn every_dial_has_one_end_and_every_link_at_most_one(link in link(), script in script(), datagram in any::<bool>()) {
        let service = if datagram { ServiceKind::Datagram } else { ServiceKind::Stream };
        let dials = script.iter().filter(|(_, action)| matches!(action, Do::Dial(..))).count();
        let crashes = script.iter().any(|(_, action)| matches!(action, Do::Crash(_)));
        let log = Run::single(&Network { link, service, ..Network::default() }, 4, script).until(120_000);
        let count = |wanted: fn(&Told) -> bool| log.values().flatten().filter(|(_, told)| wanted(told)).count();
        let ups = count(|told| matches!(told, Told::Up(..)));
        let initiated = count(|told| matches!(told, Told::Up(_, Role::Initiator)));
        let downs = count(|told| matches!(told, Told::Down(..)));
        prop_assert!(initiated <= dials);
        prop_assert!(downs <= ups + (dials - initiated), "each link and each failed dial ends once");
        if !crashes {
            prop_assert!(initiated + downs >= dials);
        }
    }

    #[test]
    fn worlds_that_exchange_at_tick_boundaries_are_one(link in link(), script in script(), datagram in any::<bool>()) {
        let service = if datagram { ServiceKind::Datagram } else { ServiceKind::Stream };
        let network = Network { link, service, segments: vec![Selection::All], ..Network::default() };
        let run = |owner: &[u16]| {
            let mut run = Run::new(&network, owner, script.clone());
            run.run(20_000);
            let sums = (run.digest(), run.delivered());
            (run.until(90_000), sums)
        };
        let one = run(&[0, 0, 0, 0]);
        prop_assert_eq!(&run(&[0, 1, 0, 1]), &one);
        prop_assert_eq!(&run(&[2, 0, 1, 3]), &one);
    }
}
