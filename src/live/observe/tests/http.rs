//! Real requests over loopback.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Serves the pages, and answers for the world.
async fn serve(mut bench: Bench) -> SocketAddr {
    let (source, mut scrapes) = mpsc::channel::<Scrape>(4);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), source).await.unwrap();
    let address = server.address();
    tokio::spawn(server.serve(std::future::pending()));
    // An app stays on its thread, a world may go.
    let (mut world, now) = (std::mem::take(bench.app.world_mut()), bench.now);
    tokio::spawn(async move {
        while let Some(scrape) = scrapes.recv().await {
            scrape.answer(&mut world, now);
        }
    });
    address
}

async fn request(address: SocketAddr, head: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase(), body.to_owned())
}

async fn json_of(address: SocketAddr, head: &str) -> (u16, Value) {
    let (status, head, body) = request(address, head).await;
    assert!(head.contains("content-type: application/json"), "{head}");
    (status, serde_json::from_str(&body).unwrap())
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_pages_are_served_over_http() {
    let mut bench = Bench::new(2, 20);
    bench.publish(100);
    let (ids, now) = (bench.stats().nodes.into_iter().map(|node| node.id).collect::<Vec<_>>(), bench.now);
    let address = serve(bench).await;
    let (status, head, page) = request(address, "GET /metrics").await;
    assert!(status == 200 && head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(value(&page, "process_threads").is_some_and(|threads| threads >= 1.0), "{page}");
    assert!(value(&page, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 1e6));
    assert!(value(&page, "system_disk_usage").is_some_and(|bytes| bytes > 0.0));
    assert!(value(&page, "system_memory_usage").is_some_and(|percent| percent > 0.0 && percent <= 100.0));

    let (status, health) = json_of(address, "GET /health").await;
    assert_eq!((status, &health["status"], &health["connected"], &health["offline"]), (200, &"ok".into(), &true.into(), &false.into()));
    assert_eq!((&health["peers"], &health["members"], &health["nodes"]), (&2.into(), &1.into(), &2.into()));

    let (status, stats) = json_of(address, "GET /stats").await;
    assert_eq!((status, keys(&stats)), (200, vec!["network", "system", "websocket", "mesh"]));
    let network = &stats["network"];
    let names = ["connected_peers", "messages_sent", "messages_received", "bytes_sent", "bytes_received", "uptime_secs"];
    assert_eq!(keys(network), [&names[..], &["peer_connections"]].concat());
    assert_eq!(names[1..5].iter().map(|name| network[name].as_u64().unwrap()).collect::<Vec<_>>(), [1, 1, 100, 100]);
    assert!((20..=21).contains(&network["uptime_secs"].as_u64().unwrap()), "{network}");
    assert_eq!(keys(&stats["system"]), ["cpu_usage", "memory_usage", "disk_usage", "thread_count"]);
    assert_eq!(keys(&stats["websocket"]), ["active_connections", "total_connections", "messages_sent", "messages_received"]);
    assert_eq!(keys(&stats["mesh"]), ["topics", "refused"]);
    // The first node spoke, so the second has sent nothing over its session with the first.
    let peer = &network["peer_connections"][&ids[1]];
    let fields = ["peer_id", "connected_since", "messages_sent", "messages_received", "bytes_sent", "bytes_received", "connection_type"];
    assert_eq!(keys(peer), [&fields[..], &["latency_ms"]].concat());
    assert_eq!((&peer["peer_id"], &peer["connection_type"]), (&ids[1].clone().into(), &"direct".into()));
    assert_eq!((&peer["messages_sent"], &peer["bytes_sent"], &peer["messages_received"]), (&1.into(), &100.into(), &0.into()));
    let since = peer["connected_since"].as_u64().unwrap();
    assert!((BORN.as_secs()..BORN.as_secs() + now.as_secs_f64() as u64).contains(&since), "{since}");
    assert!(peer["latency_ms"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn other_requests_are_refused_in_json() {
    let address = serve(Bench::new(2, 1)).await;
    for (head, expected) in [("GET /", 404), ("GET /metrics/more", 404), ("POST /metrics", 405), ("DELETE /health", 405)] {
        let (status, body) = json_of(address, head).await;
        assert_eq!(status, expected, "{head}");
        assert!(body["error"].is_string() && body["pages"].is_array(), "{body}");
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"\0\0 nothing like a request \r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_told_to_be_unhealthy() {
    let (source, scrapes) = mpsc::channel(4);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), source).await.unwrap();
    let address = server.address();
    tokio::spawn(server.serve(std::future::pending()));
    let (status, body) = json_of(address, "GET /health").await;
    assert_eq!((status, &body["status"]), (503, &"unresponsive".into()));
    // One that has ended does not keep the asker waiting.
    drop(scrapes);
    for head in ["GET /health", "GET /metrics", "GET /stats"] {
        let (status, body) = json_of(address, head).await;
        assert!(status == 503 && body["error"].as_str().unwrap().contains("did not answer within 2 s"), "{body}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_the_flag_to_change() {
    let (source, _scrapes) = mpsc::channel(1);
    let first = Server::bind("127.0.0.1:0".parse().unwrap(), source.clone()).await.unwrap();
    let Err(error) = Server::bind(first.address(), source).await else { panic!("two at one address") };
    let said = error.to_string();
    assert!(said.contains(&first.address().to_string()) && said.contains("--metrics"), "{said}");
}
