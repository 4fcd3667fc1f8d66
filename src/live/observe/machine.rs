//! The process and the machine it runs on.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::Serialize;
use sysinfo::{Disks, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

/// Time for which a reading is good (row Q11).
const EVERY: Duration = Duration::from_secs(5);
/// CPU usage is measured from one look to the next: this soon after the first, there is nothing to tell yet.
const SETTLE: Duration = Duration::from_millis(250);
/// Longest wait for a look: a disk that is far away may be silent. Until it answers, the last reading is told.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the operating system says. What it does not say is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MachineStats {
    /// How busy all processors are, in percent.
    pub cpu_percent: f64,
    /// How much of the memory is used, in percent.
    pub memory_percent: f64,
    /// Bytes used on all disks.
    pub disk_bytes: u64,
    /// Threads of this process.
    pub threads: u64,
    /// Resident memory of this process.
    pub resident_bytes: u64,
    /// Processor time that this process has used, in seconds.
    pub cpu_seconds: f64,
    /// When this process started, in seconds of Unix time.
    pub start_unix: u64,
    /// Files and sockets that this process has open.
    pub open_files: u64,
}

/// Reads them, but not more often than they change.
#[derive(Clone)]
pub(super) struct Machine {
    state: Arc<Mutex<State>>,
    last: Arc<std::sync::Mutex<MachineStats>>,
}

struct State {
    system: Option<System>,
    pid: Option<Pid>,
    last: MachineStats,
    /// Until when `last` is good.
    good_until: Instant,
}

impl Machine {
    /// Begins the first look, which the next one measures CPU usage from. Must be called within a runtime.
    pub fn new() -> Self {
        let state = State { system: None, pid: None, last: MachineStats::default(), good_until: Instant::now() };
        let it = Self { state: Arc::new(Mutex::new(state)), last: Arc::default() };
        if let Ok(mut state) = it.state.clone().try_lock_owned() {
            tokio::task::spawn_blocking(move || {
                (state.system, state.pid) = (System::new().ok(), sysinfo::get_current_pid().ok());
                state.look(SETTLE);
            });
        }
        it
    }

    /// What holds now, or did a few seconds ago.
    pub async fn read(&self) -> MachineStats {
        let fresh = async { look(self.state.clone().lock_owned().await).await };
        let kept = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(stats) = timeout(PATIENCE, fresh).await else { return *kept() };
        *kept() = stats;
        stats
    }
}

/// Looks, unless what was seen last is good still. It reads files, and disks may be slow: who gives up waiting does not end it.
async fn look(mut state: OwnedMutexGuard<State>) -> MachineStats {
    if Instant::now() < state.good_until {
        return state.last;
    }
    let look = tokio::task::spawn_blocking(move || {
        state.look(EVERY);
        state.last
    });
    look.await.unwrap_or_default()
}

impl State {
    /// Looks. What it sees is good for so long.
    fn look(&mut self, good_for: Duration) {
        let mut stats = MachineStats { disk_bytes: disk_bytes(), threads: threads(), ..MachineStats::default() };
        if let Some(system) = &mut self.system {
            system.refresh_cpu_usage();
            system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
            stats.cpu_percent = f64::from(system.global_cpu_usage());
            stats.memory_percent = 100.0 * system.used_memory() as f64 / (system.total_memory() as f64).max(1.0);
            if let Some(pid) = self.pid {
                let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
                system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
                if let Some(process) = system.process(pid) {
                    stats.resident_bytes = process.memory();
                    stats.cpu_seconds = process.accumulated_cpu_time() as f64 / 1e3;
                    stats.start_unix = process.start_time();
                    stats.open_files = process.open_files().unwrap_or(0) as u64;
                }
            }
        }
        self.last = stats;
        self.good_until = Instant::now() + good_for;
    }
}

/// A disk may be mounted at several places, and counts once.
fn disk_bytes() -> u64 {
    let Ok(disks) = Disks::new_with_refreshed_list() else { return 0 };
    let used: BTreeMap<_, _> = disks.iter().map(|disk| (disk.name(), disk.total_space().saturating_sub(disk.available_space()))).collect();
    used.values().sum()
}

/// Linux tells.
fn threads() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
