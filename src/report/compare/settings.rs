//! In what two runs were not run alike.

use serde_json::Value;

use super::{Run, Setting};
use crate::scenario::Scenario;

/// Longest value that is shown.
const LONGEST: usize = 48;

/// What the summaries tell.
pub(super) fn of_runs(a: &Run, b: &Run) -> Vec<Setting> {
    let settings = [
        setting("scenario", &a.scenario, &b.scenario),
        setting("seed", a.seed, b.seed),
        setting("nodes", a.nodes, b.nodes),
        setting("simulated seconds", a.simulated_seconds, b.simulated_seconds),
        setting("version", &a.version, &b.version),
    ];
    settings.into_iter().filter(|setting| setting.a != setting.b).collect()
}

/// What the scenarios tell, of that which summaries do not. Each is named by its path in the scenario.
pub(super) fn of_scenarios(a: &Scenario, b: &Scenario) -> Vec<Setting> {
    // What must hold is no matter of how it is run, and stands among the expectations.
    let like_a = |b: &Scenario| Scenario {
        name: a.name.clone(),
        about: a.about.clone(),
        seed: a.seed,
        nodes: a.nodes,
        duration: a.duration,
        expect: a.expect.clone(),
        ..b.clone()
    };
    let mut found = Vec::new();
    if let (Ok(a), Ok(b)) = (serde_json::to_value(a), serde_json::to_value(like_a(b))) {
        walk(&a, &b, "", &mut found);
    }
    found
}

fn walk(a: &Value, b: &Value, path: &str, found: &mut Vec<Setting>) {
    let step = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().zip(b.values()).for_each(|((key, a), b)| walk(a, b, &step(key), found));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(index, (a, b))| walk(a, b, &step(&index.to_string()), found));
        }
        _ if a != b => found.push(setting(path, shown(a), shown(b))),
        _ => {}
    }
}

fn setting(name: &str, a: impl ToString, b: impl ToString) -> Setting {
    Setting { name: name.to_owned(), a: a.to_string(), b: b.to_string() }
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scenario::{Expectation, Loss};

    #[test]
    fn what_was_set_otherwise_is_named_by_its_path() {
        let a = Scenario::new("a", 5, Duration::from_secs(9));
        let mut b = Scenario { name: "b".into(), seed: 7, nodes: 6, expect: vec![Expectation::Connected], ..a.clone() };
        assert_eq!(of_scenarios(&a, &b), [], "the summaries tell these");
        b.network.link.loss = Loss::Independent(0.25);
        b.tick = Duration::from_millis(2);
        let texts: Vec<String> = of_scenarios(&a, &b).iter().map(|it| format!("{} {} {}", it.name, it.a, it.b)).collect();
        assert_eq!(texts, ["tick 1ms 2ms", "network.link.loss None {\"Independent\":0.25}"]);
    }

    #[test]
    fn long_values_are_cut() {
        let text = shown(&Value::from("é".repeat(100)));
        assert_eq!(text.chars().count(), LONGEST);
        assert!(text.ends_with('…'));
    }
}
