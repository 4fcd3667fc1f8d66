//! What Prometheus makes of a node's metrics. The programs are in Debian's package `prometheus`.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::node::{Node, get, until, until_all_are_well};

/// Starts a program of the package. Without it the test is skipped, but not where every change is judged.
fn start(command: &mut Command) -> Option<Child> {
    let name = command.get_program().to_owned();
    match command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn() {
        Ok(child) => Some(child),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{name:?} cannot be started: {error}");
            // Past the test harness, which shows nothing of a test that passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {name:?} cannot be started ({error}); install the package prometheus");
            None
        }
    }
}

/// Two nodes that know each other.
fn pair(home: &std::path::Path) -> [Node; 2] {
    let a = Node::quiet(home, "a", &[]);
    let b = Node::quiet(home, "b", &["--seed", &a.listening.to_string()]);
    until_all_are_well(&[&a, &b]);
    [a, b]
}

/// A server that is stopped at the end of the test, whatever the end.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn prometheus_reads_two_nodes() {
    let home = tempfile::tempdir().unwrap();
    let nodes = pair(home.path());
    let job = format!("{{job_name: mesh, static_configs: [{{targets: ['{}', '{}']}}]}}", nodes[0].metrics, nodes[1].metrics);
    let config = format!("global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{job}]\n");
    std::fs::write(home.path().join("prometheus.yml"), config).unwrap();
    // Nobody else takes a port that was free a moment ago, or hardly ever.
    let own = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new("prometheus");
    command.current_dir(home.path()).args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=error"]);
    let Some(server) = start(command.arg(format!("--web.listen-address={own}"))) else { return };
    let _server = Server(server);
    for query in [
        "p2p_connected_peers",
        "mesh_peer_rtt_avg_milliseconds",
        "mesh_connected_peers_total",
        "rate(murmuration_sent_bytes_total{protocol=\"membership\"}[1m])",
        "rate(murmuration_peer_received_bytes_total{protocol=\"membership\"}[1m])",
        "up",
    ] {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        // One series of each node.
        until(query, || {
            let page = get(own, &format!("/api/v1/query?query={encoded}")).unwrap_or_default();
            let answer: Option<Value> = page.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
            let series = answer.as_ref().and_then(|answer| answer["data"]["result"].as_array());
            series.is_some_and(|series| series.len() == nodes.len() && series.iter().all(|series| series["value"][1] != "0"))
        });
    }
}

#[test]
fn promtool_accepts_the_page_of_a_node_but_for_the_names_that_are_given() {
    let home = tempfile::tempdir().unwrap();
    let [a, _b] = pair(home.path());
    let answer = get(a.metrics, "/metrics").unwrap();
    let (_, page) = answer.split_once("\r\n\r\n").unwrap();
    let Some(mut child) = start(Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped())) else { return };
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // It complains about style by 3, and by 1 of what it cannot read.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    let ours: Vec<_> = said.lines().filter(|line| !["mesh_", "p2p_", "system_"].iter().any(|given| line.starts_with(given))).collect();
    assert_eq!(ours, [""; 0]);
}
