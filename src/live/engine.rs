//! The loop of a world in wall time: it sleeps until a timer is due or something arrives, and runs one tick.
//!
//! The engine is a resource of the world that it moves. A program of its own gives it a thread ([`run`]); a Bevy program that has a loop
//! already calls [`turn`] in it.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bevy_ecs::prelude::*;
use tokio::sync::watch;

use super::clock::WallClock;
use super::event::MeshEvent;
use super::events::Events;
use super::observe::TickTimes;
use super::sockets::{Event, Sockets};
use super::store::{Keeping, Store};
use crate::gate::{self, Arrival, Input, Output};
use crate::kernel::{Instant, next_due};

/// A timer that is overdue by so much was held up by a process that stood still: its node must not make up for what it missed.
const STANDSTILL: Duration = Duration::from_millis(500);
/// Most ticks in a row without a look at what has arrived.
const BURST: usize = 16;
/// Most events taken in before a tick.
const MAX_ARRIVALS: usize = 4096;

/// Longest wait for what is queued when a world ends.
const CLOSING: Duration = Duration::from_millis(250);

/// Something that the holder of a world wants done in it, between two ticks.
pub type Request = Box<dyn FnOnce(&mut World) + Send>;

/// Notes down what enters the world.
pub trait Recorder: Send + Sync {
    /// A tick at `at` took in `arrivals`, and `outputs` left in it. `world` is how it stands after it.
    fn tick(&mut self, world: &World, at: Instant, arrivals: &[Arrival], outputs: &[Output]);
    /// Whether it can take no more until the world begins anew: a recording is replayed from a beginning.
    fn is_full(&self) -> bool;
    /// The world ends, as it stands.
    fn finish(&mut self, world: &World);
}

/// Makes the world that takes the place of another whose recorder is full, and leaves the engine fit for it; `None` if that cannot be.
pub type Rebuild = Box<dyn FnMut(&mut Engine, &World) -> Option<World> + Send + Sync>;

/// Changes what passes between the world and its sockets: the link model on real links.
pub trait Shaper: Send + Sync {
    /// Takes what has left the world at `now`, and leaves in `outputs` what goes to the sockets now.
    fn outgoing(&mut self, outputs: &mut Vec<Output>, now: Instant);
    /// Takes what has arrived by `now`, and leaves in `arrivals` what enters the world now.
    fn incoming(&mut self, arrivals: &mut Vec<Arrival>, now: Instant);
    /// When it wants to be asked again.
    fn next_due(&self) -> Option<Instant>;
}

/// What moves a world in wall time.
#[derive(Resource)]
pub struct Engine {
    clock: WallClock,
    sockets: Option<Sockets<Request>>,
    events: Mutex<Receiver<Event<Request>>>,
    arrivals: Vec<Arrival>,
    outputs: Vec<Output>,
    recorder: Option<Box<dyn Recorder>>,
    rebuild: Option<Rebuild>,
    shaper: Option<Box<dyn Shaper>>,
    closed: watch::Sender<bool>,
    store: Option<Store>,
    /// Whether the world has had its first turn.
    begun: bool,
    /// When it had its last.
    turned: Instant,
}

/// Whether the loop ends after this turn. Whoever is in the world may set it.
#[derive(Resource, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ended(pub bool);

impl Engine {
    /// An engine for the world behind `sockets`, which tell `events`.
    pub fn new(clock: WallClock, sockets: Sockets<Request>, events: Receiver<Event<Request>>) -> Self {
        Self {
            clock,
            sockets: Some(sockets),
            events: Mutex::new(events),
            arrivals: Vec::new(),
            outputs: Vec::new(),
            recorder: None,
            rebuild: None,
            shaper: None,
            closed: watch::Sender::new(false),
            store: None,
            begun: false,
            turned: Instant::ZERO,
        }
    }

    /// Turns true when the world has been [closed](close). If the thread of the world dies before that, it is closed itself.
    pub fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Notes down from now on what enters the world.
    pub fn record(&mut self, recorder: Box<dyn Recorder>) {
        self.recorder = Some(recorder);
    }

