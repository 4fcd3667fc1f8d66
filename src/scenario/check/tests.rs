use std::path::PathBuf;

use super::*;
use crate::scenario::parse;

fn message(source: &str) -> String {
    let loaded = parse(source, PathBuf::from("x.ron")).unwrap_or_else(|error| panic!("{source}: {error}"));
    check(&loaded).map_or_else(|error| error.to_string(), |()| "fine".to_owned())
}

/// A scenario with one more field, whose text begins at column 31.
fn with(field: &str) -> String {
    message(&format!("(nodes: 10, duration: \"10s\",   {field})"))
}

#[test]
fn good_scenarios_are_fine() {
    assert_eq!(message("(nodes: 1, duration: \"1s\")"), "fine");
    // Two nodes cannot have the default number of links; that is no mistake unless somebody asks for it.
    assert_eq!(message("(nodes: 2, duration: \"1s\")"), "fine");
    assert_eq!(with("network: (regions: (matrix: \"aws-11\", place: [(\"Tokyo\", All)]))"), "fine");
    assert_eq!(with("protocols: (prekeys: (), routing: ())"), "fine");
}

#[test]
fn mistakes_are_named_where_they_stand() {
    for (field, says) in [
        ("groups: {\"a\": Range(3, 3)}", "x.ron:1:46: Range(3, 3) names no node"),
        ("groups: {\"a\": Group(\"a\")}", "refers to itself"),
        ("groups: {\"west\": All}, faults: [(at: \"1s\", do: Crash(Group(\"wets\")))]", "there is no group `wets`; did you mean `west`?"),
        ("faults: [(at: \"1s\", do: Crash(Nodes([1, 10])))]", "x.ron:1:72: there is no node 10"),
        ("faults: [(at: \"11s\", do: Heal)]", "x.ron:1:46: this is after the end"),
        ("faults: [(at: \"1s\", do: Partition([Range(0, 5), Range(4, 9)]))]", "node 4 is on two sides"),
        ("faults: [(at: \"1s\", do: Pause(nodes: All, for: \"0s\"))]", "this time must be above zero"),
        ("faults: [(at: \"1s\", do: ClockDrift(nodes: All, ppm: -1000000))]", "at most 500000 parts"),
        ("faults: [(at: \"1s\", do: LossBurst(nodes: All, loss: Independent(2), for: \"1s\"))]", "2 is not a probability"),
        ("workload: [(rate: -1, size: 10)]", "x.ron:1:50: -1 is a rate below zero"),
        ("workload: [(rate: NaN, size: 10)]", "NaN is not a rate"),
        ("workload: [(rate: inf, size: 10)]", "inf is not a rate"),
        ("workload: [(rate: 1, size: 60001)]", "at most 60000 bytes"),
        ("workload: [(rate: 1, size: 1, start: \"10s\")]", "after the end"),
        ("workload: [(rate: 1, size: 1, start: \"2s\", stop: \"1s\")]", "ends before it begins"),
        ("workload: [(rate: 1e300, size: 1)]", "x.ron:1:42: this needs more than 1000 TB of memory"),
        ("network: (link: (loss: Independent(1.5)))", "1.5 is not a probability"),
        ("network: (link: (latency: Constant(\"10us\")))", "a latency of 10µs is below 50µs"),
        ("network: (link: (latency: Uniform(\"5ms\", \"1ms\")))", "the shorter latency comes first"),
        ("network: (regions: (matrix: \"aws-1\"))", "did you mean `aws-11`?"),
        ("network: (regions: (matrix: \"aws-11\", place: [(\"Virgina\", All)]))", "did you mean `Virginia`?"),
        ("network: (regions: (matrix: \"aws-11\", place: [(\"Tokyo\", Range(0, 5))]))", "node 5 is in no region"),
        ("network: (rules: [(rate: 0)])", "carries nothing"),
        ("network: (rules: [(from: Group(\"x\"))])", "there is no group `x`"),
        ("protocols: (membership: None)", "detection needs membership"),
        ("protocols: (membership: None, detection: None, prekeys: ())", "prekeys need membership, which is off"),
        ("protocols: (routing: ())", "x.ron:1:53: routing needs prekeys, which are off"),
        ("protocols: (prekeys: (), routing: (patience: \"0s\"))", "at least 1ms"),
        ("protocols: (overlay: Degree(min_degree: 4))", "`min_degree` 4 is above `max_degree` 3"),
        ("protocols: (overlay: Degree(min_degree: 0))", "x.ron:1:72: a node that wants no link seeks none"),
        ("protocols: (overlay: Degree(min_degree: 10, max_degree: 12))", "more links than nodes"),
        ("protocols: (overlay: Pinned(RandomRegular(10)))", "x.ron:1:60: more links than nodes"),
        ("protocols: (overlay: Pinned(RandomRegular(1)))", "would not be connected"),
        ("protocols: (overlay: Pinned(Edges([(0, 1), (1, 10)])))", "there is no node 10"),
        ("protocols: (overlay: Pinned(Edges([(0, 1), (1, 0)])))", "given twice"),
        ("protocols: (overlay: Pinned(Edges([(1, 1)])))", "cannot be linked with itself"),
        ("protocols: (membership: (gossip_interval: \"0s\"))", "at least 1ms"),
        ("start: Join(per_second: 0)", "not a rate above zero"),
        ("start: Join(per_second: 0.1)", "when the run is over"),
        ("start: Together(seeds: 11)", "only 10 nodes"),
        ("expect: [Reliability(1)]", "`workload` is empty"),
        ("expect: [AllMembersKnown(within: \"1s\", after: Heal)]", "no fault `Heal`"),
        ("expect: [AllMembersKnown(within: \"20ms\")]", "every 250ms (`sample_interval`)"),
        ("protocols: (detection: None), expect: [Connected, NoFalseSuspicion]", "x.ron:1:82: this cannot be judged: it needs detection"),
        ("protocols: (dissemination: Off), workload: [(rate: 1, size: 1)]", "broadcasts need dissemination"),
        ("protocols: (leave: false), faults: [(at: \"1s\", do: Leave(All))]", "needs the protocol leave"),
        ("expect: [Degree(3, 2)]", "the fewest links come first"),
        ("churn: (session: Exponential(\"0s\"), downtime: Constant(\"1s\"))", "above zero"),
        ("churn: (session: Weibull(\"1s\", 0), downtime: Constant(\"1s\"))", "the shape"),
        ("tick: \"0s\"", "x.ron:1:38: a tick must be longer"),
        ("sample_interval: \"0s\"", "x.ron:1:49: the time between two samples"),
        ("name: \"../x\"", "the name of a folder"),
    ] {
        let message = with(field);
        assert!(message.contains(says), "{field}: {message}");
    }
}

