//! What the commands do with good input.

use murmuration::scenario;

use crate::{complaint, content, mesh_sim, said};

const SCENARIOS: [&str; 14] = [
    "asymmetric-partition",
    "broadcast-100k",
    "broadcast-10k",
    "churn",
    "cold-start-from-one-seed",
    "first-contact",
    "flapping-link",
    "full-1k",
    "lossy",
    "mass-failure",
    "partition",
    "sixty-seven",
    "slow-node",
    "wan",
];

#[test]
fn list_names_every_scenario_with_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let output = mesh_sim(folder.path(), &["list"]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    let said = said(&output);
    let names: Vec<&str> = said.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    for name in SCENARIOS {
        assert!(names.contains(&name), "{name}");
    }
    assert!(said.contains("50  1m 30s    50 nodes in 3 regions"), "{said}");
}

#[test]
fn every_scenario_opens_with_a_comment_and_survives_being_written_out() {
    for path in scenario::list() {
        let loaded = scenario::load(path.to_str().unwrap()).unwrap();
        scenario::check(&loaded).unwrap_or_else(|error| panic!("{error}"));
        assert!(loaded.source.starts_with("// ") && loaded.source.contains("// What to look at: "), "{path:?}");
        assert!(!loaded.scenario.about.is_empty() && !loaded.scenario.expect.is_empty(), "{path:?}");
        let written = scenario::to_ron(&loaded.scenario).unwrap();
        let again = scenario::parse(&written, "elsewhere/again.ron".into()).unwrap();
        assert_eq!(again.scenario, loaded.scenario, "{path:?}");
    }
}

#[test]
fn check_finds_scenarios_by_name_and_by_path() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("scenarios")).unwrap();
    std::fs::write(folder.path().join("scenarios/mine.ron"), "(nodes: 3, duration: \"5s\")").unwrap();
    for name in ["mine", "mine.ron", "scenarios/mine.ron", "./scenarios/mine", "partition", "partition.ron"] {
        let output = mesh_sim(folder.path(), &["check", name]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", complaint(&output));
        assert!(said(&output).contains(": fine; "));
    }
    assert_eq!(content(folder.path()), ["scenarios"]);
}

