use std::fs;
use std::path::{Path, PathBuf};

use super::super::sample_record::partition;
use super::super::*;
use super::*;

/// Where the pictures of the tests go: a place of the caller's choice, to look at them, or nowhere for long.
fn place() -> (Option<tempfile::TempDir>, PathBuf) {
    match std::env::var_os("MURMURATION_PICTURES") {
        Some(dir) => (None, PathBuf::from(dir)),
        None => {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().to_owned();
            (Some(dir), path)
        }
    }
}

fn assert_picture(path: &Path) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{}", path.display());
    let field = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((field(16), field(20)), style::SIZE);
    assert!(bytes.ends_with(b"IEND\xaeB`\x82"));
    // An empty page compresses to about 15 kB.
    assert!(bytes.len() > 25_000, "{} has only {} bytes", path.display(), bytes.len());
}

#[test]
fn every_picture_of_a_full_record_is_drawn() {
    let (_guard, dir) = place();
    let dir = dir.join("partition");
    fs::create_dir_all(&dir).unwrap();
    draw_all(&dir, &partition()).unwrap();
    for name in NAMES {
        assert_picture(&dir.join(name));
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), NAMES.len());
}

#[test]
fn nothing_is_drawn_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    draw_all(dir.path(), &RunRecord::default()).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let error = draw_all(Path::new("/nowhere/at all"), &partition()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at all/convergence.png"), "{error}");
}

#[test]
fn large_and_odd_records_are_drawn() {
    let (_guard, dir) = place();
    let dir = dir.join("large");
    fs::create_dir_all(&dir).unwrap();
    let mut record = partition();
    record.meta.scenario = "churn".into();
    record.meta.nodes = 3000;
    let samples = std::mem::take(&mut record.samples);
    record.samples =
        (0..20_000).map(|i| Sample { seconds: f64::from(i) * 0.0045, ..samples[i as usize * samples.len() / 20_000].clone() }).collect();
    let broadcasts = std::mem::take(&mut record.broadcasts);
    record.broadcasts = (0..30_000)
        .map(|i| BroadcastRow {
            sent: f64::from(i) * 0.003,
            reached: 49 - u32::from(i % 4000 == 0),
            ..broadcasts[i as usize % 160].clone()
        })
        .collect();
    record.shades =
        (0..150).map(|i| Shade { from: f64::from(i) * 0.6, to: f64::from(i) * 0.6 + 0.25, label: format!("crash of node {i}") }).collect();
    record.detections = (0..60_000)
        .map(|i| DetectionRow { observer: 0, target: 1, since: f64::from(i) / 800.0, seconds: 8.0 + f64::from(i % 37) / 9.0 })
        .collect();
    record.nodes = (0..3000)
        .map(|node| NodeRow { node, degree: 2 + node % 4, up: node % 9 != 0, region: String::new(), ..NodeRow::default() })
        .collect();
    record.edges = (1..3000).map(|i| EdgeRow { a: i / 2, b: i, tree: i % 3 != 0 }).collect();
    draw_all(&dir, &record).unwrap();
    for name in NAMES {
        assert_picture(&dir.join(name));
    }
}

#[test]
fn sweeps_are_drawn() {
    let (_guard, dir) = place();
    let points = |scale: f64, power: f64| -> Vec<(usize, f64)> {
        let wobble = |i: usize, seed: usize| 1.0 + 0.3 * (((i * 13 + seed * 29) % 17) as f64 / 17.0 - 0.4);
        (0..5).flat_map(|i| (0..10).map(move |seed| (i, scale * 10_f64.powf(power * i as f64 / 2.0) * wobble(i, seed)))).collect()
    };
    let metric = |name: &str, unit: &str, points| SweepMetric { name: name.into(), unit: unit.into(), points };
    let mut table = SweepTable {
        vary: "nodes".into(),
        values: ["10", "30", "100", "300", "1000"].map(str::to_owned).into(),
        metrics: vec![
            metric("time to a complete view", "s", points(1.5, 0.3)),
            metric("bytes per node", "kB/s", points(2.0, 0.5)),
            metric("detection time", "s", points(8.0, 0.02)),
        ],
    };
    sweep_plot(&dir.join("sweep.png"), &table).unwrap();
    assert_picture(&dir.join("sweep.png"));
    table.values = ["none", "independent", "bursts", "both", "all"].map(str::to_owned).into();
    table.vary = "network.link.loss".into();
    table.metrics.truncate(2);
    table.metrics[1].points.retain(|point| point.0 != 2);
    sweep_plot(&dir.join("sweep-names.png"), &table).unwrap();
    assert_picture(&dir.join("sweep-names.png"));
}

#[test]
fn two_nodes_are_enough() {
    let (_guard, dir) = place();
    let dir = dir.join("two");
    fs::create_dir_all(&dir).unwrap();
    let mut record = partition();
    record.nodes.truncate(2);
    record.edges = vec![EdgeRow { a: 0, b: 1, tree: false }];
    record.samples.truncate(2);
    record.broadcasts.truncate(1);
    record.detections.truncate(1);
    draw_all(&dir, &record).unwrap();
    for name in NAMES {
        assert_picture(&dir.join(name));
    }
}
