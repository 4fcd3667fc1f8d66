//! What must hold of chat whatever happens: random partitions, crashes with and without memory, newcomers, a member that is revoked and
//! keeps its keys, members who lie and flood or mistreat what they pass on, and a thief who has recorded everything.

use std::time::Duration;

use murmuration::crypto::CryptoMode;
use murmuration::mesh::admission::AdmissionConfig;
use murmuration::mesh::chat::ChatConfig;
use murmuration::mesh::prekeys::PrekeyConfig;
use murmuration::mesh::routing::RoutingConfig;
use murmuration::mesh::topics::TopicsConfig;
use murmuration::report::RunRecord;
use murmuration::scenario::{
    Act, ActKind, Adversary, Arrivals, Expectation, Fault, FaultKind, Protocols, Scenario, Selection, Workload, WorkloadKind,
};
use murmuration::wire::admission::{RevocationRule, Rules};
use proptest::prelude::*;

use crate::{cases, hold_all, outcome, seed, to_ron};

/// Faults end here; what is missing must then be filled in the rest of the time.
const FAULTS_UNTIL: u64 = 40;
const DURATION: u64 = 80;
/// When keys are stolen, and how long prekeys and epochs last.
const THEFT: u64 = 38;
const LIFE: u64 = 4;

/// The founder, who is also the seed; whoever is invited late; whoever is revoked; and whoever is never invited.
#[derive(Clone, Copy, Debug)]
struct Cast {
    nodes: u32,
    late: u32,
    revoked: u32,
    outside: u32,
    victim: u32,
}

