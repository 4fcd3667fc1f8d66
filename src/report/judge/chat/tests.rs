use super::super::super::record::{LogsRow, MemberRow, Meta};
use super::super::judge;
use super::*;

/// Node 0 has said something in the lobby and something to node 2, which an adversary can read.
fn record() -> RunRecord {
    let text = |said, name: &str, to| TextRow { said, name: name.into(), to, expected: 2, delivered: 2, ..TextRow::default() };
    let reading = |text, reader, seconds| ReadingRow { text, reader, seconds };
    let logs = |node| LogsRow { node, topic: "lobby".into(), entries: 3, digest: "ab".into() };
    let member = |node| MemberRow { node, member: node < 3, listed_by: if node < 3 { 2 } else { 0 }, ..MemberRow::default() };
    RunRecord {
        meta: Meta { chat: true, ..Meta::default() },
        texts: vec![text(1.0, "all", None), TextRow { recorder: true, revoked: true, ..text(2.0, "two", Some(2)) }],
        readings: vec![reading(0, 1, 1.5), reading(0, 2, 4.0), reading(1, 2, 2.5)],
        members: (0..4).map(member).collect(),
        logs: (0..3).map(logs).collect(),
        heals: vec![3.5],
        ..RunRecord::default()
    }
}

#[track_caller]
fn says(expectation: Expectation, record: &RunRecord, held: bool, detail: &str) {
    let minimal = r#"{"nodes": 4, "duration": "90s"}"#;
    let scenario = Scenario { expect: vec![expectation], ..serde_json::from_str(minimal).unwrap() };
    let verdict = judge(&scenario, record).remove(0);
    assert_eq!((verdict.held, verdict.detail.as_str()), (held, detail), "{}", verdict.name);
}

fn readable(name: &str, by: Vec<u32>, millis: u64, after: Since) -> Expectation {
    Expectation::Readable { what: Texts::Named(name.into()), by: Selection::Nodes(by), within: Duration::from_millis(millis), after }
}

#[test]
fn readable_counts_from_the_saying_or_a_later_event() {
    let record = record();
    let slowest = "2 readings, the slowest after 3 s; at most 3s asked for";
    says(readable("all", vec![0, 1, 2], 3000, Since::Start), &record, true, slowest);
    says(readable("all", vec![2], 2000, Since::Start), &record, false, "1 reading, the slowest after 3 s; at most 2s asked for");
    says(readable("all", vec![2], 500, Since::Heal), &record, true, "1 reading, the slowest after 500 ms; at most 500ms asked for");
    says(readable("all", vec![3], 500, Since::Start), &record, false, "n3 never read the text `all` of n0 at 1 s; at most 500ms asked for");
    says(readable("none", vec![1], 500, Since::Start), &record, false, "not measured: nobody said such a text");
    says(readable("all", vec![0], 500, Since::Start), &record, false, "not measured: there was nobody to read it");
}

#[test]
fn unreadable_looks_at_nodes_and_at_adversaries() {
    let record = record();
    let unreadable = |what, by| Expectation::Unreadable { what, by };
    let nodes = |nodes| Reader::Nodes(Selection::Nodes(nodes));
    let at = Duration::from_secs;
    says(unreadable(Texts::Named("two".into()), nodes(vec![1, 3])), &record, true, "none of 1 text was read; none allowed");
    let read = "1 reading of 1 text, the first of the text `two` of n0 at 2 s by n2 at 2.5 s; none allowed";
    says(unreadable(Texts::SaidAfter(at(2)), nodes(vec![2])), &record, false, read);
    says(unreadable(Texts::SaidBefore(at(2)), Reader::Recorder), &record, true, "none of 1 text was read; none allowed");
    let read = "1 reading of 2 texts, the first of the text `two` of n0 at 2 s by the recorder; none allowed";
    says(unreadable(Texts::SaidAfter(at(0)), Reader::Recorder), &record, false, read);
    says(unreadable(Texts::All, Reader::Revoked), &record, true, "none of 1 text was read; none allowed");
}

#[test]
fn logs_delivery_and_membership_at_the_end() {
    let mut record = record();
    says(Expectation::LogsEqual, &record, true, "3 entries of 1 topic the same at all members; the same asked for");
    says(Expectation::AllTextsDelivered(1.0), &record, true, "4 of 4 (100 %); at least 100 % asked for");
    says(Expectation::NotMembers(Selection::Nodes(vec![3])), &record, true, "1 node is listed by nobody; nobody allowed");
    says(Expectation::NotMembers(Selection::All), &record, false, "n0 is listed by 2 members; nobody allowed");
    record.logs[1].digest = "cd".into();
    record.texts[0].delivered = 1;
    says(Expectation::LogsEqual, &record, false, "2 states of lobby: n0 and 1 more, n1 and 0 more; one asked for");
    let short = "3 of 4 (75 %); at least 80 % asked for; the text `all` of n0 at 1 s has 1 of 2";
    says(Expectation::AllTextsDelivered(0.8), &record, false, short);
    record.meta.chat = false;
    says(Expectation::AllTextsDelivered(1.0), &record, false, "not measured: chat did not run");
}

#[test]
fn what_was_refused_is_counted_between_bounds() {
    let record = RunRecord { chat_refusals: [("forged".to_owned(), 7), ("paced".to_owned(), 0)].into(), ..record() };
    let refused = |what: &str, least, most| Expectation::Refused { what: what.into(), least, most };
    says(refused("forged", 7, u64::MAX), &record, true, "7; >= 7 asked for");
    says(refused("forged", 0, 6), &record, false, "7; <= 6 asked for");
    says(refused("paced", 1, 2), &record, false, "0; within 1..2 asked for");
    says(refused("lies", 0, 0), &record, false, "not measured: nothing is counted as `lies`; there are forged, paced");
}
