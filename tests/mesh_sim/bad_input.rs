//! Bad input gets one message that names file, line, column, what is wrong and the nearest right spelling; nothing is written.

use crate::{complaint, content, mesh_sim};

/// Runs a scenario that is bad, with more arguments, and returns the message.
fn refusal(source: &str, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.ron"), source).unwrap();
    let output = mesh_sim(folder.path(), &[&["--scenario", "bad.ron"], arguments].concat());
    let message = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{source} {arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{source}");
    assert_eq!(message.matches("error:").count(), 1, "{message}");
    assert!(!message.chars().any(|c| c.is_control() && c != '\n'), "a terminal shall not obey a scenario: {message:?}");
    assert_eq!(content(folder.path()), ["bad.ron"], "nothing is written");
    message
}

#[test]
fn every_mistake_in_a_file_is_named_where_it_stands() {
    for (source, place, says) in [
        ("(\n  nodse: 5,\n)", "2:3", "`nodse` is not a field of Scenario, which has"),
        ("(\n  nodse: 5,\n)", "2:3", "did you mean `nodes`?"),
        ("(nodes: 5,\n duration: \"10s\",\n network: (link: (los: None)))", "3:19", "did you mean `loss`?"),
        ("(nodes: 5,\n duration: \"10s\", crypto: Reel)", "2:27", "did you mean `Real`?"),
        ("(nodes: 5, duration: \"10s\",\n protocols: (membreship: None))", "2:14", "did you mean `membership`?"),
        ("(nodes: 5, duration: \"10x\")", "1:22", "\"10x\" is not a duration"),
        ("(nodes: 5, duration: 10)", "1:22", "a duration is written \"20s\""),
        ("(nodes: -5, duration: \"10s\")", "1:9", "`-5` is out of range"),
        ("(nodes: 1.5, duration: \"10s\")", "1:9", "a whole number is expected, not 1.5"),
        ("(nodes: 5)", "1:10", "the field `duration` of Scenario is missing"),
        ("(nodes: 5 duration: \"10s\")", "1:11", "a comma or a closing bracket is expected"),
        ("(nodes: 5, duration: \"10s\"", "1:27", "the text ends"),
        ("(nodes: 5, duration: \"10s\") x", "1:29", "the scenario is complete, but `x` stands after it"),
        ("(nodes: 5, duration: \"10s\", /* x", "1:29", "this comment does not end"),
        ("nodes: 5", "1:1", "a scenario begins with `(`"),
        ("", "1:1", "the text ends"),
        ("(nodes: 0, duration: \"10s\")", "1:9", "at least one node"),
        (
            "(nodes: 5, duration: \"10s\", groups: {\"west\": All},\n faults: [(at: \"1s\", do: Crash(Group(\"wets\")))])",
            "2:39",
            "there is no group `wets`; did you mean `west`?",
        ),
        ("(nodes: 5, duration: \"10s\",\n groups: {\"a\": Nodes([])})", "2:16", "names no node"),
        ("(nodes: 5, duration: \"10s\", workload: [\n (rate: -1, size: 8)])", "2:9", "-1 is a rate below zero"),
        (
            "(nodes: 5, duration: \"10s\", // RandomRegular(7)\n protocols: (overlay: Pinned(RandomRegular(6))))",
            "2:30",
            "more links than nodes",
        ),
        ("(nodes: 5, duration: \"10s\", protocols: (\n overlay: Degree(min_degree: 5, max_degree: 6)))", "2:30", "more links than nodes"),
        ("(nodes: 2000000000, duration: \"10s\")", "1:9", "of memory; the machine has"),
        (
            "(nodes: 1000, duration: \"1d\",\n churn: (session: Constant(\"1ms\"), downtime: Constant(\"1ms\")))",
            "2:9",
            "of memory; the machine has",
        ),
        (
            "(nodes: 5, duration: \"10s\", protocols: (\n dissemination: Plumtree(ihave_interval: \"580000000000y\")))",
            "2:42",
            "at most ten years",
        ),
        ("(nodes: 5, duration: \"10s\", network: (\n regions: (matrix: \"/dev/zero\")))", "2:20", "longer than"),
        ("(nodes: 5, duration: \"10s\", groups: {\"a\": Group(\"\\u{1b}]0;x\\u{7}\")})", "1:43", "there is no group"),
        ("(nodes: 5, duration: \"10s\", groups: {\"a\": Range(0, 2),\n \"a\": All})", "2:2", "the group `a` is defined twice"),
        ("(nodes: 5, duration: \"10s\", start: (seeds: 3))", "1:36", "a name is expected before this"),
        ("(nodes: 5, duration: \"10s\", faults: [(at: \"20s\", do: Heal)])", "1:43", "this is after the end"),
    ] {
        let message = refusal(source, &[]);
        assert!(message.starts_with(&format!("error: bad.ron:{place}: ")), "{source}: {message}");
        assert!(message.contains(says), "{source}: {message}");
        let line = place.split(':').next().unwrap();
        assert!(message.contains(&format!("\n {line} | ")), "it shows the line: {message}");
    }
}

#[test]
fn every_mistake_on_the_command_line_is_named_where_it_stands() {
    let good = "(nodes: 5, duration: \"10s\", workload: [(rate: 1, size: 8)])";
    for (arguments, says) in [
        (["--set", "network.link.los=None"], "--set:1:14: `network.link` has no `los`"),
        (["--set", "network.link.los=None"], "did you mean `loss`?"),
        (["--set", "workload.0.rate=-1"], "--set:1:17: -1 is a rate below zero"),
        (["--set", "nodes"], "a path and a value are expected"),
        (["--nodes", "many"], "--nodes:1:1: `many` does not fit `nodes`"),
        (["--nodes", "0"], "--nodes:1:1: there must be at least one node"),
        (["--duration", "10"], "--duration:1:1: `10` does not fit `duration`"),
        (["--seed", "x"], "--seed:1:1: `x` does not fit `seed`"),
        (["--out", "bad.ron"], "bad.ron is a file"),
        (["--out", "bad.ron/deeper"], "bad.ron is a file"),
        // Not even root can write there.
        #[cfg(target_os = "linux")]
        (["--out", "/proc/results"], "/proc/results cannot be written to"),
        (["--threads", "0"], "'--threads <N>'"),
        (["--treads", "1"], "'--threads'"),
    ] {
        let message = refusal(good, &arguments);
        assert!(message.contains(says), "{arguments:?}: {message}");
    }
}

#[test]
fn files_that_are_no_results_are_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.ron"), "(nodes: 2, duration: \"1s\")").unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/events.csv"), "my own").unwrap();
    let run = |out: &str| mesh_sim(folder.path(), &["--scenario", "good", "--no-plots", "--out", out]);
    let output = run("mine");
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("the results would overwrite mine/events.csv"), "{}", complaint(&output));
    assert_eq!(content(&folder.path().join("mine")), ["events.csv"]);
    assert_eq!(std::fs::read(folder.path().join("mine/events.csv")).unwrap(), b"my own");
    assert_eq!([run("new"), run("new")].map(|output| output.status.code()), [Some(0); 2], "a result is replaced by the next");
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_given_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.ron"), "(nodes: 2, duration: \"1s\")").unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_mesh-sim"));
    let output = check.args(["check", "good"]).current_dir(folder.path()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("the standard output cannot be written to"), "{}", complaint(&output));
}

