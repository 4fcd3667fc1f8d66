use super::super::sample_record::partition;
use super::super::{BroadcastRow, DetectionRow, LatencySummary, LeaveRow, NodeRow, Sample};
use super::*;

fn scenario(expect: Vec<Expectation>) -> Scenario {
    let minimal = r#"{"nodes": 50, "duration": "90s"}"#;
    Scenario { expect, ..serde_json::from_str(minimal).unwrap() }
}

fn verdict(expectation: Expectation, record: &RunRecord) -> Verdict {
    let mut verdicts = judge(&scenario(vec![expectation]), record);
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

#[track_caller]
fn held(expectation: Expectation, record: &RunRecord, detail: &str) {
    let verdict = verdict(expectation, record);
    assert!(verdict.held, "{verdict:?}");
    assert_eq!(verdict.detail, detail);
}

#[track_caller]
fn not_held(expectation: Expectation, record: &RunRecord, detail: &str) {
    let verdict = verdict(expectation, record);
    assert!(!verdict.held, "{verdict:?}");
    assert_eq!(verdict.detail, detail);
}

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn known(within: f64, after: Since) -> Expectation {
    Expectation::AllMembersKnown { within: s(within), after }
}

#[test]
fn all_members_known() {
    let mut record = partition();
    held(known(5.0, Since::Start), &record, "every view was whole 4.75 s after the start at 0 s; at most 5s asked for");
    held(known(3.0, Since::Heal), &record, "every view was whole 3 s after the last heal at 50 s; at most 3s asked for");
    not_held(known(2.5, Since::Heal), &record, "every view was whole 3 s after the last heal at 50 s; at most 2s 500ms asked for");
    held(known(3.0, Since::LastFault), &record, "every view was whole 3 s after the last fault at 50 s; at most 3s asked for");
    let late = RunRecord { started_at: 4.75, ..record.clone() };
    held(known(1.0, Since::Start), &late, "every view was whole 250 ms after the start at 4.75 s; at most 1s asked for");
    let mut split = record.clone();
    split
        .samples
        .iter_mut()
        .filter(|sample| sample.seconds > 50.0)
        .for_each(|sample| (sample.complete_views, sample.reachable_views) = (20, 25));
    not_held(
        known(9.0, Since::LastFault),
        &split,
        "never whole after the last fault at 50 s: at 90 s 0 of 50 views were; at most 9s asked for",
    );
    record.samples.retain(|sample| sample.seconds < 52.0);
    not_held(
        known(9.0, Since::Heal),
        &record,
        "never whole after the last heal at 50 s: at 51.8 s 0 of 50 views were; at most 9s asked for",
    );
    record.samples.retain(|sample| sample.seconds <= 50.0);
    not_held(known(9.0, Since::Heal), &record, "not measured: no sample was taken after the last heal at 50 s");
    record.heals.clear();
    not_held(known(9.0, Since::Heal), &record, "not measured: nothing was healed");
    record.fault_times.clear();
    not_held(known(9.0, Since::LastFault), &record, "not measured: there was no fault");
    record.meta.membership = false;
    not_held(known(9.0, Since::Start), &record, "not measured: membership did not run");
}

#[test]
fn a_view_from_before_the_fault_does_not_count() {
    let whole = |seconds, up, complete_views| Sample { seconds, up, complete_views, reachable_views: complete_views, ..Sample::default() };
    let mut record = RunRecord { fault_times: vec![10.0], ..RunRecord::default() };
    record.meta.membership = true;
    record.samples = vec![whole(10.0, 5, 5), whole(11.0, 3, 0), whole(12.0, 0, 0), whole(20.0, 3, 3)];
    not_held(known(5.0, Since::LastFault), &record, "every view was whole 10 s after the last fault at 10 s; at most 5s asked for");
}

#[test]
fn reliability() {
    let mut record = partition();
    held(Expectation::Reliability(1.0), &record, "7,840 of 7,840 reached (100 %); at least 100 % asked for");
    record.broadcasts[3].reached -= 1;
    let short = "7,839 of 7,840 reached (99.9872 %); at least 100 % asked for; 1 broadcast did not reach all";
    not_held(Expectation::Reliability(1.0), &record, short);
    assert!(verdict(Expectation::Reliability(0.99), &record).held);
    record.broadcasts.iter_mut().for_each(|b| (b.expected, b.reached) = (1, 1));
    not_held(Expectation::Reliability(0.0), &record, "not measured: there was nobody to reach");
    record.broadcasts.clear();
    not_held(Expectation::Reliability(0.0), &record, "not measured: nothing was broadcast");
    record.meta.broadcast = false;
    not_held(Expectation::Reliability(0.0), &record, "not measured: broadcasting did not run");
}

#[test]
fn duplicate_delivery() {
    let mut record = partition();
    held(Expectation::NoDuplicateDelivery, &record, "0 repetitions among 7,840 deliveries; none asked for");
    record.duplicate_deliveries = 1;
    not_held(Expectation::NoDuplicateDelivery, &record, "1 repetition among 7,840 deliveries; none asked for");
    record.duplicate_deliveries = 0;
    record.broadcasts.iter_mut().for_each(|b| b.delivered = 1);
    not_held(Expectation::NoDuplicateDelivery, &record, "not measured: nothing was delivered to anybody else");
}

#[test]
fn false_suspicion() {
    let mut record = partition();
    held(Expectation::NoFalseSuspicion, &record, "0 suspicions of somebody who could be reached; none asked for");
    record.false_suspicions = 2;
    not_held(Expectation::NoFalseSuspicion, &record, "2 suspicions of somebody who could be reached; none asked for");
    record.false_suspicions = 0;
    record.samples.iter_mut().for_each(|sample| sample.known_max = 1);
    not_held(Expectation::NoFalseSuspicion, &record, "not measured: nobody knew of anybody whom to suspect");
    record.meta.detection = false;
    not_held(Expectation::NoFalseSuspicion, &record, "not measured: detection did not run");
}

#[test]
fn detection() {
    let mut record = partition();
    let after = |seconds| DetectionRow { seconds, ..DetectionRow::default() };
    record.detections = (1..=200).map(|i| after(f64::from(i) / 10.0)).collect();
    held(Expectation::DetectedWithin(s(20.0)), &record, "99th percentile 19.8 s over 200 absences; at most 20s asked for");
    not_held(Expectation::DetectedWithin(s(19.7)), &record, "99th percentile 19.8 s over 200 absences; at most 19s 700ms asked for");
    record.missed_detections = 1;
    held(Expectation::DetectedWithin(s(20.0)), &record, "99th percentile 19.9 s over 201 absences, 1 never noticed; at most 20s asked for");
    record.missed_detections = 3;
    let missed = "more than 1 % of 203 absences were missed, 3 never noticed; at most 20s asked for";
    not_held(Expectation::DetectedWithin(s(20.0)), &record, missed);
    record.detections.clear();
    record.missed_detections = 0;
    not_held(Expectation::DetectedWithin(s(20.0)), &record, "not measured: nobody was gone whom another could have missed");
    record.meta.detection = false;
    not_held(Expectation::DetectedWithin(s(20.0)), &record, "not measured: detection did not run");
}

#[test]
fn degrees() {
    let mut record = partition();
    held(Expectation::Degree(1, 4), &record, "1 to 4 links a node at the end; 1 to 4 asked for");
    let outside = "1 to 4 links a node at the end; 1 to 3 asked for; 5 nodes are outside, the first is node 9 with 4";
    let verdict = verdict(Expectation::Degree(1, 3), &record);
    assert!(!verdict.held && verdict.detail.starts_with(&outside[..70]), "{verdict:?}");
    record.nodes.iter_mut().for_each(|node| node.up = false);
    not_held(Expectation::Degree(0, 9), &record, "not measured: no node ran at the end");
}

#[test]
fn connection() {
    let mut record = partition();
    held(Expectation::Connected, &record, "one graph of 49 running nodes; one asked for");
    record.edges.retain(|edge| edge.a != 0);
    not_held(Expectation::Connected, &record, "2 separate parts among 49 running nodes, the largest with 48; one asked for");
    record.nodes.truncate(1);
    not_held(Expectation::Connected, &record, "not measured: fewer than two nodes ran at the end");
}

#[test]
fn a_dead_node_connects_nobody() {
    let node = |node, up| NodeRow { node, up, ..NodeRow::default() };
    let mut record = RunRecord { nodes: vec![node(0, true), node(1, false), node(2, true)], ..RunRecord::default() };
    record.edges = vec![super::super::EdgeRow { a: 0, b: 1, tree: true }, super::super::EdgeRow { a: 1, b: 2, tree: true }];
    not_held(Expectation::Connected, &record, "2 separate parts among 2 running nodes, the largest with 1; one asked for");
}

#[test]
fn redundancy() {
    let broadcast = |rmr, delivered| BroadcastRow { rmr, delivered, expected: 9, reached: 9, ..BroadcastRow::default() };
    let mut record = partition();
    record.broadcasts = vec![broadcast(3.0, 9), broadcast(2.0, 9), broadcast(0.25, 9), broadcast(0.75, 9), broadcast(0.0, 1)];
    held(Expectation::Redundancy(0.5), &record, "mean 0.5 over the last 3 broadcasts; at most 0.5 asked for");
    not_held(Expectation::Redundancy(0.4), &record, "mean 0.5 over the last 3 broadcasts; at most 0.4 asked for");
    record.broadcasts = vec![broadcast(0.0, 1)];
    not_held(Expectation::Redundancy(9.0), &record, "not measured: no broadcast of the second half was delivered to anybody else");
    record.broadcasts.clear();
    not_held(Expectation::Redundancy(9.0), &record, "not measured: nothing was broadcast");
}

#[test]
fn latency() {
    let mut record = partition();
    record.latency = Some(LatencySummary { p50: 20.0, p90: 90.0, p99: 250.0, max: 1200.0 });
    held(Expectation::LatencyP99(s(0.25)), &record, "99th percentile 250 ms; at most 250ms asked for");
    not_held(Expectation::LatencyP99(s(0.2)), &record, "99th percentile 250 ms; at most 200ms asked for");
    held(Expectation::LatencyMax(s(1.2)), &record, "longest 1.2 s; at most 1s 200ms asked for");
    not_held(Expectation::LatencyMax(s(1.0)), &record, "longest 1.2 s; at most 1s asked for");
    record.latency = None;
    not_held(Expectation::LatencyMax(s(1.0)), &record, "not measured: nothing was delivered to anybody else");
}

#[test]
fn leaves() {
    let leave = |expected, reported, seconds_max| LeaveRow { node: 4, at: 1.0, expected, reported, seconds_max };
    let mut record = RunRecord { leaves: vec![leave(9, 9, 0.5), leave(9, 9, 0.25)], ..RunRecord::default() };
    held(Expectation::LeaveReportedWithin(s(0.5)), &record, "the last report of 2 leaves took 500 ms; at most 500ms asked for");
    not_held(Expectation::LeaveReportedWithin(s(0.4)), &record, "the last report of 2 leaves took 500 ms; at most 400ms asked for");
    record.leaves.push(leave(9, 8, 0.1));
    let unreported = "the last report of 3 leaves took 500 ms; at most 500ms asked for; that of node 4 was reported by 8 of 9";
    not_held(Expectation::LeaveReportedWithin(s(0.5)), &record, unreported);
    record.leaves = vec![leave(0, 0, 0.0)];
    not_held(Expectation::LeaveReportedWithin(s(0.5)), &record, "not measured: nobody left whom another could report");
}

#[test]
fn names_are_those_of_the_scenario_in_its_order() {
    let expect = vec![known(5.0, Since::Heal), Expectation::Reliability(1.0), Expectation::NoFalseSuspicion, Expectation::Degree(2, 3)];
    let names: Vec<String> = judge(&scenario(expect), &partition()).into_iter().map(|v| v.name).collect();
    assert_eq!(names, ["all members known within 5s after heal", "reliability >= 1", "no false suspicion", "degree within 2..3"]);
}
