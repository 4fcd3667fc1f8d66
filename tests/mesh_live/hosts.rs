//! Several hosts on one network, each in a namespace of its own. Only root may make them.

use std::path::Path;
use std::process::Command;

use crate::node::{Node, until};
use crate::{Running, mesh_live};

const LAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mesh_live/lab/lan.sh");

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

/// Says it past the test harness, which shows nothing of a test that passes.
fn skip(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "SKIPPED: hosts in network namespaces need root, `ip` and bash: {why}");
}
