//! The sockets behind the [gate](crate::gate): TCP links with length-prefixed frames, and hellos by UDP.
//!
//! They live on a thread of their own, in a tokio runtime; the thread that owns the world hands over [`Output`]s and receives
//! [`Event`]s. Everything that waits is bounded:
//!
//! - *Out*: a link whose peer does not read is congested from [`CONGESTED_FROM`] bytes on; the gate then drops what is lazy. At
//!   [`MAX_QUEUED`] bytes it is closed with `Overflow`. A link that is hung up has [`FAREWELL`] to write what is left and [`LINGER`] to have
//!   it seen, and is reset after that.
//! - *In*: a link is not read while [`MAX_UNREAD`] bytes of it wait for the world.
//! - *Strangers*: accepted links that have not proven who they are are few, by address and in all; see [`Admission`]. Each costs at most
//!   one frame of memory, and the handshake's time-out ends it.

mod admission;
mod dial;
mod lan;
mod link;
mod listener;
mod names;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;

pub use admission::Admission;
pub use lan::{LanError, LanSegment};
pub use link::{CONGESTED_FROM, FAREWELL, LINGER, MAX_QUEUED, MAX_UNREAD};
pub use listener::{BindError, bind};
pub use names::Names;

use super::clock::WallClock;
use crate::gate::{Arrival, Input, LinkId, Output};
use crate::wire::{Address, CloseReason};
use link::{Gauge, Queued};

/// What the sockets tell the thread that owns the world.
#[derive(Debug)]
pub enum Event<A> {
    /// Something arrived.
    Arrival(Arrival),
    /// A link was accepted.
    Accepted(Arrival, Wire),
    /// Whoever holds the node asks for something.
    Ask(A),
}

/// One end of a link, as the world's thread holds it.
#[derive(Debug)]
pub struct Wire {
    node: u32,
    queue: mpsc::UnboundedSender<Queued>,
    gauge: Arc<Gauge>,
    task: tokio::task::AbortHandle,
}

/// What sockets have seen and refused.
#[derive(Debug, Default)]
pub struct SocketCounts {
    /// Links accepted.
    pub accepted: AtomicU64,
    /// Links refused because their address, or all strangers together, had too many handshakes in flight.
    pub strangers_refused: AtomicU64,
    /// Times that no link could be accepted, as when there are too many open files.
    pub accept_errors: AtomicU64,
    /// Datagrams on the discovery port that are no hello of a mesh.
    pub foreign_datagrams: AtomicU64,
    /// Hellos beyond what is listened to in a second.
    pub hellos_dropped: AtomicU64,
}

impl SocketCounts {
    /// Each by the name of its metric, with what it says.
    pub fn list(&self) -> [(&'static str, &'static str, u64); 5] {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("murmuration_links_accepted_total", "Links accepted, from whomever.", value(&self.accepted)),
            (
                "murmuration_strangers_refused_total",
                "Links refused because too many handshakes were in flight, from their address or in all.",
                value(&self.strangers_refused),
            ),
            ("murmuration_accept_errors_total", "Times that no link could be accepted.", value(&self.accept_errors)),
            (
                "murmuration_foreign_datagrams_total",
                "Datagrams on the discovery port that are no hello of a mesh.",
                value(&self.foreign_datagrams),
            ),
            (
                "murmuration_hellos_dropped_total",
                "Datagrams on the discovery port beyond what is listened to.",
                value(&self.hellos_dropped),
            ),
        ]
    }

    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The sockets of a world.
#[derive(Debug)]
pub struct Sockets<A> {
    runtime: Option<Runtime>,
    shared: Shared<A>,
    wires: IndexMap<LinkId, Wire, FxBuildHasher>,
    lan: Option<mpsc::UnboundedSender<(u32, crate::wire::Hello)>>,
}

/// What every task of the sockets needs.
#[derive(Debug)]
struct Shared<A> {
    events: Sender<Event<A>>,
    clock: WallClock,
    names: Arc<Names>,
    admission: Arc<Admission>,
    counts: Arc<SocketCounts>,
    accepted: Arc<AtomicU64>,
    connect_timeout: Duration,
}

impl<A> Clone for Shared<A> {
    fn clone(&self) -> Self {
        Self {
            events: self.events.clone(),
            clock: self.clock,
            names: self.names.clone(),
            admission: self.admission.clone(),
            counts: self.counts.clone(),
            accepted: self.accepted.clone(),
            connect_timeout: self.connect_timeout,
        }
    }
}

impl<A> Shared<A> {
    /// Tells the world. Nobody listens any more when it has ended.
    fn tell(&self, input: Input) {
        let _ = self.events.send(Event::Arrival(Arrival::new(self.clock.now(), input)));
    }
}

