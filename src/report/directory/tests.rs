use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

use super::super::sample_record::partition;
use super::super::{BroadcastRow, DetectionRow, EdgeRow, LeaveRow, NodeRow, RoundTripRow, Sample, Shade, judge, plot_dir};
use super::*;
use crate::scenario::Expectation;
use crate::scenario::Scenario;
use crate::wire::Protocol;

fn scenario() -> Scenario {
    let minimal: Scenario = serde_json::from_str(r#"{"nodes": 50, "duration": "90s"}"#).unwrap();
    Scenario { expect: vec![Expectation::Reliability(0.1 + 0.2), Expectation::Degree(9, 9)], ..minimal }
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (record, scenario) = (partition(), scenario());
    let verdicts = judge(&scenario, &record);
    write(dir.path(), &record, &verdicts, false).unwrap();
    assert_eq!(read_record(dir.path()).unwrap(), record);
    assert_eq!(read_events(dir.path()).unwrap(), record.events);
    assert_eq!(read_checkpoints(dir.path()).unwrap(), record.checkpoints);
    assert_eq!(read_summary(dir.path()).unwrap(), summary(&record, &verdicts));
}

#[test]
fn the_same_record_gives_the_same_bytes_and_replaces_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("output/partition-7");
    write(&path, &partition(), &[], true).unwrap();
    let first = contents(&path);
    assert!(first.contains_key("graph.png") && !first.keys().any(|name| name.contains("partial")));
    write(&path, &partition(), &[], true).unwrap();
    assert_eq!(contents(&path), first);
    for name in plot::NAMES {
        fs::remove_file(path.join(name)).unwrap();
    }
    plot_dir(&path).unwrap();
    assert_eq!(contents(&path), first);
    write(&path, &RunRecord::default(), &[], false).unwrap();
    assert!(!contents(&path).keys().any(|name| name.ends_with(".png")));
}

#[test]
fn events_carry_exact_seconds() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &partition(), &[], false).unwrap();
    let text = fs::read_to_string(dir.path().join("events.csv")).unwrap();
    assert!(text.starts_with("seconds,nanos,node,kind,peer,detail\n0.000000001,1,0,link_up,1,\n30.000000000,30000000000,,partition,,"));
    assert!(text.contains("\n38.123456789,38123456789,3,suspected,44,phi 8.01\n"));
    assert!(text.ends_with("\n18446744073.709551615,18446744073709551615,,end,,\n"));
}

#[test]
fn the_series_names_its_columns() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &partition(), &[], false).unwrap();
    let text = fs::read_to_string(dir.path().join("series.csv")).unwrap();
    let header = text.lines().next().unwrap();
    assert!(header.starts_with("seconds,up,members_known_mean,members_known_min,members_known_max,complete_views,reachable_views,links,"));
    assert!(header.ends_with("bytes_broadcast,bytes_routing,bytes_admission,bytes_topics,bytes_handshake,bytes_discovery"));
    assert_eq!(header.split(',').count(), 12 + 2 * Protocol::COUNT);
}

