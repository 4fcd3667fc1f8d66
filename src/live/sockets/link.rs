//! One TCP link: frames in, frames out, each with its length before it.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, Semaphore, mpsc};

use super::Shared;
use super::admission::Ticket;
use crate::gate::{Input, LinkId};
use crate::wire::{CloseReason, MAX_FRAME};

/// Queued bytes from which a link counts as congested.
pub const CONGESTED_FROM: usize = 128 << 10;
/// Queued bytes below which it no longer does.
const CONGESTED_TO: usize = 32 << 10;
/// Most bytes that wait for a peer to read; with one frame more the link is closed.
pub const MAX_QUEUED: usize = 1 << 20;
/// Most bytes of a link that wait for the world.
pub const MAX_UNREAD: usize = 256 << 10;
/// The same while the other side is a stranger: one frame.
const MAX_UNREAD_STRANGER: usize = MAX_FRAME;
/// Longest of the frames that open a session; see `crypto/noise`.
const MAX_FIRST_FRAME: usize = 512;
/// Bytes of a length.
const LENGTH: usize = 4;
/// Bytes gathered into one write.
const BATCH: usize = 64 << 10;
/// How long what is queued at the end of a link may take to be written.
pub const FAREWELL: Duration = Duration::from_secs(3);
/// How long the end of a link waits for the other side to see it.
pub const LINGER: Duration = Duration::from_secs(1);

/// What waits to be written.
#[derive(Debug)]
pub enum Queued {
    /// A frame.
    Frame(Box<[u8]>),
    /// Nothing more comes.
    End,
}

/// How full a link is, in both directions; shared by its task and the world's thread.
#[derive(Debug)]
pub struct Gauge {
    frames: AtomicUsize,
    bytes: AtomicUsize,
    congested: AtomicBool,
    /// Room for bytes that wait for the world.
    inbound: Semaphore,
    /// The place among strangers, while the other side is one.
    ticket: Mutex<Option<Ticket>>,
    proven: AtomicBool,
    /// Nothing more is queued.
    ending: Notify,
    /// How many frames of the other side open a session: who dials sends the first and the third, who accepts the second.
    first_frames: usize,
}

impl Gauge {
    fn new(ticket: Option<Ticket>) -> Self {
        Self {
            first_frames: if ticket.is_some() { 2 } else { 1 },
            frames: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            congested: AtomicBool::new(false),
            inbound: Semaphore::new(MAX_UNREAD_STRANGER),
            ticket: Mutex::new(ticket),
            proven: AtomicBool::new(false),
            ending: Notify::new(),
        }
    }

    /// The gauge of a link that is dialled.
    pub fn dialled() -> Self {
        Self::new(None)
    }

    /// The gauge of a link that was accepted from a stranger.
    pub fn accepted(ticket: Ticket) -> Self {
        Self::new(Some(ticket))
    }

    /// The other side is no stranger any more: it makes room for others, and gets more for itself.
    pub fn prove(&self) {
        if !self.proven.swap(true, Ordering::Relaxed) {
            self.inbound.add_permits(MAX_UNREAD - MAX_UNREAD_STRANGER);
            self.ticket.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        }
    }

    /// Frames and bytes that wait to be written.
    pub fn queued(&self) -> (usize, usize) {
        (self.frames.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Counts a frame that is queued; false if there is no room for it.
    pub fn enqueue(&self, length: usize) -> bool {
        if self.bytes.load(Ordering::Relaxed) + length > MAX_QUEUED {
            return false;
        }
        self.bytes.fetch_add(length, Ordering::Relaxed);
        self.frames.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Whether it has just become congested.
    pub fn becomes_congested(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= CONGESTED_FROM && !self.congested.swap(true, Ordering::Relaxed)
    }

    /// Counts frames that were written; true if the link has just ceased to be congested.
    fn dequeue(&self, frames: usize, bytes: usize) -> bool {
        self.frames.fetch_sub(frames, Ordering::Relaxed);
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        before - bytes <= CONGESTED_TO && self.congested.load(Ordering::Relaxed) && self.congested.swap(false, Ordering::Relaxed)
    }

    /// Nothing more is queued. What waits has [`FAREWELL`] to be written.
    pub fn end(&self) {
        self.ending.notify_one();
    }

    /// Ends when what waits had its time.
    async fn overdue(&self) {
        self.ending.notified().await;
        tokio::time::sleep(FAREWELL).await;
    }

    /// The world has taken in `bytes`.
    pub fn free_inbound(&self, bytes: usize) {
        self.inbound.add_permits(bytes);
    }
}

/// How a link ended.
enum End {
    /// The world wanted it.
    Wanted,
    /// The world wanted it, and the other side did not read what was left.
    Overdue,
    /// It broke, or the other side closed it.
    Down(CloseReason),
}

/// Carries the frames of a link until it ends.
pub(super) async fn carry<A>(
    link: LinkId,
    stream: TcpStream,
    queued: mpsc::UnboundedReceiver<Queued>,
    gauge: Arc<Gauge>,
    shared: Shared<A>,
) {
    prepare(&stream);
    let (mut reader, mut writer) = stream.into_split();
    let end = tokio::select! {
        end = read_all(link, &mut reader, &gauge, &shared) => end,
        end = write_all(link, &mut writer, queued, &gauge, &shared) => end,
        () = gauge.overdue() => End::Overdue,
    };
    match end {
        End::Wanted => linger(&mut reader, &mut writer).await,
        End::Overdue => abort(&writer),
        End::Down(reason) => shared.tell(Input::Down { link, reason }),
    }
}

/// No waiting for more to send, and a look now and then whether the other side's machine is still there.
fn prepare(stream: &TcpStream) {
    let keep_alive = TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5)).with_retries(3);
    let socket = SockRef::from(stream);
    if let Err(error) = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keep_alive)) {
        tracing::debug!(%error, "a socket takes no options");
    }
}