impl Cast {
    fn of(nodes: u32) -> Self {
        Self { nodes, victim: 1, late: nodes - 3, revoked: nodes - 2, outside: nodes - 1 }
    }
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

fn some(from: u32, to: u32) -> impl Strategy<Value = Selection> {
    prop::collection::btree_set(from..to, 1..=((to - from) as usize / 2).max(1))
        .prop_map(|nodes| Selection::Nodes(nodes.into_iter().collect()))
}

/// A partition that heals, or a crash from which some return. Neither the founder nor the victim of the theft crash: one would found another
/// network if it lost its memory, the other keeps old keys for as long as it is away.
fn fault(cast: Cast) -> impl Strategy<Value = Vec<Fault>> {
    let on = |at, kind| Fault { at, kind };
    let cut = (seconds(8..25), seconds(5..15), some(0, cast.nodes))
        .prop_map(move |(at, period, nodes)| vec![on(at, FaultKind::Partition(vec![nodes])), on(at + period, FaultKind::Heal)]);
    let crash = (seconds(8..25), seconds(5..15), some(2, cast.nodes), any::<bool>()).prop_map(move |(at, period, nodes, memory)| {
        vec![on(at, FaultKind::Crash(nodes.clone())), on(at + period, FaultKind::Restart { nodes, memory })]
    });
    prop_oneof![cut, crash]
}

fn texts(cast: Cast) -> impl Strategy<Value = Vec<Act>> {
    let dm = (seconds(6..FAULTS_UNTIL), 0..cast.outside, 0..cast.outside).prop_map(|(at, from, to)| {
        let text = format!("between n{from} and n{to} at {} s", at.as_secs());
        Act { at, kind: ActKind::Dm { from, to, text, name: None } }
    });
    prop::collection::vec(dm, 0..6).prop_map(|acts| {
        let others = |act: &Act| !matches!(act.kind, ActKind::Dm { from, to, .. } if from == to);
        acts.into_iter().filter(others).collect()
    })
}

/// Members who lie and flood, one who mistreats what it passes on, both or neither. Floods are over when faults are.
fn hostile(cast: Cast) -> impl Strategy<Value = Vec<Adversary>> {
    let until = Some(Duration::from_secs(FAULTS_UNTIL));
    let liar = (some(2, cast.late), 0.2..1.0, 0.0..40.0).prop_map(move |(who, lies, floods)| Adversary::Liar { who, lies, floods, until });
    let harm = (0.0..0.4, 0..1_500_u64, 0.0..0.4, 0.0..0.4);
    let relay = (2..cast.late, harm).prop_map(|(who, (drops, delays, replays, alters))| {
        let (who, delays) = (Selection::Nodes(vec![who]), Duration::from_millis(delays));
        Adversary::Relay { who, drops, delays, replays, alters }
    });
    (prop::option::of(liar), prop::option::of(relay)).prop_map(|(liar, relay)| liar.into_iter().chain(relay).collect())
}

/// Who may revoke. Some of those who try may not, and others are too few: then nobody is revoked.
fn rules() -> impl Strategy<Value = Rules> {
    let revocation = prop_oneof![
        2 => Just(RevocationRule::AnyMember),
        1 => Just(RevocationRule::Sponsors),
        1 => (1_u8..4).prop_map(RevocationRule::Quorum),
    ];
    revocation.prop_map(|revocation| Rules { revocation, ..Rules::default() })
}

prop_compose! {
    fn scenario()(nodes in 6_u32..10)(
        cast in Just(Cast::of(nodes)),
        seed in any::<u64>(),
        faults in prop::collection::vec(fault(Cast::of(nodes)), 1..3),
        texts in texts(Cast::of(nodes)),
        invited in seconds(6..20),
        revoked in seconds(12..30),
        revokers in some(0, nodes - 3),
        topic in some(0, nodes - 1),
        hostile in hostile(Cast::of(nodes)),
        rules in rules(),
    ) -> (Cast, Scenario) {
        let mut faults: Vec<Fault> = faults.into_iter().flatten().collect();
        faults.push(Fault { at: Duration::from_secs(FAULTS_UNTIL), kind: FaultKind::Heal });
        faults.sort_by_key(|fault| fault.at);
        let life = Duration::from_secs(LIFE);
        let act = |at, kind| Act { at, kind };
        let one = |node| Selection::Nodes(vec![node]);
        let early = (1..cast.outside).filter(|node| *node != cast.late).collect();
        let mut acts = vec![
            act(Duration::from_secs(2), ActKind::Invite { by: 0, who: Selection::Nodes(early) }),
            act(Duration::from_secs(4), ActKind::Join { nodes: topic.clone(), topic: "plans".into() }),
            act(invited, ActKind::Invite { by: 1, who: one(cast.late) }),
        ];
        let Selection::Nodes(revokers) = revokers else { unreachable!("it was made so") };
        acts.extend(revokers.into_iter().map(|by| act(revoked, ActKind::Revoke { by, who: one(cast.revoked) })));
        acts.extend(texts);
        acts.sort_by_key(|act| act.at);
        let chat = |topic: &str, from, rate| Workload {
            kind: WorkloadKind::Chat { topic: topic.into() },
            from,
            rate,
            size: 24,
            start: Duration::from_secs(5),
            stop: Some(Duration::from_secs(FAULTS_UNTIL + 10)),
            arrivals: Arrivals::Poisson,
        };
        let scenario = Scenario {
            seed,
            crypto: CryptoMode::Modelled,
            protocols: Protocols {
                admission: Some(AdmissionConfig { invite_only: true, rules, ..AdmissionConfig::default() }),
                prekeys: Some(PrekeyConfig { rotation: life, grace: life }),
                routing: Some(RoutingConfig::default()),
                topics: Some(TopicsConfig::default()),
                chat: Some(ChatConfig { epoch_time: life, ..ChatConfig::default() }),
                ..Protocols::default()
            },
            faults,
            acts,
            adversaries: [
                Adversary::Recorder { steals_from: one(cast.victim), at: Duration::from_secs(THEFT) },
                Adversary::Revoked { who: one(cast.revoked) },
            ]
            .into_iter()
            .chain(hostile)
            .collect(),
            workload: vec![chat("lobby", Selection::All, 0.1), chat("plans", topic, 0.1)],
            expect: vec![
                Expectation::LogsEqual,
                Expectation::AllTextsDelivered(1.0),
                Expectation::NotMembers(Selection::Nodes(vec![cast.outside])),
                // Nobody is taken for one who contradicts itself because others say so.
                Expectation::Refused { what: "forked".into(), least: 0, most: 0 },
            ],
            ..Scenario::new("chat property", cast.nodes, Duration::from_secs(DURATION))
        };
        (cast, scenario)
    }
}

/// Whether a node knew before a time that the one who is revoked is so, and had not lost its memory since.
fn knew(record: &RunRecord, cast: Cast, node: u32, before: f64) -> bool {
    let events = record.events.iter().filter(|event| event.node == Some(node) && (event.nanos as f64) < before * 1e9);
    events.fold(false, |knew, event| match event.kind.as_str() {
        "started" => false,
        "revoked" if event.peer == Some(cast.revoked) => true,
        _ => knew,
    })
}

/// Nobody reads what it must not.
fn confidential(record: &RunRecord, cast: Cast, scenario: &Scenario) -> Result<(), TestCaseError> {
    let read = |text: usize, reader: u32| {
        let row = record.readings.iter().find(|row| row.text as usize == text && row.reader == reader);
        row.map(|row| row.seconds)
    };
    for (number, text) in record.texts.iter().enumerate() {
        let told = || format!("{text:?}\n{}", to_ron(scenario));
        prop_assert!(read(number, cast.outside).is_none(), "somebody who was never invited reads {}", told());
        if knew(record, cast, text.author, text.said) {
            prop_assert!(read(number, cast.revoked).is_none(), "somebody who was revoked reads {}", told());
            prop_assert!(!text.revoked, "somebody who was revoked opens {}", told());
        }
        for row in record.readings.iter().filter(|row| row.text as usize == number) {
            prop_assert!(text.to.is_none_or(|to| to == row.reader), "n{} reads {}", row.reader, told());
        }
        // Of what was read and erased long before the theft nothing is left: keys, the key that they were sealed to, an answer with the text.
        let erased = (THEFT - 3 * LIFE) as f64;
        let concerns = text.to.is_none_or(|to| to == cast.victim);
        let done = text.author == cast.victim || !concerns || read(number, cast.victim).is_some_and(|at| at < erased);
        if done && text.said < erased {
            prop_assert!(!text.recorder, "the recorder opens {}", told());
        }
    }
    // Nobody may have been there to say so. But if one member knows it, all do.
    let known = record.members.iter().any(|row| row.member && knew(record, cast, row.node, f64::INFINITY));
    let listed = record.members.iter().any(|row| row.node == cast.revoked && row.listed_by > 0);
    prop_assert!(!(known && listed), "somebody who was revoked is listed as a member\n{}", to_ron(scenario));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(8), max_shrink_iters: 16, failure_persistence: None, rng_seed: seed(), ..ProptestConfig::default() })]

    #[test]
    fn logs_end_equal_and_nobody_reads_what_it_must_not((cast, scenario) in scenario()) {
        let record = hold_all(&scenario)?;
        prop_assert!(record.texts.len() > 5, "hardly anything was said\n{}", to_ron(&scenario));
        confidential(&record, cast, &scenario)?;
        let other = outcome(&scenario, 2)?;
        prop_assert_eq!(&record.meta.digest, &other.meta.digest, "{}", to_ron(&scenario));
        prop_assert!(record.texts == other.texts && record.readings == other.readings && record.logs == other.logs);
    }
}

/// The attack itself must be one: where no key is erased, the same thief reads nearly everything.
#[test]
fn a_thief_opens_everything_if_keys_are_kept() {
    let mut loaded = murmuration::scenario::load("stolen-key").expect("it comes with the program");
    for change in ["crypto=Modelled", "duration=45s", "workload.0.stop=44s", "protocols.prekeys.grace=1h"] {
        loaded.set(change).expect("it can be set");
    }
    let record = outcome(&loaded.scenario, 1).expect("a sound scenario");
    let early: Vec<_> = record.texts.iter().filter(|text| text.said < 29.0 && text.to.is_none()).collect();
    let opened = early.iter().filter(|text| text.recorder).count();
    assert!(early.len() > 50 && opened * 10 > early.len() * 9, "{opened} of {} are open", early.len());
}
