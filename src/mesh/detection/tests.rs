//! Detection over membership, in small meshes.

use std::time::Duration;

use super::*;
use crate::kernel::NodeState;
use crate::mesh::membership::MembershipConfig;
use crate::mesh::membership::testbed::Testbed;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn experiment() {
    let mut bed = Testbed::new(50, 0.1, MembershipConfig::default(), DetectionConfig::default());
    bed.link_sparsely();
    bed.start_all();
    bed.run(600 * SECOND);
    let log = bed.log();
    println!("suspected {}", log.suspected.len());
    let mut last = std::collections::BTreeMap::new();
    let mut hist = [0_u32; 30];
    let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
    for (at, node, member) in &log.beats {
        if let Some(before) = last.insert((*node, *member), *at) {
            let gap = at.since(before).as_secs_f64();
            hist[(gap as usize).min(29)] += 1;
            sum += gap;
            squares += gap * gap;
            n += 1.0;
        }
    }
    println!("mean {} std {} hist {hist:?}", sum / n, (squares / n - (sum / n_sq(n)).powi(2)).sqrt());
    let crash = bed.now;
    bed.set_state(7, NodeState::Down);
    bed.run(40 * SECOND);
    let mut times: Vec<f64> = bed
        .log()
        .suspected
        .iter()
        .filter(|(at, _, m)| *at >= crash && *m == bed.id(7))
        .map(|(at, ..)| at.since(crash).as_secs_f64())
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{} detect {:?} .. {:?}", times.len(), times.first(), times.last());
}
fn n_sq(n: f64) -> f64 {
    n
}