#[test]
fn the_summary_has_the_keys_that_were_promised() {
    let dir = tempfile::tempdir().unwrap();
    for record in [partition(), RunRecord::default()] {
        write(dir.path(), &record, &judge(&scenario(), &record), false).unwrap();
        let text = fs::read(dir.path().join("summary.json")).unwrap();
        let value: Value = serde_json::from_slice(&text).unwrap();
        let expected = "scenario seed nodes simulated_seconds wall_seconds events events_per_second peak_rss_bytes digest version expectations \
                        broadcast membership topology traffic";
        assert_eq!(keys(&value).join(" "), expected.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(keys(&value["expectations"][0]), ["name", "held", "detail"]);
        assert_eq!(keys(&value["broadcast"]), ["sent", "reliability", "rmr", "ldh_mean", "ldh_max", "latency_ms"]);
        assert_eq!(keys(&value["broadcast"]["latency_ms"]), ["p50", "p90", "p99", "max"]);
        assert_eq!(keys(&value["membership"]), ["converged_at_seconds", "false_suspicions", "detection_seconds"]);
        assert_eq!(keys(&value["membership"]["detection_seconds"]), ["p50", "p99"]);
        assert_eq!(keys(&value["topology"]), ["degree_min", "degree_max", "degree_mean", "connected", "diameter"]);
        assert_eq!(keys(&value["traffic"]), ["frames", "bytes", "by_protocol"]);
        let nothing = record == RunRecord::default();
        for (group, key) in [
            ("broadcast", "sent"),
            ("broadcast", "rmr"),
            ("membership", "converged_at_seconds"),
            ("membership", "false_suspicions"),
            ("topology", "connected"),
            ("traffic", "by_protocol"),
        ] {
            assert_eq!(value[group][key].is_null(), nothing, "{group}.{key}");
        }
    }
}

#[test]
fn the_summary_of_the_sample_is_right() {
    let summary = summary(&partition(), &[]);
    assert_eq!(summary.broadcast.sent, Some(160));
    assert_eq!(summary.broadcast.reliability, Some(1.0));
    assert_eq!(summary.membership.converged_at_seconds, Some(53.0));
    assert_eq!(summary.topology.connected, Some(true));
    assert_eq!(summary.traffic.by_protocol.unwrap().len(), Protocol::COUNT);
    assert_eq!(summary.events_per_second, Some(1_284_551.0 / 4.82));
}

#[cfg(unix)]
#[test]
fn one_at_a_time_writes_into_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let other = File::open(dir.path()).unwrap();
    let first = lock(dir.path()).unwrap();
    assert!(matches!(other.try_lock(), Err(fs::TryLockError::WouldBlock)));
    drop(first);
    other.try_lock().unwrap();
}

#[test]
fn failures_name_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let message = read_record(dir.path()).unwrap_err().to_string();
    assert!(message.starts_with("cannot read ") && message.contains("record.json"), "{message}");
    write(dir.path(), &partition(), &[], false).unwrap();
    fs::write(dir.path().join("edges.csv"), "a,b,tree\n1,2,true\n1,x,true\n").unwrap();
    let message = read_record(dir.path()).unwrap_err().to_string();
    assert!(message.contains("edges.csv is not what a run writes") && message.contains("line: 3"), "{message}");
    fs::write(dir.path().join("edges.csv"), "a,b\n1,2\n").unwrap();
    let message = read_record(dir.path()).unwrap_err().to_string();
    assert!(message.contains("its columns are `a,b`"), "{message}");
    fs::write(dir.path().join("events.csv"), "seconds,nanos,node,kind,peer,detail\n2.000000000,2500000000,3,suspected,5,\n").unwrap();
    let message = read_events(dir.path()).unwrap_err().to_string();
    assert!(message.contains("record 1 is at 2.000000000 seconds and at 2500000000 nanoseconds"), "{message}");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let message = write(&file, &partition(), &[], false).unwrap_err().to_string();
    assert!(message.starts_with(&format!("cannot write {}", file.display())), "{message}");
}

fn number() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("JSON and CSV hold finite numbers", |v| v.is_finite())
}

/// Text with all that could break a table.
fn text() -> impl Strategy<Value = String> {
    "[a-zé,\"'\n\r\\\\ ;0-9.]{0,8}"
}

prop_compose! {
    fn sample()(
        counts in any::<[u32; 7]>(), big in any::<[u64; 2]>(), numbers in (number(), number(), number()),
        frames in any::<[u64; Protocol::COUNT]>(), bytes in any::<[u64; Protocol::COUNT]>(),
    ) -> Sample {
        let [up, complete_views, reachable_views, known_min, known_max, degree_min, degree_max] = counts;
        Sample {
            seconds: numbers.0, known_mean: numbers.1, degree_mean: numbers.2, up, complete_views, reachable_views, known_min, known_max,
            degree_min, degree_max, suspected: big[0], links: big[1], frames: frames.map(|n| n >> 8).to_vec(), bytes: bytes.map(|n| n >> 8).to_vec(),
        }
    }
}

