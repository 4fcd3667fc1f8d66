use std::time::Duration;

use bevy_app::App;

use super::*;
use crate::crypto::{CryptoMode, Identity, Secret};
use crate::kernel::NetworkTag;
use crate::kernel::{KernelPlugin, SessionLimits};
use crate::mesh::handshake::NetworkKey;
use crate::mesh::{MeshPlugins, Protocols};
use crate::wire::{Address, CloseReason, MAX_FRAME};

/// Two worlds with a node each, and what travels between them.
struct Pair {
    worlds: [World; 2],
    now: Instant,
}

fn world(number: u8, seeds: Vec<Address>) -> World {
    let mut app = App::empty();
    app.add_plugins((KernelPlugin::default(), MeshPlugins(Protocols::default()), GatePlugin));
    let mut world = std::mem::take(app.world_mut());
    let spec = NodeSpec {
        ordinal: 0,
        identity: Identity::from_seed([number; 32], CryptoMode::Real),
        network_key: NetworkKey([7; 32]),
        network_tag: NetworkTag::default(),
        address: Address::Socket(([10, 0, 0, number], 9000).into()),
        seeds,
        known: Vec::new(),
        incarnation: 0,
        random: u64::from(number),
        key_random: Secret([number; 32]),
    };
    spawn_node(&mut world, spec, Instant::ZERO);
    world
}

fn inbound() -> Address {
    Address::Inbound(([10, 0, 0, 1], 40_000).into())
}

impl Pair {
    /// The first has the second as its seed.
    fn new() -> Self {
        let seed = Address::Socket(([10, 0, 0, 2], 9000).into());
        Self { worlds: [world(1, vec![seed]), world(2, Vec::new())], now: Instant::ZERO }
    }

    /// Lets both run for so long; what leaves one enters the other a millisecond later. Returns all that has left.
    fn run(&mut self, time: Duration) -> Vec<(usize, Output)> {
        let end = self.now + time;
        let mut log = Vec::new();
        let mut mail: [Vec<Arrival>; 2] = Default::default();
        while self.now < end {
            let arrivals = std::mem::take(&mut mail);
            for (side, arrivals) in arrivals.into_iter().enumerate() {
                let mut out = Vec::new();
                run_tick(&mut self.worlds[side], self.now, arrivals, &mut out);
                let later = self.now + Duration::from_millis(1);
                for output in &out {
                    let (here, there) = match output {
                        Output::Dial { link, to, .. } => (
                            Some(Input::Connected { link: *link, to: *to }),
                            Some(Input::Accepted { node: 0, link: LinkId(link.0 + 1), from: inbound() }),
                        ),
                        Output::Frame { link, bytes, .. } => (None, Some(Input::Frame { link: other(*link), bytes: bytes.clone() })),
                        Output::HangUp { link, .. } => (None, Some(Input::Down { link: other(*link), reason: CloseReason::Reset })),
                        _ => (None, None),
                    };
                    mail[side].extend(here.map(|input| Arrival::new(later, input)));
                    mail[1 - side].extend(there.map(|input| Arrival::new(later, input)));
                }
                log.extend(out.into_iter().map(|output| (side, output)));
            }
            self.now = self.now + Duration::from_millis(1);
        }
        log
    }
}

/// The name that the other side has for a link.
fn other(link: LinkId) -> LinkId {
    LinkId(link.0 ^ 1)
}

#[test]
fn two_worlds_open_a_session_through_their_gates_and_prove_who_they_are() {
    let mut pair = Pair::new();
    let log = pair.run(Duration::from_secs(1));
    let proven: Vec<_> = log.iter().filter(|(_, output)| matches!(output, Output::Proven { .. })).map(|(side, _)| *side).collect();
    assert_eq!(proven, [0, 1]);
}

#[test]
fn the_same_arrivals_in_the_same_ticks_give_the_same_world() {
    let [one, two] = [(); 2].map(|()| Pair::new().run(Duration::from_secs(3)));
    assert!(one.len() > 20);
    assert_eq!(one, two);
}

#[test]
fn beyond_the_limit_of_sessions_links_are_refused() {
    let mut world = world(3, Vec::new());
    world.insert_resource(SessionLimits { max_sessions: 4 });
    let knocks =
        (0..10).map(|number| Arrival::new(Instant::ZERO, Input::Accepted { node: 0, link: LinkId(number * 2 + 1), from: inbound() }));
    let mut out = Vec::new();
    run_tick(&mut world, Instant::ZERO, knocks, &mut out);
    let refused = out.iter().filter(|output| matches!(output, Output::HangUp { reason: CloseReason::TooManySessions, .. })).count();
    // Strangers take half of the places at most.
    assert_eq!((refused, world.resource::<Gate>().refused()), (8, 8));
}

#[test]
fn what_enters_for_links_and_nodes_that_are_not_there_has_no_effect() {
    let mut world = world(4, Vec::new());
    let link = LinkId(99);
    let strays = [
        Input::Connected { link, to: inbound() },
        Input::Down { link, reason: CloseReason::Reset },
        Input::Frame { link, bytes: vec![1; MAX_FRAME].into() },
        Input::Congested { link, congested: true },
        Input::Command { node: 7, command: Command::Shutdown },
        Input::Accepted { node: 7, link, from: inbound() },
    ];
    let mut out = Vec::new();
    run_tick(&mut world, Instant::ZERO, strays.map(|input| Arrival::new(Instant::ZERO, input)), &mut out);
    let ends: Vec<_> = out.iter().filter(|output| matches!(output, Output::HangUp { .. })).collect();
    assert_eq!(ends, [&Output::HangUp { link, reason: CloseReason::ConnectionRefused, at: Instant::ZERO }]);
}

#[test]
fn a_process_that_stood_still_does_not_make_up_for_what_it_missed_however_often_it_does() {
    let mut world = world(5, Vec::new());
    let mut out = Vec::new();
    run_tick(&mut world, Instant::ZERO, [], &mut out);
    for minute in 1..=3 {
        let fired = crate::kernel::timers_fired(&world);
        let now = Instant::ZERO + Duration::from_secs(60 * minute);
        run_tick(&mut world, now, [Arrival::new(now, Input::StoodStill)], &mut out);
        for millis in 1..=50 {
            run_tick(&mut world, now + Duration::from_millis(millis), [], &mut out);
        }
        // Each timer once: heartbeats alone would be 50 by now, one in each tick.
        let fired = crate::kernel::timers_fired(&world) - fired;
        assert!(fired < 20, "{fired} timers of minute {minute} are made up for");
    }
}
