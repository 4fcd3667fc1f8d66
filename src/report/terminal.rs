//! What a run says to the person in front of the terminal.

use std::fmt::Write;

use super::format::{bytes, count, millis, number, percent, plural, seconds};
use super::judge::Verdict;
use super::record::RunRecord;
use super::summary::{ChatSummary, Summary, summary};
use crate::scenario::harmless;

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";

/// The run on one screen: what was run, the key figures, the verdicts. With `colour` it holds ANSI colours.
pub fn terminal_summary(record: &RunRecord, verdicts: &[Verdict], colour: bool) -> String {
    let paint = |code: &str, text: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    let figures = summary(record, verdicts);
    let mut out = String::new();
    let nodes = plural(figures.nodes.into(), "node", "nodes");
    line(&mut out, &format!("{} · {nodes} · seed {}", paint(BOLD, &figures.scenario), figures.seed));
    if !record.meta.about.is_empty() {
        line(&mut out, &paint(DIM, &harmless(record.meta.about.chars())));
    }
    out.push('\n');
    for (label, text) in rows(record, &figures) {
        line(&mut out, &format!("  {}  {text}", paint(DIM, &format!("{label:<10}"))));
    }
    if !verdicts.is_empty() {
        out.push('\n');
        let width = verdicts.iter().map(|v| v.name.chars().count()).max().unwrap_or_default();
        for verdict in verdicts {
            let mark = if verdict.held { paint(GREEN, "✔") } else { paint(RED, "✘") };
            line(&mut out, &format!("  {mark} {:<width$}  {}", verdict.name, paint(DIM, &verdict.detail)));
        }
        let held = verdicts.iter().filter(|v| v.held).count();
        let all = verdicts.len();
        let text = if held == all {
            format!("all {} held", plural(all as u64, "expectation", "expectations"))
        } else {
            format!("{} of {all} expectations did not hold", all - held)
        };
        line(&mut out, &format!("\n  {}", paint(if held == all { GREEN } else { RED }, &text)));
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn rows(record: &RunRecord, figures: &Summary) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut time = format!("{} simulated in {}", seconds(figures.simulated_seconds), seconds(figures.wall_seconds));
    let _ = write!(time, " · {} events", count(figures.events));
    if let Some(rate) = figures.events_per_second {
        let _ = write!(time, " · {} events/s", number(rate));
    }
    if let Some(rss) = figures.peak_rss_bytes {
        let _ = write!(time, " · {} at most", bytes(rss as f64));
    }
    rows.push(("run", time));
    if record.meta.membership {
        let mut text = match figures.membership.converged_at_seconds {
            Some(at) => format!("every view whole at {}", seconds(at)),
            None => "views not whole".to_owned(),
        };
        if let Some(wrong) = figures.membership.false_suspicions {
            let _ = write!(text, " · {}", plural(wrong, "false suspicion", "false suspicions"));
        }
        if let (Some(p50), Some(p99)) = (figures.membership.detection_seconds.p50, figures.membership.detection_seconds.p99) {
            let _ = write!(text, " · absences noticed in {} (99 % within {})", seconds(p50), seconds(p99));
        }
        rows.push(("membership", text));
    }
    if let Some(sent) = figures.broadcast.sent.filter(|sent| *sent > 0) {
        let mut text = format!("{} sent", count(sent));
        let total = |f: fn(&super::BroadcastRow) -> u32| record.broadcasts.iter().map(|b| u64::from(f(b))).sum::<u64>();
        if figures.broadcast.reliability.is_some() {
            let _ = write!(text, " · reliability {}", percent(total(|b| b.reached), total(|b| b.expected)));
        }
        if let Some(rmr) = figures.broadcast.rmr {
            let _ = write!(text, " · RMR {}", number(rmr));
        }
        if let (Some(mean), Some(max)) = (figures.broadcast.ldh_mean, figures.broadcast.ldh_max) {
            let _ = write!(text, " · LDH {} (at most {max})", number(mean));
        }
        rows.push(("broadcast", text));
    }
    if let Some(latency) = &record.latency {
        let text = [("50 %", latency.p50), ("90 %", latency.p90), ("99 %", latency.p99)]
            .map(|(share, ms)| format!("{share} within {}", millis(ms)))
            .join(" · ");
        rows.push(("latency", format!("{text} · longest {}", millis(latency.max))));
    }
    if let Some(chat) = &figures.chat {
        rows.extend(chat_rows(chat));
    }
    let topology = &figures.topology;
    if let (Some(min), Some(max), Some(mean)) = (topology.degree_min, topology.degree_max, topology.degree_mean) {
        let mut text = format!("{min} to {max} links a node, {} on average", number(mean));
        match (topology.connected, topology.diameter) {
            (Some(true), Some(diameter)) => text += &format!(" · connected, diameter {diameter}"),
            (Some(true), None) => text += " · connected",
            _ => text += " · not connected",
        }
        rows.push(("topology", text));
    }
    if let (Some(frames), Some(sent)) = (figures.traffic.frames, figures.traffic.bytes) {
        let mut text = format!("{} frames · {}", count(frames), bytes(sent as f64));
        if figures.simulated_seconds > 0.0 && figures.nodes > 0 {
            let each = sent as f64 / figures.simulated_seconds / f64::from(figures.nodes);
            let _ = write!(text, " · {}/s a node", bytes(each));
        }
        rows.push(("traffic", text));
    }
    if !record.refusals.is_empty() {
        let text: Vec<_> = record.refusals.iter().map(|(name, times)| format!("{} {name}", count(*times))).collect();
        rows.push(("refused", text.join(" · ")));
    }
    if record.events_dropped > 0 {
        let (kept, all) = (record.events.len() as u64, record.events.len() as u64 + record.events_dropped);
        rows.push(("events", format!("the first {} of {} are in events.csv", count(kept), count(all))));
    }
    rows.push(("digest", figures.digest.clone()));
    rows
}

fn chat_rows(chat: &ChatSummary) -> Vec<(&'static str, String)> {
    let mut text = plural(chat.texts, "text", "texts");
    if let Some(delivered) = chat.delivered {
        // Cut, as all percentages are.
        let _ = write!(text, " · delivered {}", percent((delivered * 1e6) as u64, 1_000_000));
    }
    let latency = &chat.latency_ms;
    if let (Some(p50), Some(p99), Some(max)) = (latency.p50, latency.p99, latency.max) {
        let _ = write!(text, " · 50 % within {} · 99 % within {} · longest {}", millis(p50), millis(p99), millis(max));
    }
    let mut rows = vec![("chat", text)];
    let refused: Vec<_> =
        chat.refused.iter().filter(|(_, times)| **times > 0).map(|(name, times)| format!("{} {name}", count(*times))).collect();
    if !refused.is_empty() {
        rows.push(("", refused.join(" · ")));
    }
    let opened = [(chat.opened_by_recorder, "the recorder"), (chat.opened_by_revoked, "the revoked")];
    let opened: Vec<_> = opened.iter().filter(|(texts, _)| *texts > 0).map(|(texts, by)| format!("{} by {by}", count(*texts))).collect();
    if !opened.is_empty() {
        rows.push(("opened", opened.join(" · ")));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::sample_record::partition;
    use super::*;

    #[test]
    fn the_screen_says_what_matters() {
        let verdict = |name: &str, held| Verdict { name: name.into(), held, detail: "why".into() };
        let verdicts = [verdict("reliability >= 1", true), verdict("degree within 2..3", false)];
        let text = terminal_summary(&partition(), &verdicts, false);
        assert!(text.starts_with("partition · 50 nodes · seed 7\n"), "{text}");
        for part in [
            "\n  run         90 s simulated in 4.82 s · 1,284,551 events · 266,504 events/s · 84 MB at most\n",
            "\n  broadcast   160 sent · reliability 100 % · RMR 0.0166 · LDH 11.2 (at most 15)\n",
            "\n  ✔ reliability >= 1    why\n  ✘ degree within 2..3  why\n",
            "\n  1 of 2 expectations did not hold\n",
        ] {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
        assert!(!text.contains('\x1b'));
        assert!(terminal_summary(&partition(), &verdicts, true).contains("\x1b[32m✔\x1b[0m"));
    }
}
