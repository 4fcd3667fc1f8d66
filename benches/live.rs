//! What nodes on real sockets cost: `cargo bench --bench live`.
//!
//! It prints figures and asserts nothing: machines differ, and are shared. Nodes talk for half a minute before anything is measured: one
//! message a second shapes the tree of broadcasts, and until it stands some of them wait for a graft, which takes half a second.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use murmuration::live::swarm::{Swarm, SwarmConfig};
use murmuration::live::{MeshConfig, MeshEvent, MeshNode};
use tokio::time::{sleep, timeout};

const NODES: u32 = 10;
/// Time that each measurement takes.
const WINDOW: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(30);
/// Time in which the tree of broadcasts takes shape.
const WARM_UP: Duration = Duration::from_secs(30);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        first_session().await;
        for size in [64, 1024] {
            latency(size, 50.0).await;
            throughput(size).await;
        }
        idle().await;
    });
}

#[expect(clippy::disallowed_methods, reason = "a bench measures wall time")]
fn now() -> Instant {
    Instant::now()
}

async fn started() -> Swarm {
    let swarm = Swarm::start(SwarmConfig { nodes: NODES, mesh: MeshConfig::default(), load: None, metrics: None }).expect("a swarm starts");
    let mut events = swarm.subscribe();
    let mut joined = 0;
    while joined < NODES * (NODES - 1) {
        if let Ok((_, MeshEvent::NodeJoined(_))) = events.recv().await {
            joined += 1;
        }
    }
    let begin = now();
    for round in 0.. {
        if begin.elapsed() >= WARM_UP {
            break;
        }
        swarm.publish(round % NODES, vec![0; 64]);
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_secs(1)).await;
    swarm
}

async fn first_session() {
    let config = || MeshConfig { bind_addr: "127.0.0.1:0".parse().expect("an address"), lan: false, ..MeshConfig::default() };
    let alice = MeshNode::start(config()).await.expect("a node starts");
    let mut times = Vec::new();
    for _ in 0..20 {
        let begin = now();
        let bob = MeshNode::start(MeshConfig { seeds: vec![alice.local_addr().to_string()], ..config() }).await.expect("a node starts");
        let mut events = bob.subscribe();
        // It may have opened before anybody looked.
        while bob.connections().await.is_ok_and(|all| all.is_empty()) {
            let _ = timeout(Duration::from_millis(1), events.recv()).await;
        }
        times.push(begin.elapsed());
        bob.shutdown().await;
    }
    times.sort();
    println!("first session        {:>10.2?} after the start of a node (median of {})", times[times.len() / 2], times.len());
}

/// Latencies of broadcasts at a moderate rate.
async fn latency(size: usize, rate: f64) {
    let swarm = started().await;
    let mut events = swarm.subscribe();
    let epoch = now();
    let mut latencies: Vec<u64> = Vec::new();
    let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    let mut sent = 0_u32;
    while epoch.elapsed() < WINDOW {
        tokio::select! {
            _ = tick.tick() => {
                let mut payload = vec![0; size];
                payload[..8].copy_from_slice(&(epoch.elapsed().as_nanos() as u64).to_le_bytes());
                swarm.publish(sent % NODES, payload);
                sent += 1;
            }
            event = events.recv() => if let Ok((_, MeshEvent::BroadcastReceived { payload, .. })) = event
                && let Some(stamp) = payload.first_chunk()
            {
                latencies.push(epoch.elapsed().as_nanos() as u64 - u64::from_le_bytes(*stamp));
            }
        }
    }
    latencies.sort_unstable();
    let at =
        |share: f64| latencies.get((latencies.len().saturating_sub(1) as f64 * share) as usize).map(|nanos| Duration::from_nanos(*nanos));
    match (at(0.5), at(0.99)) {
        (Some(median), Some(p99)) => {
            let count = latencies.len();
            println!("latency, {size:>4} bytes  {median:>10.2?} median, {p99:.2?} p99, at {rate} broadcasts/s ({count} deliveries)");
        }
        _ => println!("latency, {size:>4} bytes  nothing was delivered within {WINDOW:?}"),
    }
}

/// Broadcasts per second when as many are under way as the window allows.
async fn throughput(size: usize) {
    const UNDER_WAY: u64 = 64;
    let swarm = started().await;
    let mut events = swarm.subscribe();
    let begin = now();
    let (mut sent, mut delivered) = (0_u64, 0_u64);
    while begin.elapsed() < WINDOW {
        while sent * u64::from(NODES - 1) < delivered + UNDER_WAY * u64::from(NODES - 1) {
            swarm.publish((sent % u64::from(NODES)) as u32, vec![1; size]);
            sent += 1;
        }
        match events.recv().await {
            Ok((_, MeshEvent::BroadcastReceived { .. })) => delivered += 1,
            Err(tokio::sync::broadcast::error::RecvError::Lagged(missed)) => delivered += missed,
            _ => {}
        }
    }
    let each = delivered as f64 / f64::from(NODES - 1) / begin.elapsed().as_secs_f64();
    println!(
        "throughput, {size:>4} B  {each:>8.0} broadcasts/s, {:.0} deliveries/s, among {NODES} nodes in one process",
        each * f64::from(NODES - 1)
    );
}

/// Memory and processor time of a node that has three links and nothing to do.
async fn idle() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = |name: &str, seed: Option<&str>| -> (Child, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesh-live"));
        command.args(["run", "--port", "0", "--bind", "127.0.0.1", "--no-lan", "--data-dir"]).arg(folder.path().join(name));
        command.args(seed.map(|seed| format!("--seed={seed}"))).env("RUST_LOG", "warn").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a node starts");
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("a pipe")));
        let address = lines.find_map(|line| line.ok()?.strip_prefix("Listening on: ").map(str::to_owned)).expect("a start line");
        (child, address)
    };
    let (first, seed) = start("first", None);
    let mut children = vec![first];
    children.extend(["second", "third", "fourth"].map(|name| start(name, Some(&seed)).0));
    sleep(Duration::from_secs(10)).await;
    let before: Vec<f64> = children.iter().map(|child| processor_seconds(child.id())).collect();
    sleep(IDLE).await;
    for (child, before) in children.iter().zip(before) {
        let share = (processor_seconds(child.id()) - before) / IDLE.as_secs_f64() * 100.0;
        println!("idle node            {share:>9.2} % of a core, {:.1} MB resident, among 4 nodes", resident_mb(child.id()));
    }
    for mut child in children {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn processor_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // User and system time, in hundredths of a second on Linux.
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_mb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0) / 1000.0
}
