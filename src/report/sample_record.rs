//! A record as a run of the main job would leave it: 50 nodes in three regions, split in halves from 30 s to 50 s.

use super::record::*;
use crate::wire::Protocol;

/// Draws without a generator: a hash of the index, in `0..1`.
fn draw(index: u64) -> f64 {
    let mut x = index.wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 32)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The record.
pub fn partition() -> RunRecord {
    let nodes = 50;
    let mut record = RunRecord {
        meta: Meta {
            scenario: "partition".into(),
            about: "Fifty nodes in three regions are split in halves for 20 s, and heal".into(),
            seed: 7,
            nodes,
            simulated_seconds: 90.0,
            wall_seconds: 4.82,
            events: 1_284_551,
            peak_rss_bytes: Some(84_000_000),
            digest: "5f0cf91c8a7d3b6e".into(),
            version: "0.1.0".into(),
            membership: true,
            detection: true,
            broadcast: true,
            chat: false,
        },
        latency: Some(LatencySummary { p50: 131.0, p90: 9_800.0, p99: 19_700.0, max: 20_400.0 }),
        started_at: 0.0,
        heals: vec![50.0],
        fault_times: vec![30.0, 50.0],
        shades: vec![Shade { from: 30.0, to: 50.0, label: "partition: north | south".into() }],
        refusals: [("bad_seal".to_owned(), 2)].into(),
        ..RunRecord::default()
    };
    samples(&mut record);
    graph(&mut record);
    broadcasts(&mut record);
    for observer in 0..nodes {
        for target in (0..nodes).filter(|t| (t < &25) != (observer < 25)) {
            let seconds = 8.0 + 1.5 * draw(u64::from(observer * 97 + target)) + 1.2 * draw(u64::from(target * 31 + 5));
            record.detections.push(DetectionRow { observer, target, since: 30.0, seconds });
        }
    }
    record.leaves.push(LeaveRow { node: 49, at: 80.0, expected: 49, reported: 49, seconds_max: 0.4 });
    record.checkpoints = (0..90).map(|s| Checkpoint { nanos: s * 1_000_000_000, digest: format!("{s:016x}") }).collect();
    let event = |nanos, node, kind: &str, peer, detail: &str| EventRow { nanos, node, kind: kind.into(), peer, detail: detail.into() };
    record.events = vec![
        event(1, Some(0), "link_up", Some(1), ""),
        event(30_000_000_000, None, "partition", None, "north | south, \"cut\"\nfor 20 s"),
        event(38_123_456_789, Some(3), "suspected", Some(44), "phi 8.01"),
        event(u64::MAX, None, "end", None, ""),
    ];
    record
}

fn samples(record: &mut RunRecord) {
    let mut frames = vec![0_u64; Protocol::COUNT];
    let mut bytes = vec![0_u64; Protocol::COUNT];
    for i in 0..=360_u64 {
        let seconds = i as f64 * 0.25;
        let lost = ((seconds - 38.0) / 2.4).clamp(0.0, 1.0) * 25.0;
        let back = ((seconds - 50.8) / 2.2).clamp(0.0, 1.0) * 25.0;
        let grown = 1.0 + 49.0 / (1.0 + (-(seconds - 2.2) * 3.5).exp());
        let known = (grown - lost + back).clamp(1.0, 50.0);
        let spread = if known > 49.99 || (known - 25.0).abs() < 0.01 { 0.0 } else { 4.0 };
        let split = (30.0..50.0).contains(&seconds);
        let rates = [4.0, 14.0, 0.0, 210.0, 18.0 + if split { 50.0 } else { 0.0 }, 260.0, if seconds < 2.0 { 120.0 } else { 1.0 }, 8.0];
        for (p, rate) in rates.into_iter().enumerate() {
            let now = (rate * (0.85 + 0.3 * draw(i * 11 + p as u64))) as u64;
            frames[p] += now;
            bytes[p] += now * [60, 70, 90, 620, 110, 190, 160, 120][p];
        }
        let whole = known > 49.99;
        record.samples.push(Sample {
            seconds,
            up: 50,
            complete_views: if whole { 50 } else { 0 },
            reachable_views: if whole && !split || split && known < 25.01 { 50 } else { (12.0 * draw(i)) as u32 * u32::from(spread > 0.0) },
            known_mean: known,
            known_min: (known - spread).max(1.0) as u32,
            known_max: (known + spread).min(50.0) as u32,
            suspected: ((lost - back).max(0.0) * 50.0) as u64,
            links: if split { 62 } else { 61 },
            degree_min: u32::from(seconds > 0.5) + u32::from(seconds > 1.5 && !(30.0..38.0).contains(&seconds)),
            degree_max: if seconds > 0.5 { 3 } else { 1 },
            degree_mean: if seconds > 1.0 { 2.4 + 0.05 * draw(i) - if split { 0.3 } else { 0.0 } } else { 1.2 },
            frames: frames.clone(),
            bytes: bytes.clone(),
        });
    }
}

fn graph(record: &mut RunRecord) {
    let mut degree = [0; 50];
    let mut edges: Vec<(u32, u32, bool)> = (1..50).map(|i| (i - 1 - u32::from(i > 5 && i % 4 == 0), i, true)).collect();
    edges.extend((0..12).map(|i| (i * 4 + 1, (i * 4 + 11 + 7 * (i % 3)) % 50, false)));
    for (a, b, tree) in edges {
        let (a, b) = (a.min(b), a.max(b));
        if !record.edges.iter().any(|e| (e.a, e.b) == (a, b)) && a != b {
            degree[a as usize] += 1;
            degree[b as usize] += 1;
            record.edges.push(EdgeRow { a, b, tree });
        }
    }
    for node in 0..50 {
        let region = ["Frankfurt", "Virginia", "Singapore"][node as usize * 3 / 50];
        record.nodes.push(NodeRow {
            node,
            id: format!("{:064x}", u64::from(node) * 0x1234_5678_9abc),
            region: region.into(),
            up: node != 49,
            degree: degree[node as usize],
            known: 50,
        });
    }
}

fn broadcasts(record: &mut RunRecord) {
    for i in 0..160_u64 {
        let sent = 5.0 + i as f64 * 0.5;
        let split = (30.0..50.0).contains(&sent);
        let usual = 90.0 + 60.0 * draw(i * 3);
        let late = if split { (51.0 - sent) * 1000.0 } else { 0.0 };
        let first = if i < 4 { 0.28 } else { 0.0 };
        record.broadcasts.push(BroadcastRow {
            origin: (i % 50) as u32,
            sequence: i / 50,
            sent,
            size: 128,
            expected: 49,
            reached: 49,
            delivered: 50,
            payloads: 49 + (50.0 * first) as u64 + u64::from(split) * 3,
            rmr: first + if split || (50.0..54.0).contains(&sent) { 0.06 * draw(i) } else { 0.0 },
            ldh: 9 + (4.0 * draw(i * 5)) as u16 + 3 * u16::from(split),
            latency_mean_ms: usual + late / 2.0,
            latency_max_ms: usual * 2.1 + late,
        });
    }
}
