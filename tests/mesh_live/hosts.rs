//! Several hosts on one network, each in a namespace of its own. Only root may make them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::node::{Node, pause, until};
use crate::{Running, mesh_live};

const LAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mesh_live/lab/lan.sh");
const CABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mesh_live/lab/cable.py");

/// Hosts on one bridge; gone at the end of the test, whatever the end.
struct Lan(String);

impl Lan {
    /// Lays it; says why if that cannot be.
    fn lay(name: &str, hosts: usize) -> Result<Self, String> {
        // Of this test alone. Names of interfaces are within the namespaces, so that its length does not matter.
        let lan = Self(format!("mt{}{name}", std::process::id()));
        let laid = lan.script(&["up", &hosts.to_string()]).output().map_err(|error| format!("no bash: {error}"))?;
        if laid.status.success() { Ok(lan) } else { Err(String::from_utf8_lossy(&laid.stderr).trim().to_owned()) }
    }

    fn script(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("bash");
        command.arg(LAN).args(arguments).env("PREFIX", &self.0);
        command
    }

    /// Lays a cable of its own between hosts 1 and 2, which are 10.78.0.1 and 10.78.0.2 there: bad, as `spoilt` says.
    fn cable(&self, spoilt: &str) -> Result<Running, String> {
        Command::new("python3").arg("--version").output().map_err(|error| format!("no python3: {error}"))?;
        let mut cable = Command::new("python3");
        cable.args([CABLE, "600", &format!("{0}-h1:wan0,{0}-h2:wan0,{spoilt}", self.0)]);
        let mut cable = Running::start(cable);
        if cable.line() != "ready" {
            return Err("no TAP devices".to_owned());
        }
        for host in 1..=2 {
            let mut address = Command::new("ip");
            address.args(["addr", "add", &format!("10.78.0.{host}/24"), "dev", "wan0"]);
            assert!(self.on(host, &address).status().is_ok_and(|status| status.success()));
        }
        Ok(cable)
    }

    /// What runs on a host.
    fn on(&self, host: usize, what: &Command) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}-h{host}", self.0)]).arg(what.get_program()).args(what.get_args());
        what.get_current_dir().map(|folder| command.current_dir(folder));
        for (name, value) in what.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// A page of a node's metrics, which only its own host can reach.
    fn get(&self, host: usize, node: &Node, path: &str) -> String {
        let mut ask = Command::new("bash");
        let ask_for = format!(
            "exec 3<>/dev/tcp/{}/{} && printf 'GET {path} HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n' >&3 && cat <&3",
            node.metrics.ip(),
            node.metrics.port()
        );
        ask.args(["-c", &ask_for]);
        String::from_utf8(self.on(host, &ask).output().unwrap().stdout).unwrap()
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let _ = self.script(&["down"]).output();
    }
}

/// Starts a node on a host.
fn start(lan: &Lan, host: usize, home: &Path, more: &[&str]) -> Node {
    let name = format!("h{host}");
    let arguments = ["run", "--data-dir", &name, "--log", "json", "--metrics", "127.0.0.1:0"];
    let command = mesh_live(home, &[&arguments[..], more].concat());
    Node::of(lan.on(host, &command), home.join(format!("{name}.log")))
}

#[test]
fn four_hosts_on_a_network_find_each_other_without_being_told_anything() {
    let lan = match Lan::lay("find", 4) {
        Ok(lan) => lan,
        Err(why) => return skip(&why),
    };
    let home = tempfile::tempdir().unwrap();
    let nodes: Vec<Node> = (1..=4).map(|host| start(&lan, host, home.path(), &[])).collect();
    for (index, node) in nodes.iter().enumerate() {
        let host = index + 1;
        until(&format!("host {host} knows the others"), || lan.get(host, node, "/health").contains("\"members\":3"));
        let metrics = lan.get(host, node, "/metrics");
        let line = metrics.lines().find(|line| line.starts_with("mesh_connected_peers_total{")).unwrap_or_else(|| panic!("{metrics}"));
        assert!(line.contains(&format!("node_ip=\"10.77.0.{host}\"")), "{line}");
    }
}

