//! Bad frames close their session with a reason; the process and all other sessions live on.

use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::crypto::{CryptoMode, Handshake, Identity, Progress, Secrets};
use crate::kernel::{KernelPlugin, Node, NodeState, Role, Session, SessionClosed, SessionPhase, run_tick, spawn_session};
use crate::wire::admission::Belonging;
use crate::wire::{Address, LivenessMessage, MAX_FRAME};

/// An app with one node and one open session, and the channel at the other end of that.
struct Bench {
    app: App,
    session: Entity,
    other: Channel,
    now: u64,
}

/// Both ends of a channel, as a handshake leaves them.
fn channels() -> (Channel, Channel) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let begin = |seed: u8, initiator: bool, rng: &mut ChaCha8Rng| {
        Handshake::begin(&Identity::from_seed([seed; 32], CryptoMode::Real), initiator, &[3; 32], rng).unwrap()
    };
    let (mut a, first) = begin(1, true, &mut rng);
    let (mut b, _) = begin(2, false, &mut rng);
    let Ok(Progress::Reply(second)) = b.read(&first.unwrap(), Belonging::Open) else { panic!("no second message") };
    let Ok(Progress::Finished { secrets: Secrets::Noise(ours), reply: Some(third), .. }) = a.read(&second, Belonging::Open) else {
        panic!("not finished")
    };
    let Ok(Progress::Finished { secrets: Secrets::Noise(theirs), .. }) = b.read(&third, Belonging::Open) else { panic!("not finished") };
    (Channel::Noise(ours), Channel::Noise(theirs))
}

impl Bench {
    fn new(service: Service, phase: SessionPhase) -> Self {
        let mut app = App::empty();
        app.add_plugins(KernelPlugin { quantum: Duration::from_millis(1) });
        let world = app.world_mut();
        let node = world.spawn(Node { ordinal: 0, epoch: 0, state: NodeState::Running }).id();
        let session = spawn_session(&mut world.commands(), node, Role::Responder, Address::Memory(1), Instant::ZERO);
        world.flush();
        let (ours, other) = channels();
        let ours = if phase == SessionPhase::Established { ours } else { Channel::Closed };
        world.entity_mut(session).insert((ours, service));
        world.get_mut::<Session>(session).unwrap().phase = phase;
        Self { app, session, other, now: 0 }
    }

    /// Hands a frame to the session; why it was closed, if it was.
    fn receive(&mut self, frame: Frame) -> Option<CloseReason> {
        // In one tick the frame comes, in the next the session is closed.
        let mut reason = None;
        for frame in [Some(frame), None] {
            self.now += 1_000_000;
            let at = Instant::from_nanos(self.now);
            let (world, session) = (self.app.world_mut(), self.session);
            if let Some(frame) = frame {
                world.write_message(FrameIn { session, at, frame });
            }
            world.init_resource::<Told>();
            run_tick(world, at);
            reason = reason.or(world.resource_mut::<Told>().0.take());
        }
        reason
    }

    fn watching(mut self) -> Self {
        let watch = |mut closed: MessageReader<SessionClosed>, mut told: ResMut<Told>| {
            told.0 = closed.read().last().map(|closed| closed.reason).or(told.0);
        };
        self.app.init_resource::<Told>().add_systems(Tick, watch.in_set(TickSystems::Observe));
        self
    }

    fn refusals(&self) -> Vec<(CloseReason, u64)> {
        self.app.world().resource::<Refusals>().iter().collect()
    }
}

#[derive(Resource, Default)]
struct Told(Option<CloseReason>);

fn open(service: Service) -> Bench {
    Bench::new(service, SessionPhase::Established).watching()
}

fn ping() -> WireMessage {
    LivenessMessage::Ping(1).into()
}

#[test]
fn a_good_frame_leaves_the_session_open() {
    let mut bench = open(Service::Stream);
    let frame = bench.other.seal(ping()).unwrap();
    assert_eq!(bench.receive(frame), None);
    assert_eq!(bench.refusals(), []);
}

