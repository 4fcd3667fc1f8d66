//! The node itself, from its start to its end.

use std::time::Duration;

use murmuration::kernel::Standing;
use murmuration::live::data_dir::{DataDir, KnownPeer};
use murmuration::live::{MeshConfig, MeshEvent, MeshNode, Subscription, since_1970};
use murmuration::wire::Address;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::end::{End, GOODBYE};
use crate::run::Prepared;
use crate::say;

/// The known peers are written down this often, if they have changed.
const KEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Runs a node until the process is interrupted or told to end, or `front` ends, which has the node meanwhile. The data directory is the
/// node's for as long. First says the lines that `begin` makes of the node.
pub fn start(
    Prepared { config, settings, dir }: Prepared,
    begin: impl AsyncFnOnce(&MeshNode) -> Vec<String>,
    front: impl AsyncFnOnce(MeshNode, Subscription) -> Result<(), String>,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the node cannot start: {error}"))?;
    runtime.block_on(async {
        // Heard from here on: whoever reads the first line may end the node.
        let mut end = End::new().map_err(|error| format!("the node cannot hear that it shall end: {error}"))?;
        tracing::debug!(data_dir = %dir.path().display(), wan_mode = settings.wan_mode, "starting");
        let node = MeshNode::start(config).await.map_err(|error| error.to_string())?;
        // Before anything is asked of it: its first tick has much to tell.
        let events = node.subscribe();
        end.watch(node.clone());
        let mut ended = Ok(());
        begin(&node).await.iter().for_each(|line| say(line));
        tracing::info!(node_id = ?node.id(), listening = %node.local_addr(), address = %node.address(), "node started");
        tokio::select! {
            () = end.told() => tracing::info!("told to end: saying goodbye"),
            result = front(node.clone(), events) => ended = result,
            () = keep_peers(&node, &dir) => return node.ended().await.map_err(|error| error.to_string()),
        }
        leave(&node, &dir).await;
        ended
    })
}

/// Says goodbye.
pub async fn leave(node: &MeshNode, dir: &DataDir) {
    note_peers(node, dir).await;
    note_life(node, dir).await;
    if timeout(GOODBYE, node.shutdown()).await.is_err() {
        tracing::warn!("the goodbye took too long");
    }
}

/// Writes down who is known now and then, until the node stops: after a crash the next start finds them.
pub async fn keep_peers(node: &MeshNode, dir: &DataDir) {
    let mut events = node.subscribe();
    let mut changed = false;
    let mut next = tokio::time::interval(KEEP_INTERVAL);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(MeshEvent::Connected { .. } | MeshEvent::NodeJoined(_)) => changed = true,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = next.tick() => {
                if std::mem::take(&mut changed) {
                    note_peers(node, dir).await;
                }
                note_life(node, dir).await;
            }
        }
    }
}

/// Keeps the number of the node's life where it runs ahead of what was kept at its start: the next life must have a later one.
async fn note_life(node: &MeshNode, dir: &DataDir) {
    let Ok(life) = node.incarnation().await else { return };
    if let Err(error) = dir.keep_incarnation(life) {
        tracing::warn!("the number of the node's life is not kept, others may take its next life for an earlier one: {error}");
    }
}

/// Adds those who are members now to those who were known before.
async fn note_peers(node: &MeshNode, dir: &DataDir) {
    let Ok(members) = node.members().await else { return };
    let now = since_1970().as_secs();
    let here = members.iter().filter(|member| member.standing == Standing::Alive).filter_map(|member| match member.address {
        Some(Address::Socket(socket)) => Some(KnownPeer { id: member.node_id, socket, last_seen: now }),
        _ => None,
    });
    let peers: Vec<KnownPeer> = here.chain(dir.known_peers(now)).collect();
    if let Err(error) = dir.keep_peers(&peers) {
        tracing::warn!("the known peers are not kept: {error}");
    }
}

/// What a node says when it has started: who it is, where it listens, and whether anyone can join.
pub async fn start_lines(config: &MeshConfig, node: &MeshNode) -> Vec<String> {
    let short = node.id().to_string();
    let nick = config.nick.as_deref().unwrap_or(&short);
    let mut lines = vec![format!("You are: {nick} [{short}]"), format!("Listening on: {}", node.local_addr())];
    if let Some(address) = node.metrics_addr() {
        lines.push(format!("Metrics on: http://{address}/metrics"));
    }
    // Of a node that has stopped already nothing more is to be said.
    if node.is_by_invitation().await.unwrap_or(config.require_invitation) {
        lines.push(format!("The network \"{}\" is by invitation: whom no member has invited is not let in.", config.network));
    } else if config.network_key.is_none() {
        lines.push(format!(
            "The network \"{}\" is open: anyone who knows its name can join. To close it, make a key with `mesh-live key network.key`, \
             give it to every member, and start each with `--network-key network.key`.",
            config.network
        ));
    }
    if let Some(record) = &config.record {
        lines.push(format!(
            "Recording to {}: what you say stands there in plain text, and what others tell you is open to whoever has your key besides.",
            record.path.display()
        ));
    }
    lines
}
