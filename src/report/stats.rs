//! The few statistics that results need.

/// The `q`-quantile of sorted values by nearest rank: the smallest value that at least a fraction `q` of all do not exceed.
/// `None` if there are no values.
pub fn percentile(sorted: &[f64], q: f64) -> Option<f64> {
    let index = nearest_rank(sorted.len(), q)?;
    sorted.get(index).copied()
}

/// Index of the `q`-quantile of `n` sorted values by nearest rank.
pub(super) fn nearest_rank(n: usize, q: f64) -> Option<usize> {
    (n > 0).then(|| ((q * n as f64).ceil() as usize).clamp(1, n) - 1)
}

/// Median and a confidence band for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MedianBand {
    /// The median: the middle value, or the mean of the two in the middle.
    pub median: f64,
    /// Lower end of the band.
    pub low: f64,
    /// Upper end of the band.
    pub high: f64,
    /// Probability with which the band covers the true median, if the values are independent draws. Below 0.95 where even
    /// the extremes do not reach it: fewer than six values.
    pub coverage: f64,
}

/// The median of the values and its 95% confidence band, which assumes nothing about their distribution: order statistics.
///
/// The number of values below the true median is binomial with p = 1/2, so that the k-th smallest and the k-th largest of n
/// values enclose it with probability `1 - 2 P(X < k)`, X ~ Bin(n, 1/2). Taken is the largest k (the narrowest band) for
/// which that is at least 0.95, or k = 1 if there is none. (Conover, *Practical Nonparametric Statistics*, section 3.2.)
pub fn median_band(values: &[f64]) -> Option<MedianBand> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 {
        return None;
    }
    let median = if n % 2 == 1 { sorted[n / 2] } else { f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]) };
    let mut k = 1;
    while 2 * k < n && coverage(n, k + 1) >= 0.95 {
        k += 1;
    }
    Some(MedianBand { median, low: sorted[k - 1], high: sorted[n - k], coverage: coverage(n, k) })
}

/// Probability that the k-th smallest and the k-th largest of n values enclose the median.
fn coverage(n: usize, k: usize) -> f64 {
    let mut tail = 0.0;
    // In logarithms: 2^-n is nothing for n above 1,000.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    for i in 0..k {
        tail += log_term.exp();
        log_term += ((n - i) as f64).ln() - ((i + 1) as f64).ln();
    }
    (1.0 - 2.0 * tail).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), Some(50.0));
        assert_eq!(percentile(&values, 0.99), Some(99.0));
        assert_eq!(percentile(&values, 1.0), Some(100.0));
        assert_eq!(percentile(&values, 0.0), Some(1.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn band_ranks_are_those_of_the_tables() {
        // Ranks as tables of the binomial distribution give them.
        for (n, k) in [(6, 1), (8, 1), (9, 2), (10, 2), (15, 4), (20, 6), (30, 10), (50, 18), (100, 40)] {
            let values: Vec<f64> = (1..=n).map(f64::from).collect();
            let band = median_band(&values).unwrap();
            assert_eq!((band.low, band.high), (f64::from(k), f64::from(n + 1 - k)), "n = {n}");
            assert!(band.coverage >= 0.95);
        }
    }

    #[test]
    fn few_values_give_their_extremes_and_say_so() {
        let band = median_band(&[3.0, 1.0, 2.0, 10.0]).unwrap();
        assert_eq!((band.low, band.median, band.high), (1.0, 2.5, 10.0));
        assert_eq!(band.coverage, 0.875);
        assert_eq!(median_band(&[7.0]).unwrap().median, 7.0);
        assert_eq!(median_band(&[f64::NAN]), None);
        assert!(median_band(&vec![1.0; 5000]).unwrap().coverage >= 0.95);
    }
}
