//! The pages over HTTP: `/metrics`, `/health`, `/stats`.
//!
//! Each connection is one request and lives for a bounded time, and there are only so many at once: who asks slowly, or often, costs
//! the node a bounded amount of memory and keeps others waiting for seconds at most.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use axum::{Json, Router, middleware};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Sleep, sleep, timeout};

use super::machine::Machine;
use super::stats::Stats;
use super::{Scrape, StatsSource, json, page};

/// Most connections at once. Others wait until one ends.
pub const MAX_CONNECTIONS: usize = 64;
/// Longest life of a connection, from the request's first byte to the last of the answer.
pub const REQUEST_TIME: Duration = Duration::from_secs(3);
/// Longest time that the loop of the node may take to answer.
pub const SCRAPE_TIME: Duration = Duration::from_secs(2);

const PAGES: [&str; 3] = ["/metrics", "/health", "/stats"];

/// The address for metrics cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics at {address}: {source}; choose another address with --metrics")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// Serves the pages.
pub struct Server {
    door: Door,
    address: SocketAddr,
    site: Site,
}

/// What the pages are made from.
#[derive(Clone)]
struct Site {
    source: StatsSource,
    machine: Machine,
}

/// The loop of the node did not answer.
struct Unanswered;

impl Server {
    /// Takes `address`, whose port may be 0 for any. Answers nothing yet.
    ///
    /// # Errors
    /// The address is in use, not the machine's, or not allowed.
    pub async fn bind(address: SocketAddr, source: StatsSource) -> Result<Self, BindError> {
        let refused = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let door = Door { listener, room: Arc::new(Semaphore::new(MAX_CONNECTIONS)), patience: REQUEST_TIME };
        Ok(Self { door, address, site: Site { source, machine: Machine::new() } })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`, and then those who have asked already.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) {
        let routes = Router::new()
            .route("/metrics", get(metrics))
            .route("/health", get(health))
            .route("/stats", get(stats))
            .fallback(|| async { refusal(StatusCode::NOT_FOUND, "no such page") })
            .method_not_allowed_fallback(|| async { refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered") })
            .layer(middleware::map_response(one_request_only))
            .with_state(self.site);
        // It never ends by itself: accepting goes on whatever fails.
        let _ = axum::serve(self.door, routes).with_graceful_shutdown(stop).await;
    }
}

impl Site {
    async fn ask(&self) -> Result<Stats, Unanswered> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.source.send(Scrape(answer)).await.map_err(|_| Unanswered)?;
            answered.await.map_err(|_| Unanswered)
        };
        timeout(SCRAPE_TIME, asked).await.unwrap_or(Err(Unanswered))
    }
}

impl IntoResponse for Unanswered {
    fn into_response(self) -> Response {
        let error = format!("the node's loop has ended or did not answer within {} s", SCRAPE_TIME.as_secs());
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unresponsive", "error": error }))).into_response()
    }
}

async fn metrics(State(site): State<Site>) -> Result<Response, Unanswered> {
    let stats = site.ask().await?;
    Ok(match page::render(&stats, &site.machine.read().await) {
        Ok(page) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": error.to_string() }))).into_response(),
    })
}

async fn health(State(site): State<Site>) -> Result<Response, Unanswered> {
    Ok(Json(json::health(&site.ask().await?)).into_response())
}

async fn stats(State(site): State<Site>) -> Result<Response, Unanswered> {
    let stats = site.ask().await?;
    Ok(Json(json::statistics(&stats, &site.machine.read().await)).into_response())
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error, "pages": PAGES }))).into_response()
}

/// A connection that is kept for later is one that another cannot have.
async fn one_request_only(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Lets in as many as there is room for.
struct Door {
    listener: TcpListener,
    room: Arc<Semaphore>,
    patience: Duration,
}

impl Listener for Door {
    type Io = Visitor;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visitor, SocketAddr) {
        let Ok(permit) = self.room.clone().acquire_owned().await else { unreachable!("nobody closes the semaphore") };
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (Visitor { stream, leaves: Box::pin(sleep(self.patience)), _permit: permit }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends in time.
struct Visitor {
    stream: TcpStream,
    leaves: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl Visitor {
    fn stream(&mut self, context: &mut Context) -> io::Result<Pin<&mut TcpStream>> {
        match self.leaves.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(Pin::new(&mut self.stream)),
        }
    }
}

impl AsyncRead for Visitor {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context, buffer: &mut ReadBuf) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream(context)?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_asks_for_nothing_is_sent_away_and_makes_room_for_others() {
        let (source, _receiver) = mpsc::channel(1);
        let mut server = Server::bind("127.0.0.1:0".parse().unwrap(), source).await.unwrap();
        (server.door.patience, server.door.room) = (Duration::from_millis(300), Arc::new(Semaphore::new(1)));
        let address = server.address();
        let task = tokio::spawn(server.serve(std::future::pending()));
        let mut silent = TcpStream::connect(address).await.unwrap();
        silent.write_all(b"GET /nothing HT").await.unwrap();
        let mut next = TcpStream::connect(address).await.unwrap();
        next.write_all(b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        // It is closed after the answer, though the asker would have kept it.
        timeout(Duration::from_secs(5), next.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(5), silent.read_to_end(&mut rest)).await.expect("an end in time");
        assert!(rest.is_empty(), "{ended:?} {rest:?}");
        task.abort();
    }
}
