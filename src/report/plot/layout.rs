//! Where nodes are drawn: springs along links, repulsion between all (Fruchterman and Reingold 1991), from a circle, so that the
//! same graph gives the same picture.

/// Positions in the unit square for `count` nodes with these links.
pub fn spring_layout(count: usize, links: &[(usize, usize)]) -> Vec<(f64, f64)> {
    let circle = |node: usize| {
        let angle = std::f64::consts::TAU * node as f64 / count.max(1) as f64;
        (0.5 + 0.45 * angle.cos(), 0.5 + 0.45 * angle.sin())
    };
    let mut places: Vec<(f64, f64)> = (0..count).map(circle).collect();
    let ideal = (1.0 / count.max(1) as f64).sqrt();
    let rounds = 300;
    for round in 0..rounds {
        let mut forces = vec![(0.0, 0.0); count];
        let mut push = |a: usize, b: usize, (dx, dy): (f64, f64), force: f64, distance: f64| {
            let (fx, fy) = (dx / distance * force, dy / distance * force);
            forces[a].0 += fx;
            forces[a].1 += fy;
            forces[b].0 -= fx;
            forces[b].1 -= fy;
        };
        let between = |a: usize, b: usize| (places[a].0 - places[b].0, places[a].1 - places[b].1);
        for a in 0..count {
            for b in a + 1..count {
                let (dx, dy) = between(a, b);
                let distance = dx.hypot(dy).max(1e-6);
                push(a, b, (dx, dy), ideal * ideal / distance, distance);
            }
        }
        for (a, b) in links {
            let (dx, dy) = between(*a, *b);
            let distance = dx.hypot(dy).max(1e-6);
            push(*a, *b, (dx, dy), -distance * distance / ideal, distance);
        }
        let heat = 0.08 * (1.0 - f64::from(round) / f64::from(rounds)) + 0.001;
        for (place, (fx, fy)) in places.iter_mut().zip(forces) {
            let force = fx.hypot(fy).max(1e-9);
            place.0 += fx / force * force.min(heat);
            place.1 += fy / force * force.min(heat);
        }
    }
    fit(&mut places);
    places
}

fn fit(places: &mut [(f64, f64)]) {
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it)))
    };
    let (left, right) = bounds(&mut places.iter().map(|place| place.0));
    let (top, bottom) = bounds(&mut places.iter().map(|place| place.1));
    for place in places {
        place.0 = (place.0 - left) / (right - left).max(1e-9);
        place.1 = (place.1 - top) / (bottom - top).max(1e-9);
    }
}
