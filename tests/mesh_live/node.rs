//! A node in a process of its own, as a test sees it: its start lines, its log, what it serves over HTTP.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Running, mesh_live};

/// Much longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A node that runs with metrics and a log in JSON.
pub struct Node {
    pub running: Running,
    /// The first digits of its id.
    pub id: String,
    pub listening: SocketAddr,
    pub metrics: SocketAddr,
    log: PathBuf,
}

impl Node {
    /// Starts `mesh-live run` with the data directory `name`, and reads its start lines.
    pub fn start(home: &Path, name: &str, more: &[&str]) -> Self {
        let arguments = ["run", "--data-dir", name, "--log", "json", "--metrics", "127.0.0.1:0"];
        Self::of(mesh_live(home, &[&arguments[..], more].concat()), home.join(format!("{name}.log")))
    }

    /// A node that is alone with whoever it is told of, on any port of the loopback interface.
    pub fn quiet(home: &Path, name: &str, more: &[&str]) -> Self {
        Self::start(home, name, &[&["--bind", "127.0.0.1", "--port", "0", "--no-lan"][..], more].concat())
    }

    /// Starts a command that is, or becomes, such a node. A further life adds to the log of the one before.
    pub fn of(mut command: Command, log: PathBuf) -> Self {
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.stderr(Stdio::from(file));
        let mut running = Running::spawn(command);
        let mut value = |begin: &str| {
            let line = running.line();
            let value = line.strip_prefix(begin).map(str::to_owned);
            value.unwrap_or_else(|| panic!("{begin:?} expected, not {line:?}: {}", fs::read_to_string(&log).unwrap()))
        };
        let id = value("You are: ").rsplit_once('[').unwrap().1.trim_end_matches(']').to_owned();
        let listening = value("Listening on: ").parse().unwrap();
        let metrics = value("Metrics on: http://").trim_end_matches("/metrics").parse().unwrap();
        Self { running, id, listening, metrics, log }
    }

    /// The lines of the log, those of earlier lives included.
    pub fn log(&self) -> Vec<Value> {
        // The last line may not be complete yet.
        fs::read_to_string(&self.log).unwrap().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Whether it has logged `message`, with `reason` if one is given, about the peer whose id begins with `peer`.
    pub fn logged(&self, message: &str, reason: Option<&str>, peer: &str) -> bool {
        let is = |line: &Value| {
            let fields = &line["fields"];
            let about = peer.is_empty() || fields["peer"].as_str().is_some_and(|id| id.starts_with(peer));
            fields["message"] == message && about && reason.is_none_or(|reason| fields["reason"] == reason)
        };
        self.log().iter().any(is)
    }

    /// Whether what it has logged last about this member is that it is suspected.
    pub fn suspects(&self, peer: &str) -> bool {
        let log = self.log();
        let about = log.iter().map(|line| &line["fields"]).filter(|fields| fields["peer"].as_str().is_some_and(|id| id.starts_with(peer)));
        let last = about.filter_map(|fields| fields["message"].as_str()).rfind(|message| message.starts_with("member "));
        last == Some("member suspected")
    }

    /// `GET /health`; nothing if it does not answer.
    pub fn health(&self) -> Option<Value> {
        let page = get(self.metrics, "/health").ok()?;
        serde_json::from_str(page.split_once("\r\n\r\n")?.1).ok()
    }

    /// Whether it has a session at least, and knows so many members, none of which it suspects.
    pub fn is_well(&self, others: &[&str]) -> bool {
        self.health().is_some_and(|health| health["connected"] == true && health["members"] == others.len())
            && others.iter().all(|other| !self.suspects(other))
    }
}

/// The answer to a request, with its head.
pub fn get(server: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Looks until there is something to see, and returns how long that took.
pub fn until(what: &str, mut look: impl FnMut() -> bool) -> Duration {
    let begin = now();
    while !look() {
        assert!(begin.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        pause(PAUSE);
    }
    begin.elapsed()
}

/// Waits until all of these nodes know each other, and no others.
pub fn until_all_are_well(nodes: &[&Node]) {
    for node in nodes {
        let others: Vec<&str> = nodes.iter().map(|other| &*other.id).filter(|id| *id != node.id).collect();
        until(&format!("{} knows {others:?}", node.id), || node.is_well(&others));
    }
}

#[expect(clippy::disallowed_methods, reason = "processes live in wall time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "processes live in wall time")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