#[test]
fn files_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("long.ron"), vec![b' '; (1 << 20) + 1]).unwrap();
    std::fs::write(folder.path().join("binary.ron"), b"(nodes: 5,\n \xff\xfe)").unwrap();
    for (name, says) in [
        ("long", "longer than 1048576 bytes"),
        ("binary.ron", "binary.ron:2:2: here the text is not UTF-8"),
        (".", "this is a folder"),
        ("partiton", "did you mean `partition`?"),
        ("nowhere/x.ron", "there is no such file"),
    ] {
        for arguments in [&["--scenario", name][..], &["check", name], &["sweep", "--scenario", name, "--vary", "nodes=1"]] {
            let output = mesh_sim(folder.path(), arguments);
            assert_eq!(output.status.code(), Some(2));
            assert!(complaint(&output).contains(says), "{}", complaint(&output));
        }
    }
    assert_eq!(content(folder.path()), ["binary.ron", "long.ron"]);
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("marked.ron"), "\u{feff}(nodes: 5, duration: \"1s\")").unwrap();
    assert_eq!(mesh_sim(folder.path(), &["check", "marked"]).status.code(), Some(0));
}

#[test]
fn other_commands_refuse_bad_input_too() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, says) in [
        (&["verify", "."][..], "it is not the folder of a result"),
        (&["verify", "nowhere"], "it is not the folder of a result"),
        (&["plot", "nowhere"], "nowhere"),
        (&["compare", "nowhere", "."], "nowhere holds no summary.json: it is not the folder of a result"),
        (&["compare", ".", ".", "--tolerance", "latncy_p99=50%"], "did you mean `latency_p99`?"),
        (&["compare", ".", ".", "--tolerance", "reliability=2s"], "`2s` is no bound for `reliability`"),
        (&["sweep", "--scenario", "lossy", "--vary", "nodes=10,x"], "`x` does not fit `nodes`"),
        (&["sweep", "--scenario", "lossy", "--vary", "nods=10"], "did you mean `nodes`?"),
        (&["sweep", "--scenario", "lossy", "--vary", "nodes=40,0"], "at least one node"),
        (&["sweep", "--scenario", "lossy", "--vary", "nodes"], "a path and values are expected"),
        (&["sweep", "--scenario", "lossy", "--vary", "nodes=40", "--metric", "broadcast.rmrr"], "did you mean `broadcast.rmr`?"),
        (&["sweep", "--scenario", "lossy", "--vary", "nodes=40", "--seeds", "0"], "--seeds"),
        (&["lst"], "'list'"),
        (&[], "Usage"),
    ] {
        let output = mesh_sim(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(complaint(&output).contains(says), "{arguments:?}: {}", complaint(&output));
    }
    assert!(content(folder.path()).is_empty());
}