#[test]
fn a_result_says_what_was_run_and_can_be_verified() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--scenario", "first-contact", "--seed", "7", "--duration", "12s", "--set", "workload.0.rate=2", "--no-plots"];
    let output = mesh_sim(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}{}", said(&output), complaint(&output));
    assert!(said(&output).contains("results in output/first-contact-7"));
    let result = folder.path().join("output/first-contact-7");
    let run = scenario::load(result.join("scenario.ron").to_str().unwrap()).unwrap().scenario;
    assert_eq!((run.name.as_str(), run.seed, run.duration.as_secs(), run.workload[0].rate), ("first-contact", 7, 12, 2.0));
    assert!(result.join("summary.json").is_file());
    // Pings over links of 1 ms each way.
    let measured = std::fs::read_to_string(result.join("round_trips.csv")).unwrap();
    assert_eq!(measured, "node,peer,current_ms,min_ms,max_ms,average_ms\n0,1,2.0,2.0,2.0,2.0\n1,0,2.0,2.0,2.0,2.0\n");

    let output = mesh_sim(folder.path(), &["verify", "output/first-contact-7"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", said(&output), complaint(&output));
    assert!(said(&output).starts_with("the same: "));
}

#[test]
fn quiet_says_nothing_and_results_go_where_they_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--scenario", "first-contact", "--duration", "12s", "--no-plots", "--quiet", "--out", "here/it/is"];
    let output = mesh_sim(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    assert_eq!(content(folder.path()), ["here"]);
    assert!(folder.path().join("here/it/is/summary.json").is_file());
}

#[test]
fn results_do_not_overwrite_the_scenario_that_says_what_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let source = "// Mine.\n(nodes: 2, duration: \"2s\")";
    std::fs::write(folder.path().join("scenario.ron"), source).unwrap();
    let output = mesh_sim(folder.path(), &["--scenario", "scenario.ron", "--no-plots", "--out", "."]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(complaint(&output).contains("would overwrite"), "{}", complaint(&output));
    assert_eq!(content(folder.path()), ["scenario.ron"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("scenario.ron")).unwrap(), source);
}

#[test]
fn a_pinned_link_to_a_node_that_was_away_is_whole_again_with_and_without_handshakes() {
    for (handshake, service) in [("()", "Stream"), ("None", "Stream"), ("None", "Datagram")] {
        let folder = tempfile::tempdir().unwrap();
        let source = format!(
            "(nodes: 4, duration: \"40s\", crypto: Modelled, network: (service: {service}, link: (latency: Constant(\"10ms\"))),
              protocols: (handshake: {handshake}, overlay: Pinned(Line), dissemination: Plumtree()),
              faults: [(at: \"10s\", do: Crash(Nodes([1]))), (at: \"11s\", do: Restart(nodes: Nodes([1]))),
                  (at: \"13s\", do: Crash(Nodes([1]))), (at: \"14s\", do: Restart(nodes: Nodes([1]))),
                  (at: \"15s\", do: Crash(Nodes([1]))), (at: \"16s\", do: Restart(nodes: Nodes([1])))],
              workload: [(from: Nodes([3]), rate: 1, size: 100, start: \"25s\", stop: \"38s\")],
              expect: [Reliability(1.0), LatencyMax(\"30ms\")])"
        );
        std::fs::write(folder.path().join("x.ron"), source).unwrap();
        let output = mesh_sim(folder.path(), &["--scenario", "x.ron", "--no-plots", "--out", "r"]);
        assert_eq!(output.status.code(), Some(0), "{handshake} {service}: {}{}", said(&output), complaint(&output));
        let nodes = std::fs::read_to_string(folder.path().join("r/nodes.csv")).unwrap();
        let degrees: Vec<&str> = nodes.lines().skip(1).filter_map(|line| line.split(',').nth(4)).collect();
        assert_eq!(degrees, ["1", "2", "2", "1"], "{handshake} {service}");
    }
}

#[test]
fn a_matrix_of_ones_own_travels_with_the_result() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.csv"), "region,a,b\na,1,20\nb,20,1\n").unwrap();
    let source = "(nodes: 2, duration: \"2s\", network: (regions: (matrix: \"m.csv\")))";
    std::fs::write(folder.path().join("x.ron"), source).unwrap();
    let output = mesh_sim(folder.path(), &["--scenario", "x.ron", "--no-plots", "--out", "result"]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    std::fs::remove_file(folder.path().join("m.csv")).unwrap();
    let output = mesh_sim(folder.path(), &["verify", "result"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", said(&output), complaint(&output));
}

#[test]
fn a_sweep_writes_one_row_for_each_run() {
    let folder = tempfile::tempdir().unwrap();
    let vary = "network.link.latency=Constant(1ms),Uniform(1ms, 3ms)";
    let arguments = ["sweep", "--scenario", "first-contact", "--duration", "12s", "--vary", vary, "--seeds", "2", "--metric", "events"];
    let output = mesh_sim(folder.path(), &[&arguments[..], &["--out", "sweep"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert_eq!(content(&folder.path().join("sweep")), ["sweep.csv", "sweep.png"]);
    let table = std::fs::read_to_string(folder.path().join("sweep/sweep.csv")).unwrap();
    let starts: Vec<&str> = table.lines().map(|line| line.rsplit_once(',').unwrap().0).collect();
    let [one, other] = ["Constant(1ms)", "\"Uniform(1ms, 3ms)\""];
    let rows = [one, other].into_iter().flat_map(|value| [1, 2].map(|seed| format!("{value},{seed},true")));
    let expected: Vec<String> = std::iter::once("network.link.latency,seed,held".to_owned()).chain(rows).collect();
    assert_eq!(starts, expected);
}

#[test]
fn two_results_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let source = "(nodes: 6, duration: \"8s\", workload: [(rate: 2, size: 8)], expect: [Connected])";
    std::fs::write(folder.path().join("tiny.ron"), source).unwrap();
    for seed in ["1", "2"] {
        let output = mesh_sim(folder.path(), &["--scenario", "tiny.ron", "--seed", seed, "--no-plots", "--quiet", "--out", seed]);
        assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    }
    let compare = |arguments: &[&str]| mesh_sim(folder.path(), &[&["compare", "1", "2"], arguments].concat());

    let output = compare(&[]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "figures may differ if no tolerance is given: {}", complaint(&output));
    assert!(text.starts_with("A  1  tiny · 6 nodes · seed 1 · 8 s simulated in "), "{text}");
    assert!(text.contains("\nnot run alike: seed is 1 in A and 2 in B\n") && text.contains("  ≠ "), "{text}");

    let output = compare(&["--tolerance", "frames=100%", "--tolerance", "bytes=0"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(text.lines().last().unwrap().starts_with("  bytes is ") && text.trim_end().ends_with(", and may by 0"), "{text}");

    let output = compare(&["--json", "--tolerance", "bytes=0"]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["folders"][1], &json["b"]["seed"], &json["beyond_tolerance"][0]["name"]), (&"2".into(), &2.into(), &"bytes".into()));

    let output = mesh_sim(folder.path(), &["compare", "1", "1", "--tolerance", "bytes=0"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("one run, to the last event: digest "));
}
