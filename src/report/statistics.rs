//! Quantiles, medians, and how sure one can be of them.

/// The value below which the fraction `q` of `sorted` lies (nearest rank); `None` if it is empty.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The median of `sorted`.
pub fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { *upper } else { (sorted[middle - 1] + upper) / 2.0 })
}

/// A 95% confidence interval of the median by order statistics, without assumptions on the distribution: the number of samples below
/// the true median is binomial with probability 1/2. With fewer than six samples it is their whole range, which covers less.
pub fn median_band(sorted: &[f64]) -> Option<(f64, f64)> {
    let n = sorted.len();
    let (first, last) = (sorted.first()?, sorted.last()?);
    let mut term = 0.5_f64.powi(n as i32);
    let mut below = 0.0;
    let mut rank = 0;
    // The largest rank with at most 2.5% of the binomial below it, on either side.
    while rank < n / 2 && below + term <= 0.025 {
        below += term;
        term *= (n - rank) as f64 / (rank + 1) as f64;
        rank += 1;
    }
    Some(if rank == 0 { (*first, *last) } else { (sorted[rank - 1], sorted[n - rank]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_of_ten_samples_is_from_the_second_to_the_ninth() {
        // The table of order statistics for n = 10: ranks 2 and 9 cover 97.9%.
        let samples: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(median_band(&samples), Some((2.0, 9.0)));
        assert_eq!(median(&samples), Some(5.5));
        assert_eq!(median_band(&samples[..5]), Some((1.0, 5.0)));
        assert_eq!(median_band(&[]), None);
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let samples: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|q| quantile(&samples, q)), [Some(1.0), Some(50.0), Some(99.0), Some(100.0)]);
        assert_eq!(quantile(&[], 0.5), None);
    }
}
