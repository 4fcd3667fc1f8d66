use super::super::sample_record::partition;
use super::super::{Verdict, summary};
use super::*;

fn verdict(name: &str, held: bool, detail: &str) -> Verdict {
    Verdict { name: name.into(), held, detail: detail.into() }
}

/// Two runs of which the second is slower, is less reliable and misses a figure.
fn two() -> [Summary; 2] {
    let a = summary(&partition(), &[verdict("reliability >= 1", true, "all"), verdict("graph connected", true, "one")]);
    let mut b = Summary { seed: 8, digest: "00".into(), ..a.clone() };
    b.expectations = vec![verdict("reliability >= 1", false, "some"), verdict("degree within 2..3", true, "2 to 3")];
    b.broadcast.reliability = Some(0.999);
    b.broadcast.latency_ms.p50 = Some(262.0);
    b.broadcast.latency_ms.p90 = Some(9_799.0);
    b.membership.detection_seconds.p99 = None;
    b.traffic.bytes = a.traffic.bytes.map(|bytes| bytes + 312);
    [a, b]
}

fn within(comparison: &Comparison, tolerances: &[&str]) -> Vec<String> {
    let tolerances: Vec<Tolerance> = tolerances.iter().map(|text| text.parse().unwrap()).collect();
    comparison.within(&tolerances).into_iter().map(|excess| excess.figure.name).collect()
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let [a, _] = two();
    let same = compare(&a, &a);
    assert!(same.settings.is_empty() && !same.figures.iter().any(Figure::differs) && !same.expectations.iter().any(Expected::differs));
    let exact: Vec<Tolerance> = figure_names().map(|name| Tolerance::new(&name, Bound::Absolute(0.0)).unwrap()).collect();
    assert_eq!(same.within(&exact), []);
    let text = terminal_comparison(&same, ["x", "y"], &exact, false);
    assert!(text.contains("one run, to the last event: digest 5f0cf91c8a7d3b6e") && text.contains("no figure differs"), "{text}");
    assert!(text.ends_with("tolerances are kept\n") && !text.contains('≠') && !text.contains('✘'), "{text}");
}

#[test]
fn differences_are_of_b_against_a() {
    let [a, b] = two();
    let comparison = compare(&a, &b);
    let figure = comparison.figure("latency_p50").unwrap();
    assert_eq!((figure.a, figure.b, figure.difference, figure.relative), (Some(131.0), Some(262.0), Some(131.0), Some(1.0)));
    let back = compare(&b, &a);
    assert_eq!(back.figure("latency_p50").unwrap().relative, Some(-0.5));
    let from_nothing = Figure::new("x".into(), Unit::Frames, Some(0.0), Some(3.0));
    assert_eq!((from_nothing.difference, from_nothing.relative), (Some(3.0), None));
}

#[test]
fn what_only_one_has_is_beyond_every_bound_and_what_neither_has_is_within() {
    let [mut a, mut b] = two();
    let missing = compare(&a, &b);
    let figure = missing.figure("detection_p99").unwrap();
    assert!(figure.differs() && figure.difference.is_none());
    assert_eq!(within(&missing, &["detection_p99=1e9", "detection_p99=1000000%"]), ["detection_p99"; 2]);
    assert_eq!(within(&compare(&b, &a), &["detection_p99=1e9"]), ["detection_p99"]);
    a.membership.detection_seconds.p99 = None;
    assert_eq!(within(&compare(&a, &b), &["detection_p99=0"]), [""; 0]);
    b.broadcast.rmr = Some(f64::NAN);
    assert_eq!(within(&compare(&a, &b), &["rmr=1e9"]), ["rmr"], "no number is beyond every bound too");
}

#[test]
fn bounds_are_absolute_or_a_part_of_a() {
    let [a, b] = two();
    let comparison = compare(&a, &b);
    for (bound, kept) in [
        ("latency_p50=131", true),
        ("latency_p50=130.9", false),
        ("latency_p50=131ms", true),
        ("latency_p50 = 1s", true),
        ("latency_p50=100%", true),
        ("latency_p50=99 %", false),
        ("reliability=0.001", true),
        ("reliability=0.1%", true),
        ("reliability=0", false),
        ("convergence=0", true),
        ("bytes=311", false),
        ("bytes=312", true),
    ] {
        assert_eq!(within(&comparison, &[bound]).is_empty(), kept, "{bound}");
    }
    let rounded = Figure::new("x".into(), Unit::Share, Some(1.0), Some(1.3));
    let tolerance = |bound| Tolerance::new("reliability", Bound::Absolute(bound)).unwrap();
    assert!(rounded.difference > Some(0.3) && tolerance(0.3).allows(&rounded) && !tolerance(0.299_999).allows(&rounded));
}

