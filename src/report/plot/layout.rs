//! Where the nodes of a graph go. Deterministic: no draw is random.

use std::collections::VecDeque;
use std::f64::consts::{PI, TAU};

/// Places nodes in the unit square. `groups` gives each node's group; those of one group begin side by side.
///
/// First after Fruchterman and Reingold (*Graph Drawing by Force-directed Placement*, 1991), which untangles; then by stress majorisation
/// (Gansner, Koren and North, *Graph Drawing by Stress Majorization*, 2004), which makes distances those of the graph.
pub(super) fn place(groups: &[usize], edges: &[(usize, usize)]) -> Vec<(f64, f64)> {
    let mut at = circle(groups);
    if at.len() > 1 {
        untangle(&mut at, edges);
        majorise(&mut at, &distances(groups.len(), edges));
        turn(&mut at);
    }
    fit(&mut at);
    at
}

/// Moves nodes apart that are closer than `least`, each a little at a time.
pub(super) fn separate(at: &mut [(f64, f64)], least: f64) {
    for _ in 0..80 {
        for i in 0..at.len() {
            for j in i + 1..at.len() {
                let (dx, dy) = (at[i].0 - at[j].0, at[i].1 - at[j].1);
                let distance = dx.hypot(dy).max(1e-6);
                if distance < least {
                    let push = (least - distance) / distance * 0.25;
                    at[i] = (at[i].0 + dx * push, at[i].1 + dy * push);
                    at[j] = (at[j].0 - dx * push, at[j].1 - dy * push);
                }
            }
        }
    }
}

fn circle(groups: &[usize]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|i| (groups[*i], *i));
    let mut at = vec![(0.0, 0.0); groups.len()];
    for (place, node) in order.into_iter().enumerate() {
        // With a wobble of the golden ratio: symmetric starts rest in places that are not the best.
        let angle = TAU * place as f64 / groups.len() as f64;
        let radius = 0.35 + 0.15 * (place as f64 * 0.618_033_988_75).fract();
        at[node] = (radius * angle.cos(), radius * angle.sin());
    }
    at
}

/// All nodes repel, linked ones attract, all are drawn to the middle a little, and moves get shorter with time.
fn untangle(at: &mut [(f64, f64)], edges: &[(usize, usize)]) {
    let ideal = (1.0 / at.len() as f64).sqrt();
    let rounds = if at.len() <= 150 { 600 } else { 250 };
    let mut push = vec![(0.0, 0.0); at.len()];
    for round in 0..rounds {
        push.fill((0.0, 0.0));
        for i in 0..at.len() {
            for j in i + 1..at.len() {
                let (dx, dy) = (at[i].0 - at[j].0, at[i].1 - at[j].1);
                let force = ideal * ideal / (dx * dx + dy * dy).max(1e-6);
                push[i] = (push[i].0 + dx * force, push[i].1 + dy * force);
                push[j] = (push[j].0 - dx * force, push[j].1 - dy * force);
            }
            push[i] = (push[i].0 - at[i].0 * 0.12, push[i].1 - at[i].1 * 0.12);
        }
        for &(a, b) in edges {
            let (dx, dy) = (at[a].0 - at[b].0, at[a].1 - at[b].1);
            let force = dx.hypot(dy) / ideal * 0.6;
            push[a] = (push[a].0 - dx * force, push[a].1 - dy * force);
            push[b] = (push[b].0 + dx * force, push[b].1 + dy * force);
        }
        let longest = 0.12 * (1.0 - f64::from(round) / f64::from(rounds)).powf(1.4);
        for (place, force) in at.iter_mut().zip(&push) {
            let size = force.0.hypot(force.1).max(1e-12);
            let step = size.min(longest) / size;
            *place = (place.0 + force.0 * step, place.1 + force.1 * step);
        }
    }
}

/// Hops between all pairs; between islands, a little more than across the largest.
fn distances(n: usize, edges: &[(usize, usize)]) -> Vec<Vec<f64>> {
    let mut neighbours = vec![Vec::new(); n];
    for &(a, b) in edges {
        neighbours[a].push(b);
        neighbours[b].push(a);
    }
    let mut hops = vec![vec![f64::NAN; n]; n];
    let mut furthest: f64 = 0.0;
    for (source, row) in hops.iter_mut().enumerate() {
        let mut queue = VecDeque::from([source]);
        row[source] = 0.0;
        while let Some(node) = queue.pop_front() {
            furthest = furthest.max(row[node]);
            for &next in &neighbours[node] {
                if row[next].is_nan() {
                    row[next] = row[node] + 1.0;
                    queue.push_back(next);
                }
            }
        }
    }
    let apart = furthest * 0.6 + 2.0;
    hops.iter_mut().flatten().filter(|hop| hop.is_nan()).for_each(|hop| *hop = apart);
    hops
}

