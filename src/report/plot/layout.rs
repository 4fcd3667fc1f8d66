//! Where the nodes of a graph go: forces until they rest. Deterministic: no draw is random.

use std::f64::consts::TAU;

/// Places nodes in the unit square after Fruchterman and Reingold (*Graph Drawing by Force-directed Placement*, 1991): all nodes repel, linked
/// ones attract, all are drawn to the middle a little, and moves get shorter with time. `groups` gives each node's group; those of one group
/// begin side by side.
pub(super) fn place(groups: &[usize], edges: &[(usize, usize)]) -> Vec<(f64, f64)> {
    let n = groups.len();
    if n == 0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|i| (groups[*i], *i));
    let mut at = vec![(0.0, 0.0); n];
    for (place, node) in order.into_iter().enumerate() {
        // A circle with a wobble of the golden ratio: symmetric starts rest in places that are not the best.
        let angle = TAU * place as f64 / n as f64;
        let radius = 0.35 + 0.15 * (place as f64 * 0.618_033_988_75).fract();
        at[node] = (radius * angle.cos(), radius * angle.sin());
    }
    let ideal = (1.0 / n as f64).sqrt();
    let rounds = if n <= 150 { 900 } else { 400 };
    let mut push = vec![(0.0, 0.0); n];
    for round in 0..rounds {
        push.fill((0.0, 0.0));
        for i in 0..n {
            for j in i + 1..n {
                let (dx, dy) = (at[i].0 - at[j].0, at[i].1 - at[j].1);
                let square = (dx * dx + dy * dy).max(1e-6);
                let force = ideal * ideal / square;
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
    fit(&mut at);
    at
}

/// Stretches the places to fill the unit square.
fn fit(at: &mut [(f64, f64)]) {
    let ends = |axis: fn(&(f64, f64)) -> f64| {
        let low = at.iter().map(axis).fold(f64::INFINITY, f64::min);
        let high = at.iter().map(axis).fold(f64::NEG_INFINITY, f64::max);
        move |value: f64| if high > low { (value - low) / (high - low) } else { 0.5 }
    };
    let (x, y) = (ends(|place| place.0), ends(|place| place.1));
    for place in at {
        *place = (x(place.0), y(place.1));
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
        assert!((0..40).all(|i| distance(i, (i + 20) % 40) > 1.5 * linked));
        assert!(at.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)));
        assert_eq!(at, place(&[0; 40], &edges));
    }

    #[test]
    fn few_nodes_are_placed_too() {
        assert!(place(&[], &[]).is_empty());
        assert_eq!(place(&[0], &[]), [(0.5, 0.5)]);
        assert!(place(&[0, 0], &[(0, 1)]).iter().all(|(x, y)| x.is_finite() && y.is_finite()));
    }
}