    /// Has the recorder say that `world` ends, and notes down nothing more.
    pub fn end_record(&mut self, world: &World) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.finish(world);
        }
    }

    /// How the world begins anew when its recorder is full.
    pub fn rebuild_with(&mut self, rebuild: Rebuild) {
        self.rebuild = Some(rebuild);
    }

    /// Keeps there from now on what the node's lives shall know of one another.
    pub fn keep_in(&mut self, store: Store) {
        self.store = Some(store);
    }

    /// Where that is kept.
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Puts a link model on the links.
    pub fn shape(&mut self, shaper: Box<dyn Shaper>) {
        self.shaper = Some(shaper);
    }

    /// The sockets.
    pub fn sockets(&mut self) -> Option<&mut Sockets<Request>> {
        self.sockets.as_mut()
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Lets something in with the next tick.
    pub fn enter(&mut self, input: Input) {
        self.arrivals.push(Arrival::new(self.clock.now(), input));
    }

    /// Takes in what has come, without waiting. Returns what is asked of the world.
    fn collect(&mut self) -> Vec<Request> {
        let mut requests = Vec::new();
        let events = self.events.get_mut().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..MAX_ARRIVALS {
            let Ok(event) = events.try_recv() else { break };
            if let Some(request) = take(event, &mut self.arrivals, self.sockets.as_mut()) {
                requests.push(request);
            }
        }
        requests
    }

    /// Waits for `limit` or until something comes.
    ///
    /// # Errors
    /// Nobody is left to tell anything.
    fn wait(&mut self, limit: Option<Duration>) -> Result<Option<Request>, RecvTimeoutError> {
        let events = self.events.get_mut().unwrap_or_else(PoisonError::into_inner);
        let event = match limit {
            Some(limit) => events.recv_timeout(limit),
            None => events.recv().map_err(RecvTimeoutError::from),
        };
        match event {
            Ok(event) => Ok(take(event, &mut self.arrivals, self.sockets.as_mut())),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(RecvTimeoutError::Disconnected),
        }
    }
}

/// Sorts an event into what enters the world and what is asked of it.
fn take(event: Event<Request>, arrivals: &mut Vec<Arrival>, sockets: Option<&mut Sockets<Request>>) -> Option<Request> {
    match event {
        Event::Arrival(arrival) => arrivals.push(arrival),
        Event::Accepted(arrival, wire) => {
            if let Some(sockets) = sockets {
                sockets.accepted(&arrival, wire);
            }
            arrivals.push(arrival);
        }
        Event::Ask(request) => return Some(request),
    }
    None
}

/// Does what is due in `world` by now, and returns when the next is; `None` if nothing is. Never waits, but when the world has [`Ended`]:
/// then it is [closed](close), and nothing is done in it any more.
pub fn turn(world: &mut World) -> Option<Instant> {
    let mut engine = world.get_resource_mut::<Engine>()?;
    // Whoever asks finds a world that has begun.
    let requests = if std::mem::replace(&mut engine.begun, true) { engine.collect() } else { Vec::new() };
    if *engine.closed.borrow() {
        // Whoever asks is told so by the loss of the question.
        return None;
    }
    requests.into_iter().for_each(|request| request(world));
    let due = do_what_is_due(world);
    if world.get_resource::<Ended>() == Some(&Ended(true)) {
        close(world);
        return None;
    }
    due
}

/// Runs a tick if something waits to enter `world`, so that whoever asks finds done what was told before.
pub fn take_in(world: &mut World) {
    if world.get_resource::<Engine>().is_some_and(|engine| !engine.arrivals.is_empty()) {
        do_what_is_due(world);
    }
}

fn do_what_is_due(world: &mut World) -> Option<Instant> {
    world.resource_scope(|world, mut engine: Mut<Engine>| {
        let engine = &mut *engine;
        // What is due next. To find it out takes as long as a part of a tick, so it is asked once for each.
        let mut due = None;
        for _ in 0..BURST {
            let now = engine.clock.now();
            if let Some(shaper) = &mut engine.shaper {
                shaper.incoming(&mut engine.arrivals, now);
            }
            // With arrivals there is a tick now anyway; and who had a turn a moment ago has not stood still.
            if engine.arrivals.is_empty() || now.since(engine.turned) > STANDSTILL {
                due = due.or_else(|| next_due(world));
                if engine.arrivals.is_empty() && due.is_none_or(|due| due > now) {
                    break;
                }
            }
            tick(world, engine, now, due.unwrap_or(now));
            engine.turned = now;
            due = next_due(world);
        }
        if let Some(shaper) = &mut engine.shaper {
            shaper.outgoing(&mut engine.outputs, engine.clock.now());
            if let Some(sockets) = &mut engine.sockets {
                sockets.carry(&mut engine.outputs);
            }
        }
        let shaped = engine.shaper.as_ref().and_then(|shaper| shaper.next_due());
        due.into_iter().chain(shaped).min()
    })
}