/// Connects forty times, says nothing, and prints how many of these links are open after a while.
const CROWD: &str = "
    for i in {1..40}; do exec {fd}<>/dev/tcp/10.77.0.1/9000; links+=($fd); done
    sleep 1; open=0
    for fd in ${links[@]}; do read -t 0 -u $fd || open=$((open + 1)); done
    echo $open; read";

#[test]
fn a_crowd_from_one_host_gets_sixteen_places_and_another_host_gets_in() {
    let lan = match Lan::lay("crowd", 3) {
        Ok(lan) => lan,
        Err(why) => return skip(&why),
    };
    let home = tempfile::tempdir().unwrap();
    let _a = start(&lan, 1, home.path(), &["--no-lan"]);
    let mut command = Command::new("bash");
    command.args(["-c", CROWD]);
    let mut command = lan.on(2, &command);
    command.stdin(std::process::Stdio::piped());
    let mut crowd = Running::start(command);
    assert_eq!(crowd.line(), "16");
    let b = start(&lan, 3, home.path(), &["--no-lan", "--seed", "10.77.0.1:9000"]);
    until("the other host is in", || lan.get(3, &b, "/health").contains("\"members\":1"));
}

/// For how long a bad cable is watched.
const WATCHED: Duration = Duration::from_secs(25);

#[test]
fn over_a_slow_and_lossy_cable_nobody_is_suspected_and_nothing_is_lost() {
    let lan = match Lan::lay("bad", 2) {
        Ok(lan) => lan,
        Err(why) => return skip(&why),
    };
    let _cable = match lan.cable("delay=400,jitter=100,loss=2") {
        Ok(cable) => cable,
        Err(why) => return skip(&why),
    };
    let home = tempfile::tempdir().unwrap();
    let a = start(&lan, 1, home.path(), &["--wan", "--bind", "10.78.0.1"]);
    let b = start(&lan, 2, home.path(), &["--wan", "--bind", "10.78.0.2", "--seed", "10.78.0.1:9000"]);
    for (host, node) in [(1, &a), (2, &b)] {
        until(&format!("host {host} knows the other"), || lan.get(host, node, "/health").contains("\"members\":1"));
    }
    pause(WATCHED);
    for (host, node) in [(1, &a), (2, &b)] {
        assert!(lan.get(host, node, "/health").contains("\"members\":1"));
        for complaint in ["member suspected", "member left", "session closed"] {
            assert!(!node.logged(complaint, None, ""), "host {host}: {complaint}: {:#?}", node.log());
        }
    }
    let metrics = lan.get(1, &a, "/metrics");
    let milliseconds = metrics.lines().find_map(|line| line.strip_prefix("p2p_node_ping_latency_ms ")?.parse::<f64>().ok());
    assert!(milliseconds.is_some_and(|round_trip| round_trip > 500.0), "the cable was not in between: {metrics}");
}

#[test]
fn hosts_that_speak_ipv6_only_meet_by_a_seed() {
    let lan = match Lan::lay("six", 3) {
        Ok(lan) => lan,
        Err(why) => return skip(&why),
    };
    let home = tempfile::tempdir().unwrap();
    let seed = ["--no-lan", "--bind", "::", "--seed", "[fd77::1]:9000"];
    let nodes: Vec<Node> = (1..=3).map(|host| start(&lan, host, home.path(), &seed[..if host == 1 { 3 } else { 5 }])).collect();
    for (index, node) in nodes.iter().enumerate() {
        until(&format!("host {} knows the others", index + 1), || lan.get(index + 1, node, "/health").contains("\"members\":2"));
    }
    let metrics = lan.get(2, &nodes[1], "/metrics");
    assert!(metrics.contains("node_ip=\"fd77::2\""), "{metrics}");
}

/// Says it past the test harness, which shows nothing of a test that passes.
fn skip(why: &str) {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: hosts in network namespaces need root, `ip` and bash, cables also python3 and TAP devices: {why}"
    );
}