#[test]
fn sizes_that_no_machine_has_are_refused_before_anything_is_made() {
    assert!(message("(nodes: 4000000000, duration: \"1s\")").contains("x.ron:1:9: this needs more than"));
    assert!(message("(nodes: 0, duration: \"1s\")").contains("at least one node"));
    assert!(message("(nodes: 9, duration: \"1s\", protocols: (overlay: Pinned(RandomRegular(3))))").contains("is odd"));
    assert!(message("(nodes: 9, duration: \"99999y\")").contains("ten years"));
    let Ok(()) = memory::fits(&parse("(nodes: 1000, duration: \"60s\")", "x.ron".into()).unwrap().scenario, 2e9) else {
        panic!("a thousand nodes fit");
    };
}

#[test]
fn groups_within_groups_do_not_grow_without_bound() {
    let groups: String = (1..60).map(|i| format!("\"g{i}\": Union([Group(\"g{0}\"), Group(\"g{0}\")]),", i - 1)).collect();
    assert!(with(&format!("groups: {{\"g0\": All, {groups}}}")).contains("too involved"));
}

#[test]
fn who_changed_it_is_to_blame() {
    let mut loaded = parse("(nodes: 10, duration: \"10s\", workload: [(rate: 1, size: 1)])", "x.ron".into()).unwrap();
    loaded.set("workload.0.rate=-2").unwrap();
    assert_eq!(
        check(&loaded).unwrap_err().to_string(),
        "--set:1:17: -2 is a rate below zero\n 1 | workload.0.rate=-2\n   |                 ^^"
    );
    loaded.set("workload.0.rate=2").unwrap();
    check(&loaded).unwrap();
    loaded.set("overlay.x=2").unwrap_err();
    loaded.set_field("--nodes", "nodes", "0").unwrap();
    assert!(check(&loaded).unwrap_err().to_string().starts_with("--nodes:1:1: there must be at least one node"));
}