#[test]
fn what_is_no_tolerance_is_refused() {
    for (text, says) in [
        ("latency_p98=3", "there is no figure `latency_p98`; did you mean `latency_p9"),
        ("zebra=3", "there is no figure `zebra`\n known are convergence, "),
        ("reliability", "a figure and a bound are expected, as in `latency_p99=50%`, not `reliability`"),
        ("reliability=", "`` is no bound for `reliability`: a share"),
        ("reliability=2s", "`2s` is no bound for `reliability`: a share"),
        ("convergence=-2", "`-2` is no bound for `convergence`: seconds"),
        ("convergence=NaN", "`NaN` is no bound"),
        ("convergence=inf%", "`inf%` is no bound"),
    ] {
        let message = text.parse::<Tolerance>().unwrap_err().to_string();
        assert!(message.starts_with(says), "{text}: {message}");
    }
    assert!(Tolerance::new("rmr", Bound::Relative(-0.1)).is_err());
}

#[test]
fn expectations_are_paired_by_name() {
    let [a, b] = two();
    let comparison = compare(&a, &b);
    let held = |outcome: &Option<Outcome>| outcome.as_ref().map(|outcome| outcome.held);
    let rows: Vec<_> = comparison.expectations.iter().map(|row| (row.name.as_str(), held(&row.a), held(&row.b))).collect();
    let expected =
        [("reliability >= 1", Some(true), Some(false)), ("graph connected", Some(true), None), ("degree within 2..3", None, Some(true))];
    assert_eq!(rows, expected);
    let twice = [verdict("x", true, ""), verdict("x", false, "")];
    assert!(!expectations(&twice, &twice).iter().any(Expected::differs));
}

#[test]
fn the_screen_shows_both_and_marks_what_differs() {
    let [a, b] = two();
    let tolerances = ["reliability=0".parse().unwrap(), "latency_p50=150ms".parse().unwrap()];
    let comparison = compare(&a, &b);
    let text = terminal_comparison(&comparison, ["output/one", "two"], &tolerances, false);
    for part in [
        "A  output/one  partition · 50 nodes · seed 7 · 90 s simulated in 4.82 s\n",
        "B  two         partition · 50 nodes · seed 8 · 90 s simulated in 4.82 s\n",
        "\nnot run alike: seed is 7 in A and 8 in B\n",
        "  ✘ reliability                100 %   99.9 %     -0.1 pp    -0.1 %        0\n",
        "  ✔ latency, median           131 ms   262 ms     +131 ms  +100.0 %   150 ms\n",
        "  ≠ latency, 90 %              9.8 s    9.8 s       -1 ms   < 0.1 %\n",
        "    latency, 99 %             19.7 s   19.7 s\n",
        "  ≠ absence noticed, 99 %     10.5 s        –   only in A\n",
        "\n  ✔ ✘  reliability >= 1\n       in A: all\n       in B: some\n  ✔ –  graph connected\n",
        "figures differ · 3 expectations came out otherwise\n  reliability is 100 % in A and 99.9 % in B: they differ by 0.1 pp (0.1 %), and may by 0\n",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    assert!(!text.contains('\x1b'));
    assert!(terminal_comparison(&comparison, ["a", "b"], &tolerances, true).contains("\x1b[31m  ✘ reliability"));
}

#[test]
fn a_program_finds_the_same_in_json() {
    let [a, b] = two();
    let json = serde_json::to_value(compare(&a, &b)).unwrap();
    let figure = json["figures"].as_array().unwrap().iter().find(|figure| figure["name"] == "detection_p99").unwrap();
    assert_eq!((&figure["unit"], figure["a"].is_f64(), figure["b"].is_null()), (&"s".into(), true, true));
    assert_eq!(json["settings"][0], serde_json::json!({"name": "seed", "a": "7", "b": "8"}));
}