prop_compose! {
    fn broadcast()(counts in any::<[u32; 5]>(), big in any::<[u64; 2]>(), ldh in any::<u16>(), numbers in vec(number(), 4)) -> BroadcastRow {
        let [origin, size, expected, reached, delivered] = counts;
        BroadcastRow {
            origin, size, expected, reached, delivered, sequence: big[0], payloads: big[1], ldh, sent: numbers[0], rmr: numbers[1],
            latency_mean_ms: numbers[2], latency_max_ms: numbers[3],
        }
    }
}

prop_compose! {
    fn event()(nanos in any::<u64>(), node in any::<Option<u32>>(), kind in text(), peer in any::<Option<u32>>(), detail in text()) -> EventRow {
        EventRow { nanos, node, kind, peer, detail }
    }
}

prop_compose! {
    fn small_rows()(
        nodes in vec((any::<[u32; 3]>(), text(), text(), any::<bool>()), 0..4),
        edges in vec(any::<(u32, u32, bool)>(), 0..4),
        round_trips in vec((any::<(u32, u32)>(), [number(), number(), number(), number()]), 0..4),
        shades in vec((number(), number(), text()), 0..4),
        detections in vec((any::<(u32, u32)>(), number(), number()), 0..4),
        leaves in vec((any::<[u32; 3]>(), number(), number()), 0..4),
        checkpoints in vec((any::<u64>(), "[0-9a-f]{1,32}"), 0..4),
    ) -> RunRecord {
        RunRecord {
            nodes: nodes.into_iter().map(|([node, degree, known], id, region, up)| NodeRow { node, id, region, up, degree, known }).collect(),
            edges: edges.into_iter().map(|(a, b, tree)| EdgeRow { a, b, tree }).collect(),
            round_trips: round_trips
                .into_iter()
                .map(|((node, peer), [current_ms, min_ms, max_ms, average_ms])| RoundTripRow { node, peer, current_ms, min_ms, max_ms, average_ms })
                .collect(),
            shades: shades.into_iter().map(|(from, to, label)| Shade { from, to, label }).collect(),
            detections: detections
                .into_iter()
                .map(|((observer, target), since, seconds)| DetectionRow { observer, target, since, seconds })
                .collect(),
            leaves: leaves
                .into_iter()
                .map(|([node, expected, reported], at, seconds_max)| LeaveRow { node, at, expected, reported, seconds_max })
                .collect(),
            checkpoints: checkpoints.into_iter().map(|(nanos, digest)| Checkpoint { nanos, digest }).collect(),
            ..RunRecord::default()
        }
    }
}

prop_compose! {
    fn any_record()(
        rows in small_rows(), samples in vec(sample(), 0..4), broadcasts in vec(broadcast(), 0..4), events in vec(event(), 0..5),
        latency in option::of([number(), number(), number(), number()]), counts in any::<[u64; 6]>(), names in [text(), text(), text()],
        refusals in btree_map(text(), any::<u64>(), 0..3), heals in vec(number(), 0..3), fault_times in vec(number(), 0..3),
        numbers in [number(), number(), number()], rss in any::<Option<u64>>(),
    ) -> RunRecord {
        let [scenario, about, digest] = names;
        let [seed, events_dropped, missed_detections, false_suspicions, duplicate_deliveries, ticks] = counts;
        RunRecord {
            meta: Meta {
                scenario, about, digest, seed, events: ticks, simulated_seconds: numbers[0], wall_seconds: numbers[1], peak_rss_bytes: rss,
                ..Meta::default()
            },
            samples, broadcasts, events, events_dropped, missed_detections, false_suspicions, duplicate_deliveries, refusals, heals,
            fault_times, started_at: numbers[2],
            latency: latency.map(|[p50, p90, p99, max]| LatencySummary { p50, p90, p99, max }),
            ..rows
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_record_survives_the_directory(record in any_record()) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &record, &[], false).unwrap();
        prop_assert_eq!(read_record(dir.path()).unwrap(), record);
    }
}
