//! The node itself, from its start to its end.

use murmuration::live::MeshConfig;
use murmuration::live::data_dir::DataDir;
use murmuration::live::settings::Settings;

use crate::id::node_id;
use crate::say;

/// Runs a node until the process is interrupted or told to end. The data directory is the node's for as long.
pub fn start(config: MeshConfig, settings: &Settings, dir: DataDir) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the node cannot start: {error}"))?;
    runtime.block_on(async {
        // Heard from here on: whoever reads the first line may end the node.
        let end = end().map_err(|error| format!("the node cannot hear that it shall end: {error}"))?;
        tracing::debug!(data_dir = %dir.path().display(), wan_mode = settings.wan_mode, "starting");
        start_lines(&config).iter().for_each(|line| say(line));
        end.await;
        Ok(())
    })
}

/// What a node says when it has started: who it is, where it listens, and whether anyone can join.
fn start_lines(config: &MeshConfig) -> Vec<String> {
    let id = config.keypair_seed.as_ref().map(node_id);
    let short = id.map_or_else(|| "new".to_owned(), |id| id.to_string());
    let nick = config.nick.as_deref().unwrap_or(&short);
    let mut lines = vec![format!("You are: {nick} [{short}]"), format!("Listening on: {}", config.bind_addr)];
    if config.network_key.is_none() {
        lines.push(format!(
            "The network \"{}\" is open: anyone who knows its name can join. To close it, make a key with `mesh-live key network.key`, \
             give it to every member, and start each with `--network-key network.key`.",
            config.network
        ));
    }
    lines
}

/// Ends when the process is interrupted or told to end.
#[cfg(unix)]
fn end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends when the process is interrupted.
#[cfg(not(unix))]
fn end() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