#[test]
fn acts_adversaries_and_what_is_expected_of_chat_are_looked_at() {
    const CHAT: &str = "protocols: (prekeys: (), routing: (), topics: (), chat: (), admission: (invite_only: true))";
    let say = "acts: [(at: \"1s\", do: Say(from: Nodes([1]), text: \"a\", name: \"x\"))]";
    assert_eq!(with(&format!("{CHAT}, {say}, expect: [Readable(what: Named(\"x\"), within: \"1s\"), LogsEqual]")), "fine");
    assert_eq!(with(&format!("{CHAT}, workload: [(kind: Chat(topic: \"a\"), rate: 1, size: 9)]")), "fine");
    assert!(with(say).contains("saying something needs chat, which is off"));
    let hasty = CHAT.replace("chat: ()", "chat: (epoch_time: \"0s\")");
    assert!(with(&hasty).contains("this time must be at least 1ms"));
    assert!(with(&CHAT.replace("chat: ()", "chat: (epoch_texts: 0)")).contains("at least one text"));
    assert!(with("protocols: (topics: ())").contains("topics needs routing, which is off"));
    assert!(with("workload: [(kind: Chat(topic: \"a\"), rate: 1, size: 9)]").contains("texts need chat, which is off"));
    assert!(with("acts: [(at: \"1s\", do: Invite(by: 0, who: Nodes([1])))]").contains("inviting needs admission"));
    assert!(with("protocols: (admission: ()), acts: [(at: \"1s\", do: Revoke(by: 0, who: Nodes([1])))]").contains("by invitation"));
    for (field, says) in [
        ("acts: [(at: \"11s\", do: Dm(from: 0, to: 1, text: \"a\"))]", "this is after the end"),
        ("acts: [(at: \"1s\", do: Dm(from: 0, to: 10, text: \"a\"))]", "there is no node 10"),
        ("acts: [(at: \"1s\", do: Dm(from: 0, to: 0, text: \"a\"))]", "nobody says something to itself"),
        ("acts: [(at: \"1s\", do: Say(from: All, text: \"\"))]", "there is nothing to say"),
        ("acts: [(at: \"1s\", do: Say(from: All, topic: \"a b\", text: \"a\"))]", "a topic's name has 1 to 48 bytes"),
        ("acts: [(at: \"1s\", do: Join(nodes: All, topic: \"lobby\"))]", "to the lobby all belong"),
        ("acts: [(at: \"1s\", do: Invite(by: 1, who: All))]", "node 1 would do this to itself"),
        (
            "acts: [(at: \"1s\", do: Say(from: All, text: \"a\", name: \"x\")), (at: \"2s\", do: Say(from: All, text: \"a\"))]",
            "the same words were said here under another name",
        ),
        ("adversaries: [Recorder(steals_from: All, at: \"11s\")]", "this is after the end"),
        ("adversaries: [Revoked(who: Nodes([1]))]", "no act revokes node 1"),
        ("adversaries: [Relay(who: All, drops: 1.5)]", "1.5 is not a probability"),
        ("adversaries: [Liar(who: All, lies: 1.5)]", "1.5 is not a probability"),
        ("adversaries: [Liar(who: All, floods: -1)]", "-1 messages a second are not between 0 and 100000"),
        ("workload: [(kind: Chat(topic: \"a\"), rate: 1, size: 20000)]", "a text has at most 16384 bytes"),
        ("expect: [Unreadable(what: SaidAfter(\"1s\"), by: Recorder)]", "there is no adversary `Recorder`"),
        ("expect: [Readable(what: All, within: \"1s\", after: Heal)]", "there is no fault `Heal`"),
        ("expect: [AllTextsDelivered(2)]", "2 is not a probability"),
        ("workload: [(kind: Chat(topic: \"a\"), rate: 1, size: 9)], expect: [Reliability(1)]", "no `workload` is of the kind `Broadcast`"),
    ] {
        let message = with(&format!("{CHAT}, {field}"));
        assert!(message.contains(says), "{field}: {message}");
    }
    let mistaken = with(&format!("{CHAT}, {say}, expect: [Readable(what: Named(\"y\"), within: \"1s\")]"));
    assert!(mistaken.contains("no act says anything of the name `y`"), "{mistaken}");
    assert!(with("expect: [LogsEqual]").contains("it needs chat, which is off"));
}
