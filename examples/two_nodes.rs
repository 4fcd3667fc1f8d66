//! Two nodes in one program: `cargo run --example two_nodes`.

use murmuration::live::{MeshConfig, MeshEvent, MeshNode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let any_port = || MeshConfig { bind_addr: "127.0.0.1:0".parse().expect("an address"), lan: false, ..MeshConfig::default() };
    let alice = MeshNode::start(MeshConfig { nick: Some("alice".into()), ..any_port() }).await?;
    let seeds = vec![alice.local_addr().to_string()];
    let bob = MeshNode::start(MeshConfig { nick: Some("bob".into()), seeds, ..any_port() }).await?;

    let mut events = bob.subscribe();
    let mut spoken = false;
    while let Ok(event) = events.recv().await {
        println!("bob: {event:?}");
        match event {
            MeshEvent::NodeJoined(_) if !spoken => {
                spoken = true;
                alice.broadcast(b"hello, bob".as_slice())?;
            }
            MeshEvent::BroadcastReceived { payload, .. } => {
                println!("bob hears: {}", String::from_utf8_lossy(&payload));
                break;
            }
            _ => {}
        }
    }
    for member in bob.members().await? {
        println!("bob knows {} at {:?}", member.nick.unwrap_or_default(), member.address);
    }
    alice.shutdown().await;
    bob.shutdown().await;
    Ok(())
}