async fn read_all<A>(link: LinkId, reader: &mut OwnedReadHalf, gauge: &Gauge, shared: &Shared<A>) -> End {
    let mut reader = tokio::io::BufReader::with_capacity(16 << 10, reader);
    let mut count = 0;
    loop {
        let mut length = [0; LENGTH];
        if let Err(error) = reader.read_exact(&mut length).await {
            return End::Down(lost(&error));
        }
        let length = u32::from_be_bytes(length) as usize;
        let longest = if count < gauge.first_frames { MAX_FIRST_FRAME } else { MAX_FRAME };
        if length == 0 || length > longest {
            return End::Down(CloseReason::FrameTooLong);
        }
        count += 1;
        // Room first, memory second.
        match gauge.inbound.acquire_many(length as u32).await {
            Ok(room) => room.forget(),
            Err(_) => return End::Wanted,
        }
        let mut bytes = vec![0; length];
        if let Err(error) = reader.read_exact(&mut bytes).await {
            return End::Down(lost(&error));
        }
        shared.tell(Input::Frame { link, bytes: bytes.into() });
    }
}

async fn write_all<A>(
    link: LinkId,
    writer: &mut OwnedWriteHalf,
    mut queued: mpsc::UnboundedReceiver<Queued>,
    gauge: &Gauge,
    shared: &Shared<A>,
) -> End {
    let mut batch = Vec::new();
    loop {
        let mut ended = false;
        let (mut frames, mut bytes) = (0, 0);
        let mut next = queued.recv().await;
        loop {
            match next {
                Some(Queued::Frame(frame)) => {
                    batch.extend_from_slice(&(frame.len() as u32).to_be_bytes());
                    batch.extend_from_slice(&frame);
                    frames += 1;
                    bytes += frame.len();
                }
                Some(Queued::End) | None => ended = true,
            }
            if ended || batch.len() >= BATCH {
                break;
            }
            match queued.try_recv() {
                Ok(more) => next = Some(more),
                Err(_) => break,
            }
        }
        let written = writer.write_all(&batch).await;
        batch.clear();
        // What a burst has needed is not kept for an idle link.
        batch.shrink_to(4 << 10);
        if gauge.dequeue(frames, bytes) {
            shared.tell(Input::Congested { link, congested: false });
        }
        match written {
            Err(error) => return End::Down(lost(&error)),
            Ok(()) if ended => return End::Wanted,
            Ok(()) => {}
        }
    }
}

/// Closes in order: what has been written shall arrive, which a reset would prevent. Who does not read it in time is reset.
async fn linger(reader: &mut OwnedReadHalf, writer: &mut OwnedWriteHalf) {
    let drain = async {
        writer.shutdown().await?;
        let mut rest = [0; 4096];
        while reader.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    if tokio::time::timeout(LINGER, drain).await.is_err() {
        abort(writer);
    }
}

/// Has the link reset when it is dropped: the system itself would hold on for minutes to what nobody reads.
fn abort(writer: &OwnedWriteHalf) {
    let stream: &TcpStream = writer.as_ref();
    if let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "a link cannot be reset");
    }
}

/// Why a link is down.
fn lost(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::TimedOut => CloseReason::Unreachable,
        _ => CloseReason::Reset,
    }
}