/// A node that fails to start drops them where nothing may wait.
impl<A> Drop for Sockets<A> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl<A: Send + 'static> Sockets<A> {
    /// Sockets that tell `events`, with names to be resolved.
    ///
    /// # Errors
    /// The runtime cannot be made: the system is out of threads or files.
    pub fn new(events: Sender<Event<A>>, clock: WallClock, names: Names, connect_timeout: Duration) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("sockets").enable_all().build()?;
        let shared = Shared {
            events,
            clock,
            names: Arc::new(names),
            admission: Arc::default(),
            counts: Arc::default(),
            accepted: Arc::default(),
            connect_timeout,
        };
        Ok(Self { runtime: Some(runtime), shared, wires: IndexMap::default(), lan: None })
    }

    /// The runtime that the sockets live on, for servers beside them.
    pub fn runtime(&self) -> Option<Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// What sockets have seen and refused.
    pub fn counts(&self) -> Arc<SocketCounts> {
        self.shared.counts.clone()
    }

    /// Lets `node` accept links of `listener`.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn listen(&mut self, node: u32, listener: std::net::TcpListener) -> io::Result<()> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let _guard = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        runtime.spawn(listener::accept_all(node, listener, self.shared.clone()));
        Ok(())
    }

    /// Says and hears hellos on the local network.
    ///
    /// # Errors
    /// The discovery port cannot be opened.
    pub fn join_lan(&mut self, node: u32, segment: LanSegment) -> Result<(), LanError> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let _guard = runtime.enter();
        let (hellos, queue) = mpsc::unbounded_channel();
        lan::join(node, segment, queue, self.shared.clone())?;
        self.lan = Some(hellos);
        Ok(())
    }

    /// A link was accepted; it is known from now on.
    pub fn accepted(&mut self, arrival: &Arrival, wire: Wire) {
        if let Input::Accepted { link, .. } = arrival.input {
            self.wires.insert(link, wire);
        }
    }

    /// The world has taken `input` in: what it held of the link's room is free again.
    pub fn taken(&mut self, input: &Input) {
        match input {
            Input::Frame { link, bytes } => {
                if let Some(wire) = self.wires.get(link) {
                    wire.gauge.free_inbound(bytes.len());
                }
            }
            Input::Down { link, .. } => {
                self.wires.swap_remove(link);
            }
            _ => {}
        }
    }

    /// Does what has left the world; empties `outputs`. What must enter the world in turn is told as an event.
    pub fn carry(&mut self, outputs: &mut Vec<Output>) {
        for output in outputs.drain(..) {
            match output {
                Output::Dial { node, link, to, .. } => self.dial(node, link, to),
                Output::Proven { link, .. } => {
                    if let Some(wire) = self.wires.get(&link) {
                        wire.gauge.prove();
                    }
                }
                Output::Frame { link, bytes, .. } => self.send(link, bytes),
                Output::HangUp { link, .. } => {
                    // The task writes what is queued, and ends. A dial that has no socket yet ends at once.
                    if let Some(wire) = self.wires.swap_remove(&link) {
                        wire.gauge.end();
                        if wire.queue.send(Queued::End).is_err() {
                            wire.task.abort();
                        }
                    }
                }
                Output::Hello { node, hello, .. } => {
                    if let Some(lan) = &self.lan {
                        let _ = lan.send((node, hello));
                    }
                }
                // The engine has kept them.
                Output::Persist { .. } => {}
                Output::Vanish { node } => self.wires.retain(|_, wire| {
                    if wire.node == node {
                        wire.task.abort();
                    }
                    wire.node != node
                }),
            }
        }
    }

    /// Frames and bytes that wait to be sent over `link`.
    pub fn backlog(&self, link: LinkId) -> (usize, usize) {
        self.wires.get(&link).map_or((0, 0), |wire| wire.gauge.queued())
    }

    /// Ends all links, after what is queued, for at most `limit`.
    pub fn close(mut self, limit: Duration) {
        let Some(runtime) = self.runtime.take() else { return };
        let ending: Vec<_> =
            self.wires.drain(..).filter(|(_, wire)| wire.queue.send(Queued::End).is_ok()).map(|(_, wire)| wire.task).collect();
        let (done, wait) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            while !ending.iter().all(tokio::task::AbortHandle::is_finished) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(limit);
        // A Bevy program may live in a runtime of its own, in which nothing may wait for the end of another.
        match Handle::try_current() {
            Ok(_) => runtime.shutdown_background(),
            Err(_) => runtime.shutdown_timeout(limit),
        }
    }

    fn dial(&mut self, node: u32, link: LinkId, to: Address) {
        let Some(runtime) = &self.runtime else { return };
        let (queue, queued) = mpsc::unbounded_channel();
        let gauge = Arc::new(Gauge::dialled());
        let task = runtime.spawn(dial::dial(link, node, to, queued, gauge.clone(), self.shared.clone()));
        self.wires.insert(link, Wire { node, queue, gauge, task: task.abort_handle() });
    }

    fn send(&mut self, link: LinkId, bytes: Box<[u8]>) {
        let Some(wire) = self.wires.get(&link) else { return };
        let length = bytes.len();
        if !wire.gauge.enqueue(length) {
            wire.task.abort();
            self.wires.swap_remove(&link);
            return self.shared.tell(Input::Down { link, reason: CloseReason::Overflow });
        }
        if wire.gauge.becomes_congested() {
            self.shared.tell(Input::Congested { link, congested: true });
        }
        let _ = wire.queue.send(Queued::Frame(bytes));
    }
}