/// Moves each node to where its distances to all others fit best, with weights of 1 / distance², one after the other.
fn majorise(at: &mut [(f64, f64)], hops: &[Vec<f64>]) {
    // From the unit of the first placement to hops.
    let pairs = || (0..at.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
    let measured: f64 = pairs().map(|(i, j)| (at[i].0 - at[j].0).hypot(at[i].1 - at[j].1) / hops[i][j]).sum();
    let scale = (at.len() * (at.len() - 1) / 2) as f64 / measured.max(1e-9);
    at.iter_mut().for_each(|place| *place = (place.0 * scale, place.1 * scale));
    for _ in 0..120 {
        for i in 0..at.len() {
            let (mut x, mut y, mut weights) = (0.0, 0.0, 0.0);
            for j in (0..at.len()).filter(|j| *j != i) {
                let (dx, dy) = (at[i].0 - at[j].0, at[i].1 - at[j].1);
                let weight = hops[i][j].powi(-2);
                let stretch = hops[i][j] / dx.hypot(dy).max(1e-6);
                x += weight * (at[j].0 + dx * stretch);
                y += weight * (at[j].1 + dy * stretch);
                weights += weight;
            }
            at[i] = (x / weights, y / weights);
        }
    }
}

/// Turns the longest extent into the horizontal: pictures are wide.
fn turn(at: &mut [(f64, f64)]) {
    let n = at.len() as f64;
    let (mx, my) = (at.iter().map(|p| p.0).sum::<f64>() / n, at.iter().map(|p| p.1).sum::<f64>() / n);
    let moment = |f: fn(f64, f64) -> f64| at.iter().map(|p| f(p.0 - mx, p.1 - my)).sum::<f64>();
    let (xx, yy, xy) = (moment(|x, _| x * x), moment(|_, y| y * y), moment(|x, y| x * y));
    let angle = if xx == yy && xy == 0.0 { 0.0 } else { 0.5 * (2.0 * xy).atan2(xx - yy) };
    let (sin, cos) = (-angle).clamp(-PI, PI).sin_cos();
    at.iter_mut().for_each(|p| *p = (p.0 * cos - p.1 * sin, p.0 * sin + p.1 * cos));
}

/// Stretches the places to fill the unit square, one direction at most twice as much as the other in a picture that is half as wide again
/// as high: a line stays a line.
fn fit(at: &mut [(f64, f64)]) {
    let ends = |axis: fn(&(f64, f64)) -> f64| {
        let low = at.iter().map(axis).fold(f64::INFINITY, f64::min);
        let high = at.iter().map(axis).fold(f64::NEG_INFINITY, f64::max);
        (f64::midpoint(low, high), high - low)
    };
    let ((x, width), (y, height)) = (ends(|place| place.0), ends(|place| place.1));
    let (width, height) = (width.max(height * 0.75).max(1e-9), height.max(width / 3.0).max(1e-9));
    for place in at {
        *place = (0.5 + (place.0 - x) / width, 0.5 + (place.1 - y) / height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_end_up_closer_than_strangers() {
        let edges: Vec<_> = (0..40).map(|i| (i, (i + 1) % 40)).collect();
        let at = place(&[0; 40], &edges);
        let distance = |a: usize, b: usize| (at[a].0 - at[b].0).hypot(at[a].1 - at[b].1);
        let linked = edges.iter().map(|(a, b)| distance(*a, *b)).fold(0.0, f64::max);
        assert!((0..40).all(|i| distance(i, (i + 20) % 40) > 4.0 * linked));
        assert!(at.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)));
        assert_eq!(at, place(&[0; 40], &edges));
    }

    #[test]
    fn few_nodes_are_placed_too() {
        assert!(place(&[], &[]).is_empty());
        assert_eq!(place(&[0], &[]), [(0.5, 0.5)]);
        assert!(place(&[0, 0], &[(0, 1)]).iter().all(|(x, y)| (x - 0.5).abs() > 0.49 && (y - 0.5).abs() < 0.01));
    }
}
