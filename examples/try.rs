use murmuration::sim::{run, RunOptions};
use murmuration::scenario::*;
use std::time::Duration;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let nodes: u32 = args.get(2).and_then(|a| a.parse().ok()).unwrap_or(50);
    let mut s = Scenario::new("try", nodes, Duration::from_secs(40));
    s.crypto = murmuration::crypto::CryptoMode::Modelled;
    match args.get(1).map(String::as_str) {
        Some("bcast") => {
            s.duration = Duration::from_secs(12);
            let p = &mut s.protocols;
            p.discovery = None; p.handshake = None; p.liveness = None; p.leave = false; p.membership = None; p.detection = None;
            p.overlay = Overlay::Pinned(Graph::RandomRegular(5));
            s.network.link.latency = Latency::Uniform(Duration::from_millis(10), Duration::from_millis(50));
            s.workload = vec![Workload { from: Selection::Range(0, 10), rate: 5.0, size: 64, start: Duration::from_secs(1), stop: Some(Duration::from_secs(10)), arrivals: Arrivals::Periodic }];
        }
        Some("split") => {
            s.duration = Duration::from_secs(100);
            s.faults = vec![
                Fault { at: Duration::from_secs(20), kind: FaultKind::Partition(vec![Selection::Share(0.0, 0.5)]) },
                Fault { at: Duration::from_secs(40), kind: FaultKind::Heal },
            ];
            s.workload = vec![Workload { from: Selection::All, rate: 0.2, size: 64, start: Duration::from_secs(5), stop: Some(Duration::from_secs(70)), arrivals: Arrivals::Poisson }];
            if args.len() > 3 { s.crypto = murmuration::crypto::CryptoMode::Real; }
        }
        _ => {}
    }
    let r = run(&s, &RunOptions { threads: 1, ..RunOptions::default() }).unwrap();
    let mut last = (0, 0, 0, 0, 0);
    for x in &r.samples {
        let now = (x.up, x.complete_views, x.degree_min, x.degree_max, x.suspected as u32);
        if now != last { println!("{:7.2} up {} complete {} known {:.1} deg {}..{} {:.2} suspected {} links {}", x.seconds, x.up, x.complete_views, x.known_mean, x.degree_min, x.degree_max, x.degree_mean, x.suspected, x.links); last = now; }
    }
    let mut kinds = std::collections::BTreeMap::new();
    for e in &r.events { *kinds.entry(format!("{} {}", e.kind, if e.kind == "session_closed" { &e.detail } else { "" })).or_insert(0) += 1; }
    println!("{kinds:?}");
    let reached: u64 = r.broadcasts.iter().map(|b| b.reached as u64).sum(); let expected: u64 = r.broadcasts.iter().map(|b| b.expected as u64).sum();
    let rmr: f64 = r.broadcasts.iter().skip(r.broadcasts.len() / 2).map(|b| b.rmr).sum::<f64>() / (r.broadcasts.len() - r.broadcasts.len() / 2).max(1) as f64;
    println!("broadcasts {} reached {reached}/{expected} rmr2 {rmr:.3} dup {} lat {:?}", r.broadcasts.len(), r.duplicate_deliveries, r.latency);
    println!("events {} wall {:.2} = {:.2} M/s rss {} MB false {} missed {} refusals {:?} digest {}", r.meta.events, r.meta.wall_seconds, r.meta.events as f64 / r.meta.wall_seconds / 1e6, r.meta.peak_rss_bytes.unwrap_or(0) >> 20, r.false_suspicions, r.missed_detections, r.refusals, r.meta.digest);
}