fn tick(world: &mut World, engine: &mut Engine, now: Instant, due: Instant) {
    if now.since(due) > STANDSTILL {
        engine.arrivals.insert(0, Arrival::new(now, Input::StoodStill));
    }
    if let Some(sockets) = &mut engine.sockets {
        engine.arrivals.iter().for_each(|arrival| sockets.taken(&arrival.input));
    }
    let begin = engine.clock.now();
    match &mut engine.recorder {
        None => gate::run_tick(world, now, engine.arrivals.drain(..), &mut engine.outputs),
        Some(recorder) => {
            let from = engine.outputs.len();
            gate::run_tick(world, now, engine.arrivals.iter().cloned(), &mut engine.outputs);
            recorder.tick(world, now, &engine.arrivals, &engine.outputs[from..]);
            engine.arrivals.clear();
        }
    }
    keep(world, engine, now);
    if let Some(mut times) = world.get_resource_mut::<TickTimes>() {
        times.observe(engine.clock.now().since(begin));
    }
    if engine.shaper.is_none()
        && let Some(sockets) = &mut engine.sockets
    {
        sockets.carry(&mut engine.outputs);
    }
}

/// Keeps what the tick has left to be kept, before anything of it is sent or told.
fn keep(world: &mut World, engine: &mut Engine, now: Instant) {
    match &mut engine.store {
        Some(store) => {
            store.keep(&mut engine.outputs, now);
            if world.get_resource::<Keeping>() != Some(store.keeping()) {
                if let Some(events) = world.get_resource::<Events>() {
                    events.send(0, MeshEvent::Kept { unsaved: store.keeping().unsaved.clone() });
                }
                world.insert_resource(store.keeping().clone());
            }
        }
        None => engine.outputs.retain(|output| !matches!(output, Output::Persist { .. })),
    }
    if let Some(events) = world.get_resource::<Events>() {
        events.flush(engine.store.as_ref().is_some_and(|store| store.keeping().unsaved.is_none()));
    }
}

/// Lets the world begin anew if its recorder is full.
fn renew(world: &mut World) {
    let is_full = |engine: &Engine| engine.rebuild.is_some() && engine.recorder.as_ref().is_some_and(|recorder| recorder.is_full());
    if !world.get_resource::<Engine>().is_some_and(is_full) {
        return;
    }
    let Some(mut engine) = world.remove_resource::<Engine>() else { return };
    if let Some(mut rebuild) = engine.rebuild.take() {
        match rebuild(&mut engine, world) {
            Some(fresh) => {
                *world = fresh;
                engine.begun = false;
                engine.rebuild = Some(rebuild);
            }
            // It goes on as it is, and unrecorded.
            None => engine.recorder = None,
        }
    }
    world.insert_resource(engine);
}

/// Does what is due, then waits for the next, at most until `limit`. False when the world has [`Ended`], or nobody is left to tell it
/// anything.
pub fn step(world: &mut World, limit: Instant) -> bool {
    let mut due = turn(world).unwrap_or(Instant::NEVER).min(limit);
    let ended = world.get_resource::<Ended>() == Some(&Ended(true));
    if !ended {
        renew(world);
    }
    let Some(mut engine) = world.get_resource_mut::<Engine>().filter(|_| !ended) else { return false };
    let now = engine.now();
    if !engine.arrivals.is_empty() {
        // What a world that has begun anew begins with.
        due = now;
    }
    if due <= now {
        return true;
    }
    match engine.wait((due != Instant::NEVER).then(|| due.since(now))) {
        Ok(Some(request)) => request(world),
        Ok(None) => {}
        Err(_) => return false,
    }
    true
}

/// Moves `world` until it has [`Ended`], or nobody can tell it anything any more. Returns it, with its sockets closed.
pub fn run(mut world: World) -> World {
    while step(&mut world, Instant::NEVER) {}
    close(&mut world);
    world
}

/// Ends the recording of a world, closes its sockets after what they still have to send, and tells nobody anything from then on.
pub fn close(world: &mut World) {
    if world.contains_resource::<Engine>() {
        world.resource_scope(|world, mut engine: Mut<Engine>| engine.end_record(world));
    }
    world.remove_resource::<Events>();
    let Some(mut engine) = world.get_resource_mut::<Engine>() else { return };
    if let Some(sockets) = engine.sockets.take() {
        sockets.close(CLOSING);
    }
    // Whoever hears that the node has ended may begin another with the same store.
    engine.store = None;
    engine.closed.send_replace(true);
}