#[test]
fn a_frame_that_comes_twice_closes_a_stream_and_is_dropped_from_datagrams() {
    for (service, closed) in [(Service::Stream, Some(CloseReason::Replay)), (Service::Datagram, None)] {
        let mut bench = open(service);
        let frame = bench.other.seal(ping()).unwrap();
        assert_eq!(bench.receive(frame.clone()), None);
        assert_eq!(bench.receive(frame), closed);
        assert_eq!(bench.refusals(), [(CloseReason::Replay, 1)]);
    }
}

#[test]
fn a_frame_that_is_too_long_closes_the_session() {
    let mut bench = open(Service::Stream);
    let mut bytes = vec![0; MAX_FRAME + 1];
    bytes[..2].copy_from_slice(&[wire::frame::VERSION, FrameKind::Transport as u8]);
    let reason = bench.receive(Frame::Bytes(bytes.into()));
    assert_eq!(reason, Some(CloseReason::FrameTooLong));
}

#[test]
fn what_is_sealed_well_and_says_nothing_closes_the_session() {
    let mut bench = open(Service::Stream);
    let Channel::Noise(channel) = &mut bench.other else { panic!("not sealed") };
    let frame = Frame::Bytes(channel.seal(&[250, 1, 2, 3]).unwrap());
    assert_eq!(bench.receive(frame), Some(CloseReason::Undecodable));
}

#[test]
fn a_sealed_frame_before_the_session_is_open_closes_it() {
    let mut bench = Bench::new(Service::Stream, SessionPhase::Handshaking).watching();
    let frame = bench.other.seal(ping()).unwrap();
    assert_eq!(bench.receive(frame), Some(CloseReason::OutOfPhase));
}

#[derive(Resource, Default)]
struct Sent(Vec<Frame>);

#[test]
fn in_the_tick_in_which_a_session_closes_only_farewells_pass() {
    let mut bench = open(Service::Stream);
    bench.app.init_resource::<Sent>().add_systems(
        Tick,
        (|mut frames: ResMut<Messages<FrameOut>>, mut sent: ResMut<Sent>| sent.0.extend(frames.drain().map(|out| out.frame)))
            .in_set(TickSystems::Send),
    );
    let frame = bench.other.seal(ping()).unwrap();
    let (world, session, at) = (bench.app.world_mut(), bench.session, Instant::from_nanos(1_000_000));
    let word: WireMessage = LivenessMessage::Pong(7).into();
    world.write_message(CloseSession { session, reason: CloseReason::PingTimeout, at });
    world.write_message(FrameIn { session, at, frame });
    world.write_message(Outgoing { session, at, message: ping() });
    world.write_message(LastWords { session, message: word.clone() });
    run_tick(world, at);
    let sent = std::mem::take(&mut world.resource_mut::<Sent>().0);
    let heard: Vec<_> = sent.into_iter().map(|frame| bench.other.open(frame, Service::Stream).unwrap()).collect();
    assert_eq!(heard, [word, SessionMessage::Close(CloseReason::PingTimeout).into()]);
    assert_eq!(bench.refusals(), []);
    assert_eq!(bench.app.world().resource::<Traffic>().received[wire::Protocol::Liveness as usize].frames, 0);
}

proptest! {
    #[test]
    fn arbitrary_bytes_close_the_session_with_a_reason_that_is_counted(bytes in prop::collection::vec(any::<u8>(), 0..200), real in any::<bool>()) {
        let mut bench = open(Service::Stream);
        let mut bytes = bytes;
        if real && bytes.len() >= 2 {
            bytes[..2].copy_from_slice(&[wire::frame::VERSION, FrameKind::Transport as u8]);
        }
        let frame = Frame::Bytes(bytes.into());
        let handshake = matches!(frame.kind(), Ok(FrameKind::Handshake | FrameKind::Refusal));
        let reason = bench.receive(frame);
        // Frames of a handshake are another plugin's.
        prop_assert!(handshake || reason.is_some());
        prop_assert_eq!(bench.refusals().len(), usize::from(!handshake));
    }
}
