//! How a process hears that it shall end, and does.

use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use murmuration::live::MeshNode;
use ratatui::crossterm::terminal::disable_raw_mode;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Longest goodbye.
pub const GOODBYE: Duration = Duration::from_millis(900);
/// Longest wait for the process to end by itself: whoever writes to a terminal that does not take it, or into a pipe that nobody reads,
/// stands still.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How much longer it may take where it is not one node.
const MANY: Duration = Duration::from_secs(10);

/// Hears that the process shall end, on a thread of its own, which ends it if nothing else does.
#[derive(Clone)]
pub struct End {
    told: watch::Receiver<bool>,
    node: Arc<OnceLock<MeshNode>>,
}

impl End {
    /// Hears it from now on.
    ///
    /// # Errors
    /// The system does not tell.
    #[expect(clippy::disallowed_methods, reason = "the thread that is to be ended may stand still")]
    pub fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ending = {
            let _in_runtime = runtime.enter();
            ending()?
        };
        let (tell, told) = watch::channel(false);
        let node = Arc::new(OnceLock::<MeshNode>::new());
        let watched = Arc::clone(&node);
        let hear = async move {
            ending.await;
            tell.send_replace(true);
            sleep(PATIENCE).await;
            match watched.get() {
                Some(node) => drop(timeout(GOODBYE, node.shutdown()).await),
                // Many end more slowly than one.
                None => sleep(MANY).await,
            }
            // Whoever shows something in a terminal cannot give it back any more.
            let _ = disable_raw_mode();
            std::process::exit(2);
        };
        std::thread::Builder::new().name("end".into()).spawn(move || runtime.block_on(hear))?;
        Ok(Self { told, node })
    }

    /// The node that says goodbye, also if the process must be ended.
    pub fn watch(&self, node: MeshNode) {
        let _ = self.node.set(node);
    }

    /// Ends when the process was told to.
    pub async fn told(&mut self) {
        if self.told.wait_for(|told| *told).await.is_err() {
            std::future::pending().await
        }
    }
}

/// Ends when the process is interrupted or told to end, or its terminal is closed. Who has none may have been told to outlive it.
#[cfg(unix)]
fn ending() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let has_terminal = io::stdin().is_terminal() || io::stdout().is_terminal();
    let mut hangup = if has_terminal { Some(signal(SignalKind::hangup())?) } else { None };
    Ok(async move {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hung_up => {}
        }
    })
}

/// Ends when the process is interrupted.
#[cfg(not(unix))]
fn ending() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
