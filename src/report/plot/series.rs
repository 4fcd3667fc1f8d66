//! Many figures into as many as a picture can show, without hiding an outlier.

/// Points in pixels, in the order of x, thinned to at most four per column: the first, the lowest, the highest and the last.
pub(super) fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut out = Vec::with_capacity(points.len().min(6_000));
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if column.len() <= 4 {
            out.extend_from_slice(column);
            continue;
        }
        let by = |wanted: fn(f64, f64) -> bool| {
            (0..column.len()).reduce(|best, i| if wanted(column[i].1, column[best].1) { i } else { best }).unwrap_or_default()
        };
        let mut kept = [0, by(|a, b| a < b), by(|a, b| a > b), column.len() - 1];
        kept.sort_unstable();
        out.extend(kept.map(|i| column[i]));
    }
    out
}

/// Bands in pixels (x, lower edge, upper edge), in the order of x, merged to one per column that covers all of them.
pub(super) fn envelope(points: &[(f64, f64, f64)]) -> Vec<(f64, f64, f64)> {
    let mut out: Vec<(f64, f64, f64)> = Vec::with_capacity(points.len().min(3_000));
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if let Some(first) = column.first().filter(|_| column.len() > 2) {
            // Pixels grow downwards: the lower edge is the larger number.
            let low = column.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
            let high = column.iter().map(|p| p.2).fold(f64::INFINITY, f64::min);
            out.push((first.0, low, high));
        } else {
            out.extend_from_slice(column);
        }
    }
    out
}

/// Figures over time, gathered in at most `bins` equal periods of `0..end`.
pub(super) struct Bin {
    /// Mean time of the figures.
    pub at: f64,
    pub mean: f64,
    pub min: f64,
    pub max: f64,
}

/// Gathers the figures, which are in any order; empty periods are left out. As many figures as bins or fewer stay single.
pub(super) fn bins(points: impl IntoIterator<Item = (f64, f64)>, end: f64, bins: usize) -> Vec<Bin> {
    let mut points: Vec<(f64, f64)> = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let single = points.len() <= bins;
    let period = |x: f64| (x / end.max(1e-9) * bins as f64).floor();
    points
        .chunk_by(|a, b| !single && period(a.0) == period(b.0))
        .map(|chunk| {
            let n = chunk.len() as f64;
            Bin {
                at: chunk.iter().map(|p| p.0).sum::<f64>() / n,
                mean: chunk.iter().map(|p| p.1).sum::<f64>() / n,
                min: chunk.iter().map(|p| p.1).fold(f64::INFINITY, f64::min),
                max: chunk.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_outliers() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i) / 100.0, 5.0)).collect();
        points[50_550].1 = 99.0;
        points[70_770].1 = -99.0;
        let thinned = thin(&points);
        assert!(thinned.len() <= 4_000);
        assert!(thinned.contains(&points[50_550]) && thinned.contains(&points[70_770]));
        assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn bins_gather_only_when_there_are_many() {
        assert_eq!(bins([(2.0, 1.0), (1.0, 3.0)], 10.0, 5).len(), 2);
        let many = bins((0..1000).map(|i| (f64::from(i) / 100.0, f64::from(i % 2))), 10.0, 5);
        assert_eq!(many.len(), 5);
        assert_eq!((many[0].mean, many[0].min, many[0].max), (0.5, 0.0, 1.0));
    }
}
